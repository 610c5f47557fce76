import { setTimeout as sleep } from "node:timers/promises";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import type { Operator } from "./operator.ts";

/** A screen that is longer than the window, as its reader has it in the end: every line once, in order. */
export async function wholeOf(tty: Operator, columns: number): Promise<string> {
  const lines: string[] = [];
  await sleep(questionSettlesMs);
  for (let pages = 0; pages < 12; pages += 1) {
    await looksRight(tty, columns);
    lines.push(...tty.rows().filter((line) => !lines.includes(line)));
    const before = tty.text();
    await tty.type(keys.pageDown);
    if (!(await changes(tty, before))) break;
  }
  for (let pages = 0; pages < 4; pages += 1) await tty.type(keys.pageUp, 150);
  return lines
    .map((line) => line.trim())
    .join(" ")
    .replaceAll(/\s+/g, " ");
}

/** Within a second: what is not drawn by then was the end. */
async function changes(tty: Operator, before: string): Promise<boolean> {
  for (let tries = 0; tries < 20 && tty.text() === before; tries += 1) await sleep(50);
  return tty.text() !== before;
}
