import { plural } from "../../words/format.ts";
import type { Key } from "./decode.ts";

/** What the operator types to confirm. Never filled by anything but single, human key strokes. */
export interface TypedLine {
  readonly text: string;
  readonly last: string;
  readonly lastAt: number;
  /** How many times the last character came faster than a hand types. */
  readonly repeats: number;
  readonly refused: string;
}

export const emptyLine: TypedLine = { text: "", last: "", lastAt: 0, repeats: 0, refused: "" };

const repeatMs = 40;
const repeatsAllowed = 4;
const longest = 200;

/** One key into the line; pure. Pastes and whole phrases in one read are refused with words, auto-repeat clears the line. */
export function typeKey(line: TypedLine, key: Key, phrase: string, now: number): TypedLine {
  if (key.kind === "paste") return { ...line, refused: "Pasted text is refused: type it by hand." };
  if (key.kind === "text") return typeText(line, key.text, phrase, now);
  if (key.name === "backspace") return { ...line, text: line.text.slice(0, -1), refused: "", repeats: 0, last: "" };
  return line;
}

function typeText(line: TypedLine, text: string, phrase: string, now: number): TypedLine {
  if (text.length > 1 && text.length >= phrase.length) {
    return { ...line, refused: "That came all at once, like a paste: type it by hand." };
  }
  if (!/^[\x20-\x7e]+$/.test(text))
    return { ...line, refused: "Only plain letters, digits and signs can be typed here." };
  const repeats = text === line.last && now - line.lastAt < repeatMs ? line.repeats + 1 : 1;
  if (repeats >= repeatsAllowed) {
    return { ...emptyLine, last: text, lastAt: now, repeats, refused: "A key was held down: the field was cleared." };
  }
  return { text: (line.text + text).slice(0, longest), last: text, lastAt: now, repeats, refused: "" };
}

/** How a text differs from the phrase, without repeating it: it may be a password in the wrong window. */
export function howDiffers(text: string, phrase: string): string {
  if (text.toLowerCase() === phrase.toLowerCase()) return "capital and small letters differ";
  if (phrase.startsWith(text)) return `it ends too early: ${text.length} of ${phrase.length} characters`;
  if (text.startsWith(phrase)) return `it goes on too long, by ${plural(text.length - phrase.length, "character")}`;
  if (phrase.endsWith(`/${text}`)) return "the environment in front of the name is missing";
  const at = Array.from(phrase).findIndex((char, index) => char !== text[index]);
  return `it differs from character ${at + 1} on`;
}
