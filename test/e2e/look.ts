import { expect } from "vitest";
import type { Operator } from "./operator.ts";

/** From the choice of a target on, row 1 names it on every screen. */
export const onShop = /^!! PRODUCTION !! {2}shop @ /;

/** What holds on every screen of every size; a frame that is still being drawn is given a moment. */
export async function looksRight(tty: Operator, columns: number, head = onShop): Promise<void> {
  await expect.poll(() => faults(tty, columns, head), { timeout: 5_000, interval: 25 }).toEqual([]);
}

function faults(tty: Operator, columns: number, head: RegExp): readonly string[] {
  const rows = tty.rows();
  const cut = rows.filter((line, index) => isCut(line, rows[index + 1] ?? "", columns));
  const footers = rows.filter((line) => line.includes("^C stop"));
  return [
    ...(head.test(rows[0] ?? "") ? [] : [`row 1: ${rows[0]}`]),
    ...rows.slice(1).flatMap((line) => (head.test(line) ? [`row 1 again: ${line}`] : [])),
    ...(footers.length === 1 ? [] : [`${footers.length} footers`]),
    ...tty.wrapped().map((line) => `wrapped: ${line}`),
    ...(tty.scrolled() === 0 ? [] : [`${tty.scrolled()} rows scrolled away`]),
    ...rows.filter((line) => !/^[\x20-\x7e]*$/.test(line)).map((line) => `not ASCII: ${line}`),
    ...cut.map((line) => `cut without a mark: ${line}`),
  ];
}

/** A row that fills the window is a rule, a whole sentence, has columns that end there, goes on below, or says by `..` that it was cut. */
function isCut(line: string, below: string, columns: number): boolean {
  if (line.length < columns) return false;
  const ends = /^-+$|\.\)?$/.test(line); // a rule, a sentence, or the mark
  return !(ends || /\S {2,}\S/.test(line) || /^( {4}|lines )/.test(below));
}
