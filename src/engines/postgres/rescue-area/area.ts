import { Fault } from "../../../core/errors.ts";
import { type RunId, runTag } from "../../../core/ids.ts";
import type { Replaced } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import type { Filled } from "../../rescue-area.ts";
import { type Column, tableShape, type TableShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";

/** One table of the area: where the rows of one table of the user's wait. */
export interface AreaTable {
  readonly table: TableName;
  /** The rescued rows, with an ordinal in key order as their own key. */
  readonly rows: string;
  /** Rescued rows that a merge would leave out, by their ordinal. */
  readonly leftOut: string;
  /** The safety copy: keys that a merge would insert (a view: all rescued ones but those), and versions that it would overwrite. */
  readonly keys: string;
  readonly overwritten: string;
  /** Ordinals of rescued rows whose key was there again since the statement: one that is there no more was removed by others. */
  readonly removed: string;
  readonly ordinal: string;
  /** Null where its rows were taken from the table; else they are what rows of it were before, each with the place of what replaced it. */
  readonly values: Replaced | null;
  /** The column with that place. */
  readonly place: string;
  readonly columns: readonly Column[];
  readonly shape: TableShape;
  readonly filled: AreaNote["filled"];
}

/** Kept as the table's comment: the catalogue survives a crash of the server even where an unlogged table is emptied by it. */
export interface AreaNote {
  readonly run: RunId;
  readonly table: TableName;
  readonly filled: (Filled & KnownDuplicates) | null;
  readonly values?: Replaced;
}

/** Rescued rows do not change: how many keys come more than once, by the table's row key as it was, is counted once. */
export interface KnownDuplicates {
  readonly key: string | null;
  readonly duplicates: number;
}

/** Made of digits and letters a to f alone, so it needs no quotes anywhere. */
export function areaName(run: RunId): string {
  const hex = runTag(run);
  if (!/^[0-9a-f]{12}$/.test(hex)) throw new Error(`a run id that is no UUID: ${run}`);
  return `holdfast_rescue_${hex}`;
}

export const schemaNote = (run: RunId): string => `Holdfast rescue area of run ${run}`;

export const places = (run: RunId, number: number) => ({
  rows: `${areaName(run)}.t${number}`,
  leftOut: `${areaName(run)}.x${number}`,
  keys: `${areaName(run)}.s${number}`,
  overwritten: `${areaName(run)}.o${number}`,
  removed: `${areaName(run)}.m${number}`,
});

/** A name that none of the table's columns has. */
export function ordinalName(columns: readonly { readonly name: string }[]): string {
  let name = "holdfast_n";
  while (columns.some((column) => column.name === name)) name += "_";
  return name;
}

export function placeName(columns: readonly { readonly name: string }[]): string {
  let name = "holdfast_place";
  while (columns.some((column) => column.name === name)) name += "_";
  return name;
}

/** Every table of the run's area, in the order in which they were made; `lockFreeShape` where the tables may be locked. */
export async function areaTables(
  connection: Connection,
  run: RunId,
  shapeOf: typeof tableShape = tableShape,
): Promise<readonly AreaTable[]> {
  const found = await connection.rows("looking at the rescue area", listSql, [areaName(run)]);
  const tables: AreaTable[] = [];
  for (const row of found) {
    const note = readNote(row["note"] ?? null, run);
    if (note === null) continue;
    const shape = await shapeOf(connection, note.table);
    tables.push(areaTable(run, Number(row["number"]), shape, JSON.parse(row["columns"] ?? "[]") as string[], note));
  }
  return tables;
}

/** Fault `HF-PG-RESCUE-ABSENT` where the area has no such table, `HF-PG-RESCUE-EMPTIED` where a crash of the server emptied it. */
export async function areaOf(connection: Connection, run: RunId, table: TableName): Promise<AreaTable> {
  const area = findArea(await areaTables(connection, run), table, run);
  await assertNotEmptied(connection, area);
  return area;
}

export function findArea(areas: readonly AreaTable[], table: TableName, run: RunId): AreaTable {
  const area = areas.find((one) => one.table === table);
  if (area !== undefined) return area;
  throw new Fault("HF-PG-RESCUE-ABSENT", `the rescue area ${areaName(run)} has nothing of ${table}`, {
    exit: "refused",
    still: "Nothing was changed.",
    hint: "Was the schema dropped by hand? The rows have to be rescued again.",
  });
}

/** Unlogged tables are emptied when the server recovers from a crash; the note in the catalogue remembers what was there. */
export async function assertNotEmptied(connection: Connection, area: AreaTable): Promise<void> {
  if (area.filled === null || area.filled.rows === 0) return;
  const { some } = await connection.row(
    "looking at the rescue area",
    `select exists (select from ${area.rows})::text as some`,
  );
  if (some === "true") return;
  throw new Fault("HF-PG-RESCUE-EMPTIED", `the rescued rows of ${area.table} are gone from ${area.rows}`, {
    cause: "The table is unlogged, and the server has recovered from a crash since.",
    still: "The file copy on the machine that rescued them has every row; nothing was merged from the empty table.",
    hint: `Load it again: truncate ${area.rows} restart identity; \\copy ${area.rows} (${area.columns.map((one) => one.quoted).join(", ")}) from 'FILE' (the lease of the area names the folder).`,
  });
}

/** The area as it will be, for a preview before anything was made. */
export function plannedArea(run: RunId, shape: TableShape, values?: Replaced): AreaTable {
  const columns = shape.columns.filter((column) => !column.dropped && column.generated === "");
  const names = columns.map((column) => column.name);
  return areaTable(run, 1, shape, names, { filled: null, ...(values === undefined ? {} : { values }) });
}

function areaTable(
  run: RunId,
  number: number,
  shape: TableShape,
  names: readonly string[],
  { filled, values = null }: Pick<AreaNote, "filled"> & { readonly values?: Replaced | null },
): AreaTable {
  const known = new Map(shape.columns.map((column) => [column.name, column]));
  const columns = names.flatMap((name) => known.get(name) ?? []);
  const ordinal = ordinalName(names.map((name) => ({ name })));
  return {
    table: shape.name,
    ...places(run, number),
    ordinal,
    values,
    place: placeName(columns),
    columns,
    shape,
    filled,
  };
}

function readNote(text: string | null, run: RunId): AreaNote | null {
  if (text === null || !text.startsWith("{")) return null;
  const note = JSON.parse(text) as AreaNote;
  return note.run === run ? note : null;
}

// The first column of each is our ordinal.
const listSql = `select substr(c.relname, 2) as number, obj_description(c.oid, 'pg_class') as note,
    (select coalesce(json_agg(a.attname order by a.attnum), '[]') from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 1 and not a.attisdropped)::text as columns
  from pg_class c where c.relnamespace = to_regnamespace($1) and c.relkind = 'r' and c.relname ~ '^t[0-9]+$'
  order by substr(c.relname, 2)::int`;
