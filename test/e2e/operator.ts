import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished } from "vitest";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { root } from "../support/source.ts";
import { keys, openTerminal, questionSettlesMs, type Terminal } from "../support/terminal.ts";

export interface Seat {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** A whole command line, as it was printed, instead of the program with its arguments. */
  readonly pasted?: string;
}

export interface Left {
  /** The exit code's name in the one table. */
  readonly exit: string;
  /** What was printed, each line as it was said, on the normal screen after the screens were gone. */
  readonly printed: string;
  /** Every command line in it, as it can be pasted. */
  readonly commands: readonly string[];
}

/** Somebody who reads the screen before pressing a key. */
export interface Operator extends Terminal {
  /** Sees a question, lets it settle, then presses: what a hand does that reads first. */
  answers(question: string | RegExp, typed: string): Promise<void>;
  /** PgDn until nothing of a question's preview is left to read. */
  reads(): Promise<void>;
  /** Keeps a key down, as a keyboard repeats it, for as long as the work takes; several are hammered in turn. */
  holds(keys: string | readonly string[], work: () => Promise<void>): Promise<void>;
  /** The program's own process; the shell around it is `pid`. */
  program(): number;
  /** Answers every question of the runbook until the screen shows this; the end of the run unless told. */
  goesOn(until?: RegExp): Promise<void>;
  /** Waits for the end of the program, and proves that the terminal is as it was. */
  leaves(): Promise<Left>;
}

const sane = "[the terminal is as it was]";
/** Around the program: compares the terminal's modes before and after, and hands its exit code on. The prompt is not at the top. */
const shell = `printf 'earlier\\nwork\\nin this\\nshell\\n$ holdfast'; before=$(stty -g); "$@"; code=$?; after=$(stty -g)
if [ "$before" = "$after" ]; then echo "${sane}"; else echo "[changed]"; stty -a; fi; exit $code`;

