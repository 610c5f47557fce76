/** One thing that a hand did. `text` is a run of printable characters that came in one read. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "named"; readonly name: NamedKey }
  | { readonly kind: "paste"; readonly text: string };

export type NamedKey =
  | "enter"
  | "escape"
  | "backspace"
  | "tab"
  | "shift-tab"
  | "up"
  | "down"
  | "left"
  | "right"
  | "home"
  | "end"
  | "pgup"
  | "pgdn"
  | "delete"
  | `ctrl-${string}`
  | "unknown";

const pasteStart = "\u001B[200~";
const pasteEnd = "\u001B[201~";

const sequences: Readonly<Record<string, NamedKey>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  "[H": "home",
  "[F": "end",
  OH: "home",
  OF: "end",
  "[1~": "home",
  "[4~": "end",
  "[3~": "delete",
  "[5~": "pgup",
  "[6~": "pgdn",
  "[Z": "shift-tab",
};

export interface Decoded {
  readonly keys: readonly Key[];
  /** The beginning of a sequence whose end has not arrived. */
  readonly rest: string;
}

/** Cuts what a terminal sent into keys; pure. `rest` goes in front of the next chunk. */
export function decode(input: string): Decoded {
  const keys: Key[] = [];
  let at = 0;
  while (at < input.length) {
    const cut = next(input, at);
    if (cut === null) return { keys, rest: input.slice(at) };
    keys.push(cut.key);
    at = cut.to;
  }
  return { keys, rest: "" };
}

/** A paste may arrive in many pieces; its end is waited for longer than that of a key. */
export function isUnfinishedPaste(rest: string): boolean {
  return rest.startsWith(pasteStart);
}

/** What an unfinished sequence means once nothing more came: a lone ESC is the Esc key, a cut paste is still a paste. */
export function decodeRest(rest: string): readonly Key[] {
  if (rest === "") return [];
  if (isUnfinishedPaste(rest)) return [{ kind: "paste", text: rest.slice(pasteStart.length) }];
  return [{ kind: "named", name: rest === "\u001B" ? "escape" : "unknown" }];
}

type Cut = { readonly key: Key; readonly to: number } | null;

function next(input: string, at: number): Cut {
  if (input[at] === "\u001B") return sequence(input, at);
  const code = input.charCodeAt(at);
  if (code < 0x20 || code === 0x7f) return { key: { kind: "named", name: control(code) }, to: at + 1 };
  return printable(input, at);
}

function sequence(input: string, at: number): Cut {
  if (input.startsWith(pasteStart, at)) return paste(input, at + pasteStart.length);
  const rest = input.slice(at + 1);
  // oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
  const found = /^(?:\[[0-?]*[ -/]*[@-~]|O[A-Za-z])/.exec(rest)?.[0];
  if (found !== undefined) return named(sequences[found] ?? "unknown", at + 1 + found.length);
  if (rest === "" || rest === "O" || /^\[[0-?]*[ -/]*$/.test(rest)) return null;
  // ESC and a letter is Alt and that letter (bound to nothing); ESC ESC is Esc, and what follows is looked at again.
  if (rest.startsWith("\u001B")) return named("escape", at + 1);
  return named("unknown", at + 2);
}

function paste(input: string, from: number): Cut {
  const end = input.indexOf(pasteEnd, from);
  if (end < 0) return null;
  return { key: { kind: "paste", text: input.slice(from, end) }, to: end + pasteEnd.length };
}

function named(name: NamedKey, to: number): Cut {
  return { key: { kind: "named", name }, to };
}

function control(code: number): NamedKey {
  if (code === 0x0d || code === 0x0a) return "enter";
  if (code === 0x09) return "tab";
  if (code === 0x7f || code === 0x08) return "backspace";
  return code === 0 ? "unknown" : `ctrl-${String.fromCharCode(code + 0x60)}`;
}

function printable(input: string, at: number): Cut {
  let to = at;
  while (to < input.length && input.charCodeAt(to) >= 0x20 && input.charCodeAt(to) !== 0x7f) to += 1;
  return { key: { kind: "text", text: input.slice(at, to) }, to };
}
