import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Connection } from "../../connection.ts";
import { fieldValue, linesOf, splitLine } from "./lines.ts";
import { type Files, onlyEnded, type ReadTable } from "./before.ts";
import { placeText } from "../pages/layout.ts";
import type { Trace } from "./trace.ts";
import { type CloneTable, fileOf, keyColumns } from "./tables.ts";

/** What became of the rows that were there just before. `rows` were written to the file. */
export interface Taken {
  readonly rows: number;
  readonly updated: number;
  readonly moved: number;
  readonly own: number;
}

const atOnce = 2000;

/** By place: nothing but the COMMIT lies between, so what is gone from its place was ended by it; the log says in which way. */
export async function takenByPlace(clone: Connection, table: ReadTable, trace: Trace, files: Files): Promise<Taken> {
  const counts = await filterByFate(clone, table, trace, files, (line, fate) => (fate === "deleted" ? [line] : []));
  const { deleted: rows, updated, moved } = counts;
  return { rows, updated, moved, own: trace.deletes - rows };
}

/** The same of rows that it changed: each line begins with the place of what replaced the row. */
export async function changedByPlace(clone: Connection, table: ReadTable, trace: Trace, files: Files): Promise<Taken> {
  const counts = await filterByFate(clone, table, trace, files, ({ rest }, fate, at) => {
    const end = fate === "updated" ? trace.endOf(...at) : null;
    return end === null ? [] : [{ first: [], rest: `${placeText(end)}\t${rest}` }];
  });
  return { rows: counts.updated, updated: 0, moved: counts.moved, own: 0 };
}

type Fate = ReturnType<Trace["fate"]>;

async function filterByFate(
  clone: Connection,
  table: ReadTable,
  trace: Trace,
  files: Files,
  keep: (line: Line, fate: Fate, at: readonly [number, number]) => readonly Line[],
): Promise<Readonly<Record<Fate, number>>> {
  const counts = { deleted: 0, updated: 0, moved: 0 };
  const few = await fewLeft(clone, table);
  await filter(files, 1, async (lines) => {
    const left = few ?? (await leftAmong(clone, table, lines));
    return lines.flatMap((line) => {
      const [place = ""] = line.first;
      if (left.has(place)) return [];
      const [block = 0, offset = 0] = place.slice(1, -1).split(",").map(Number);
      const fate = trace.fate(block, offset);
      counts[fate] += 1;
      return keep(line, fate, [block, offset]);
    });
  });
  return counts;
}

/** All that are left of those that were read, at once; null where they are too many to be kept in memory. */
async function fewLeft(clone: Connection, { inClone, all }: ReadTable): Promise<ReadonlySet<string> | null> {
  const most = 100_000;
  const sql = `SELECT ctid::text AS place FROM ONLY ${inClone} ${all ? "" : onlyEnded} LIMIT ${most + 1}`;
  const left = await clone.rows("looking what is left", sql);
  return left.length > most ? null : new Set(left.map(({ place }) => place ?? ""));
}

async function leftAmong(
  clone: Connection,
  { inClone }: CloneTable,
  lines: readonly Line[],
): Promise<ReadonlySet<string>> {
  const sql = `SELECT ctid::text AS place FROM ONLY ${inClone} WHERE ctid = ANY ($1::text[]::tid[])`;
  const left = await clone.rows("looking what is left", sql, [lines.map(({ first }) => first[0] ?? "")]);
  return new Set(left.map(({ place }) => place ?? ""));
}

/** By key: the table has another file, or is gone. `present`: rows of it that are there just after. */
export async function takenByKey(clone: Connection, table: CloneTable, files: Files): Promise<Taken> {
  const keys = keyColumns(table);
  let [rows, updated] = [0, 0];
  const isThere = await hasRows(clone, table);
  await filter(files, 1 + keys.length, async (lines) => {
    const present = isThere
      ? await presentKeys(
          clone,
          table,
          lines.map(({ first }) => first.slice(1)),
        )
      : new Set<number>();
    const gone = lines.filter((_, nth) => !present.has(nth));
    rows += gone.length;
    updated += lines.length - gone.length;
    return gone;
  });
  return { rows, updated, moved: 0, own: 0 };
}

/** False too where the table itself is gone. */
export async function hasRows(clone: Connection, table: CloneTable): Promise<boolean> {
  if ((await fileOf(clone, table)) === null) return false;
  const sql = `SELECT EXISTS (SELECT FROM ONLY ${table.inClone})::text AS some`;
  return (await clone.row("looking for rows", sql)).some === "true";
}

async function presentKeys(
  clone: Connection,
  table: CloneTable,
  keys: readonly (readonly string[])[],
): Promise<ReadonlySet<number>> {
  const columns = keyColumns(table);
  const names = columns.map((_, nth) => `k${nth}`);
  const same = columns.map(({ quoted, type }, nth) => {
    const { equals, collation } = table.key?.parts[nth] ?? { equals: null, collation: null };
    return `t.${quoted} ${equals ?? "="} u.${names[nth]}::${type}${collation === null ? "" : ` COLLATE ${collation}`}`;
  });
  const arrays = columns.map((_, nth) => `$${nth + 1}::text[]`);
  const sql = `SELECT u.n::text AS nth FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS u (${[...names, "n"].join(", ")})
    WHERE EXISTS (SELECT FROM ONLY ${table.inClone} t WHERE ${same.join(" AND ")})`;
  const values = columns.map((_, nth) => keys.map((key) => fieldValue(key[nth] ?? "")));
  return new Set((await clone.rows("looking for keys", sql, values)).map(({ nth }) => Number(nth) - 1));
}

type Line = ReturnType<typeof splitLine>;

/** Writes what `keep` leaves of each part of the lines, without their first fields. */
async function filter(
  files: Files,
  fields: number,
  keep: (lines: readonly Line[]) => Promise<readonly Line[]>,
): Promise<void> {
  const kept = async function* (): AsyncGenerator<Buffer> {
    for await (const lines of linesOf(files.from, atOnce)) {
      const left = await keep(lines.map((line) => splitLine(line, fields)));
      if (left.length > 0) yield Buffer.from(left.map(({ rest }) => `${rest}\n`).join(""), "latin1");
    }
  };
  // Room enough that the next lines are weighed while those before are written.
  await pipeline(kept, createWriteStream(files.to, { flags: "a", mode: 0o600, highWaterMark: 8 * 1024 * 1024 }));
}