export function operatorAt(
  seat: Seat & { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Operator {
  const node24 = path.join(root, "node_modules/.bin/node");
  const words =
    seat.pasted === undefined
      ? [node24, path.join(root, "dist/main.js"), ...(seat.args ?? [])]
      : ["sh", "-c", seat.pasted];
  const { columns = 100, rows = 30, cwd, env } = seat;
  const terminal = openTerminal({
    program: ["sh", "-c", shell, "sh"],
    args: words,
    columns,
    rows,
    cwd,
    env,
    bare: true,
  });
  onTestFinished(() => endGroup(terminal.pid));
  return {
    ...terminal,
    answers: async (question, typed) => {
      await terminal.sees(question);
      await sleep(questionSettlesMs);
      await terminal.type(typed, 60);
    },
    reads: () => readOn(terminal),
    holds: async (held, work) => {
      const hammered = [held].flat();
      let nth = 0;
      const down = setInterval(() => terminal.send(hammered[nth++ % hammered.length] ?? ""), 33);
      await work().finally(() => clearInterval(down));
    },
    program: () => programBelow(terminal.pid),
    goesOn: (until = doneRow) => goOnUntil(terminal, until),
    leaves: () => leave(terminal, columns),
  };
}

const doneRow =
  /^DONE(?:, BUT [^ ]+ ROWS? (?:ARE NOT BACK|IS NOT BACK|MAY BE MISSING)|; [^ ]+ ROWS? LEFT AS (?:IT IS|THEY ARE))? {2}/m;
const questions = /g goes ahead\.|Type the name of this database|to choose from|WHAT NEXT\?/m;
const most = 60;
/** Longer than the time within which the same key twice is a held key. */
const sameKeyMs = 800;

async function goOnUntil(terminal: Terminal, stop: RegExp): Promise<void> {
  let last = "";
  for (let turn = 0; turn < most; turn += 1) {
    await terminal.sees(new RegExp(`${stop.source}|${questions.source}`, "m"), 60_000);
    if (stop.test(terminal.text())) return;
    await sleep(questionSettlesMs);
    if (stop.test(terminal.text())) return; // the answered question was still drawn when this turn began
    const answer = answerTo(terminal.text());
    if (answer === last) await sleep(sameKeyMs - questionSettlesMs);
    await terminal.type(answer, 60);
    last = answer;
  }
  throw new Error(`not there after ${most} answers. The screen:\n${terminal.text()}`);
}

async function readOn(terminal: Terminal): Promise<void> {
  await sleep(questionSettlesMs);
  while (terminal.text().includes("not read yet")) {
    await terminal.type(keys.pageDown);
    await sleep(150);
  }
}

function answerTo(text: string): string {
  if (text.includes("not read yet")) return keys.pageDown;
  if (text.includes("g goes ahead.")) return "g";
  if (text.includes("Type the name of this database")) return `shop${keys.enter}`;
  // What loses nothing stands first; these tests want a server on which nothing is left.
  if (text.includes("\n> keep it")) return keys.down;
  if (text.includes("\n> give everything back now, the only copy too")) return "g";
  if (text.includes("to choose from")) return text.includes("\n> ") ? keys.enter : keys.down;
  if (text.includes("WHAT NEXT?")) return text.includes("not failed: not known") ? "i" : "r";
  return "";
}

async function leave(terminal: Terminal, columns: number): Promise<Left> {
  const { code } = await Promise.race([terminal.exited, late(terminal)]);
  const bytes = terminal.bytes();
  const after = bytes.slice(bytes.lastIndexOf("\u001B[?1049l"));
  expect(after, bytes.slice(-2000)).toContain(sane);
  expect(isLast(bytes, "\u001B[?1049l", "\u001B[?1049h")).toBe(true); // the normal screen
  expect(isLast(bytes, "\u001B[?25h", "\u001B[?25l")).toBe(true); // the cursor
  expect(isLast(bytes, "\u001B[?2004l", "\u001B[?2004h")).toBe(true); // pastes are typed again
  const printed = after.replaceAll(modes, "").replaceAll("\r\n", "\n").replace(sane, "");
  // What is to be pasted stays whole; nothing else leaves it to the terminal where a word is broken.
  const wide = printed.split("\n").filter((line) => line.length > columns && !/main\.js|by hand|in a shell/.test(line));
  expect(wide).toEqual([]);
  return { exit: exitName(code), printed: unbroken(printed), commands: commandsIn(printed) };
}

// oxlint-disable-next-line no-control-regex -- what switches a terminal's modes takes no room
const modes = /\u001B\[\?\d+[hl]/g;

/** Lines as they were said, before a window's width broke them between words. */
function unbroken(printed: string): string {
  return printed.replaceAll(/\n {2,}(?!\s|holdfast |node |\S*\/node |by hand|then, in)/g, " ");
}

function late(terminal: Terminal): Promise<never> {
  return sleep(60_000, undefined, { ref: false }).then(() => {
    throw new Error(`the program has not ended. The screen:\n${terminal.text()}`);
  });
}

/** Of two modes, the first was set last. */
function isLast(bytes: string, mode: string, other: string): boolean {
  return bytes.lastIndexOf(mode) > bytes.lastIndexOf(other);
}

export function exitName(code: number): string {
  return Object.entries(exitCodes).find(([, exit]) => exit.code === code)?.[0] ?? String(code);
}

/** Lines that begin with a program: what an operator would take by a triple click. */
export function commandsIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => /^\s*((?:holdfast|node) .+)$/.exec(line)?.[1]?.trim() ?? []);
}

/** The newest process below this one that runs our entry: an older Node starts a newer one. */
function programBelow(pid: number): number {
  const found = descendants(pid).findLast((one) => wordsOf(one).some((word) => word.endsWith("dist/main.js")));
  if (found === undefined) throw new Error("the program is not running");
  return found;
}

function descendants(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function wordsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
}

/** Whatever a failed test left running; the shell leads a group of its own. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // all of it has ended
  }
}
