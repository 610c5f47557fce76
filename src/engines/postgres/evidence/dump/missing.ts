import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { RecoveredTable } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import { type Column, fromTable, lockFreeShape, rowKey, type TableShape, type UniqueKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { dumpFault } from "./archive.ts";
import { definitionOf, type DumpRows, type Reading, rowsOf } from "./read.ts";

/** A table as the target has it now, and the key by which its rows are looked up. */
export interface Lacking {
  readonly shape: TableShape;
  readonly key: UniqueKey;
}

/** Null where nothing tells which of the dump's rows the table has. */
export async function lackingIn(asking: Connection, table: TableName): Promise<Lacking | null> {
  const shape = await lockFreeShape(asking, table);
  const key = rowKey(shape);
  return key === null ? null : { shape, key };
}

/**
 * The rows that the dump has and the table has not, by the table's key; written to the file, or only counted. The table is read through its
 * key's index. `asking`: a session that may.
 */
export async function missingRows(
  reading: Reading,
  asking: Connection,
  { shape, key }: Lacking,
  file: string | null,
  watch: Watch,
): Promise<RecoveredTable> {
  const table = shape.name;
  await proveTypes(reading, shape);
  const found: { columns: readonly string[]; rows: number; read: number } = { columns: [], rows: 0, read: 0 };
  const kept = async function* (): AsyncGenerator<Buffer> {
    for await (const part of rowsOf(reading, table)) {
      found.columns = part.columns;
      const missing = await lacked(asking, { shape, key }, part);
      found.read += part.lines.length;
      found.rows += missing.length;
      watch.progress({ done: found.read, unit: "rows", note: `${table} out of the dump` });
      if (missing.length > 0) yield Buffer.from(`${missing.join("\n")}\n`, "latin1");
    }
  };
  if (file === null) for await (const _part of kept());
  else await pipeline(Readable.from(kept()), createWriteStream(file, { flags: "w", mode: 0o600 }));
  return { table, columns: found.columns, rows: found.rows, updated: 0, moved: 0, own: 0, unknown: 0 };
}

/** Text means something only under the type that wrote it. */
async function proveTypes(reading: Reading, shape: TableShape): Promise<void> {
  const definition = await definitionOf(reading, shape.name);
  const changed = shape.columns.filter(
    (column) => !column.dropped && column.generated === "" && isOther(column, definition, shape),
  );
  if (definition !== "" && changed.length === 0) return;
  const which =
    definition === "" ? "has no definition of it" : `has other columns: ${changed.map(({ name }) => name).join(", ")}`;
  throw dumpFault(
    "COLUMNS",
    `${shape.name} can't be compared with the dump, which ${which}`,
    "A dump with the table as it is now, not of the data alone.",
  );
}

/** A column that was added since is none of the dump's, and gets what the table says for it. */
function isOther({ quoted, type }: Column, definition: string, _shape: TableShape): boolean {
  const line = definition.split("\n").find((one) => one.startsWith(`    ${quoted} `));
  if (line === undefined) return false;
  const rest = line.slice(`    ${quoted} `.length);
  return !(
    rest.startsWith(type) &&
    /^(,|$| (NOT NULL|DEFAULT|COLLATE|GENERATED|CONSTRAINT|NULL|STORAGE|COMPRESSION))/.test(rest.slice(type.length))
  );
}

async function lacked(
  asking: Connection,
  { shape, key }: Lacking,
  { columns, lines }: DumpRows,
): Promise<readonly string[]> {
  const known = new Set(
    shape.columns.filter(({ dropped, generated }) => !dropped && generated === "").map(({ name }) => name),
  );
  const strange = columns.filter((name) => !known.has(name));
  const places = key.parts.map(({ column }) => columns.indexOf(column ?? ""));
  if (strange.length > 0 || places.includes(-1)) throw otherColumns(shape.name, strange);
  if (lines.length === 0) return [];
  const fields = lines.map((line) => line.split("\t"));
  const keys = places.map((place) => fields.map((one) => valueOf(one[place] ?? "")));
  const there = await present(asking, { shape, key }, keys);
  return lines.filter((_, nth) => !there.has(nth));
}

async function present(
  asking: Connection,
  { shape, key }: Lacking,
  keys: readonly (readonly string[])[],
): Promise<ReadonlySet<number>> {
  const names = key.parts.map((_, nth) => `k${nth}`);
  const same = key.parts.map(({ column, equals, collation }, nth) => {
    const { quoted = "", type = "" } = shape.columns.find(({ name }) => name === column) ?? {};
    return `t.${quoted} ${equals ?? "="} u.${names[nth]}::${type}${collation === null ? "" : ` collate ${collation}`}`;
  });
  const arrays = keys.map((_, nth) => `$${nth + 1}::text[]`);
  const sql = `SELECT u.n::text AS nth FROM unnest(${arrays.join(", ")}) WITH ORDINALITY AS u (${[...names, "n"].join(", ")})
    WHERE EXISTS (SELECT FROM ${fromTable(shape)} t WHERE ${same.join(" AND ")})`;
  const rows = await asking.rows(`looking which rows of the dump ${shape.name} has`, sql, keys);
  return new Set(rows.map(({ nth }) => Number(nth) - 1));
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function valueOf(field: string): string {
  const text = field.includes("\\") ? field.replaceAll(/\\(.)/gs, (_, sign: string) => escapes[sign] ?? sign) : field;
  return Buffer.from(text, "latin1").toString("utf8");
}

function otherColumns(table: TableName, strange: readonly string[]): Fault {
  const which =
    strange.length > 0
      ? `${strange.join(", ")} of it ${strange.length === 1 ? "is" : "are"} not there now`
      : "its key is none of the dump's columns";
  return dumpFault(
    "COLUMNS",
    `${table} has other columns than in the dump: ${which}`,
    "Give the table its old columns back for the while, then resume.",
  );
}
