import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Fault } from "../../../../core/errors.ts";
import type { RecoveredTable } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Taken } from "./after.ts";
import { mostGroupRows, tooManyInGroup } from "../pages/newest.ts";
import { linesOf, splitLine } from "./lines.ts";
import { type CloneTable, keyColumns } from "./tables.ts";

/** What the statement's commits took of each table, added up. */
export type Sums = Map<TableName, Sum>;

export interface Sum {
  readonly sum: RecoveredTable;
  /** Columns of its key. */
  readonly keys: readonly string[];
}

export function addTaken(sums: Sums, table: CloneTable, taken: Taken): void {
  const before = sums.get(table.table);
  const columns = table.names;
  const keys = keyColumns(table).map(({ name }) => name);
  const isSame = (one: readonly string[], other: readonly string[]) => one.join("\0") === other.join("\0");
  if (before && !(isSame(before.sum.columns, columns) && isSame(before.keys, keys))) throw changedBetween(table.table);
  const so = before?.sum ?? { rows: 0, updated: 0, moved: 0, own: 0 };
  const sum: RecoveredTable = {
    table: table.table,
    columns,
    rows: so.rows + taken.rows,
    updated: so.updated + taken.updated,
    moved: so.moved + taken.moved,
    own: so.own + taken.own,
    unknown: 0,
  };
  sums.set(table.table, { sum, keys });
}

function changedBetween(table: TableName): Fault {
  return new Fault("HF-CLONE-COLUMNS", `${table} got other columns or another key while the group went on`, {
    exit: "refused",
    still: "Nothing was written on the target.",
    hint: "Begin a new run that chooses one of the transactions; then give this one up.",
  });
}

/** A row that a group took more than once comes back once, as the latest of its commits took it. */
export async function joinParts(
  sums: Sums,
  filesOf: (table: TableName) => { readonly parts: readonly string[]; readonly to: string },
): Promise<void> {
  for (const [table, { sum, keys }] of sums) {
    const { parts, to } = filesOf(table);
    const older = await newestLines(table, parts, keys.length, to);
    sums.set(table, { sum: { ...sum, rows: sum.rows - older, ...(older > 0 ? { older } : {}) }, keys });
  }
}

const atOnce = 2000;

/**
 * Joins what each commit of a group took from one table, oldest first in `parts`, each line with its key's `keys` fields before it: of
 * several lines of one key, a row that was put back and taken again, the newest commit's stays. Gives how many older ones were left out.
 * Memory grows with the rows' keys. Without a key nothing is the same row. Faults `HF-PG-GROUP-SIZE` where they are too many.
 */
async function newestLines(table: TableName, parts: readonly string[], keys: number, to: string): Promise<number> {
  const there = parts.filter((part) => existsSync(part));
  const seen = new Set<string>();
  let older = 0;
  for (const part of keys === 0 ? [] : there.toReversed()) {
    const newest = async function* (): AsyncGenerator<Buffer> {
      for await (const lines of linesOf(part, atOnce)) {
        const left = lines.flatMap((line) => newOf(line, keys, seen));
        older += lines.length - left.length;
        if (seen.size > mostGroupRows) throw tooManyInGroup(table);
        if (left.length > 0) yield Buffer.from(left.map((line) => `${line}\n`).join(""), "latin1");
      }
    };
    await pipeline(newest, createWriteStream(`${part}.newest`, { flags: "w", mode: 0o600 }));
    renameSync(`${part}.newest`, part);
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    for (const part of there) yield* createReadStream(part) as AsyncIterable<Buffer>;
  };
  await pipeline(all, createWriteStream(to, { flags: "w", mode: 0o600 }));
  for (const part of there) rmSync(part);
  return older;
}

/** The line without its key, unless a newer one had that key. */
function newOf(line: string, keys: number, seen: Set<string>): readonly string[] {
  const { first, rest } = splitLine(line, keys);
  const key = first.join("\t");
  if (seen.has(key)) return [];
  seen.add(key);
  return [rest];
}
