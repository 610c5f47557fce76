import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../test/support/source.ts";
import { keys, openTerminal, questionSettlesMs, type Terminal } from "../../test/support/terminal.ts";
import type { Picture } from "./svg.ts";

export interface Taken extends Picture {
  readonly name: string;
  /** The rows as the terminal had them just then. */
  readonly words: readonly string[];
}

const window = { columns: 96, rows: 29 };
const patience = 180_000;

/** Runs the demo in a pseudo-terminal as a person would, and takes the screen at two moments. */
export async function takePictures(orders: number): Promise<readonly Taken[]> {
  const home = mkdtempSync(path.join(os.tmpdir(), "hf-picture-"));
  const state = path.join(home, "state");
  mkdirSync(state, { mode: 0o700 });
  const env = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: home,
    XDG_STATE_HOME: state,
    LANG: "C.UTF-8",
    COLORTERM: "",
  };
  const terminal = openTerminal({ args: ["demo", "--rows", String(orders)], ...window, cwd: root, env, bare: true });
  try {
    return await walk(terminal);
  } finally {
    terminal.kill("SIGTERM");
    await Promise.race([terminal.exited, sleep(30_000, undefined, { ref: false })]);
    rmSync(home, { recursive: true, force: true });
  }
}

async function walk(terminal: Terminal): Promise<readonly Taken[]> {
  await answerUntil(terminal, /^Choose the way back {3}\d+ to choose from/m);
  await sleep(questionSettlesMs);
  await terminal.type(keys.down);
  await terminal.sees(/^> /m);
  const choice = await taken(
    terminal,
    "choice",
    "Choosing the way back: each with its time, its loss and what it needs",
  );
  await answerUntil(terminal, /^DONE {2}/m);
  await terminal.sees(/rows are back/);
  const done = await taken(terminal, "done", "Done: every row is back, proved equal");
  await terminal.type("q");
  await Promise.race([terminal.exited, sleep(patience, undefined, { ref: false })]);
  return [choice, done];
}

/** Once nothing changes any more. */
async function taken(terminal: Terminal, name: string, title: string): Promise<Taken> {
  let words = terminal.rows();
  for (let still = 0; still < 3; still += 1) {
    await sleep(400);
    if (terminal.rows().join("\n") === words.join("\n")) continue;
    words = terminal.rows();
    still = -1;
  }
  return { name, title, rows: terminal.cells(), words };
}

const questions = /g goes ahead\.|Type the name of this database|to choose from|WHAT NEXT\?/m;
/** Longer than the time within which the same key twice is a held key. */
const sameKeyMs = 900;

async function answerUntil(terminal: Terminal, stop: RegExp): Promise<void> {
  const either = new RegExp(`${stop.source}|${questions.source}`, "m");
  for (let turn = 0; turn < 80; turn += 1) {
    await terminal.sees(either, patience);
    if (stop.test(terminal.text())) return;
    await sleep(sameKeyMs);
    if (stop.test(terminal.text())) return;
    await terminal.type(answerTo(terminal.text()), 60);
  }
  throw new Error(`not there after many answers. The screen:\n${terminal.text()}`);
}

function answerTo(screen: string): string {
  if (screen.includes("not read yet")) return keys.pageDown;
  if (screen.includes("g goes ahead.")) return "g";
  if (screen.includes("Type the name of this database")) return `shop${keys.enter}`;
  if (screen.includes("\n> keep it")) return keys.down;
  if (screen.includes("to choose from")) return screen.includes("\n> ") ? keys.enter : keys.down;
  return ""; // the answered question was still drawn: it is gone by the next turn
}
