import { Fault } from "../../../core/errors.ts";
import type { RunId } from "../../../core/ids.ts";
import type { Json } from "../../../core/json.ts";
import type { HoldPart } from "../../engine.ts";
import type { Replaced } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { type Column, lockFreeShape, type TableShape } from "../catalogue.ts";
import { closeToOthers } from "../close-to-others.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";
import { areaName, type AreaNote, ordinalName, placeName, places, schemaNote } from "./area.ts";
import { makeFileFolder, rescueFolder } from "./file.ts";

interface Wanted {
  readonly table: TableName;
  readonly columns: readonly string[];
  readonly values?: Replaced;
}

/** Takes nothing of the user's tables but their description: columns are typed from the catalogue, and no table is locked. */
export function areaPart(target: PostgresTarget, run: RunId, tables: readonly Wanted[]): HoldPart {
  const name = areaName(run);
  const folder = rescueFolder(target.request.machine.scratch, run);
  return {
    lease: {
      kind: "rescue-area",
      name,
      where: "main",
      words:
        `Schema ${name} for the recovered rows of ${tables.map((one) => one.table).join(", ")}, and a copy of them in ` +
        `${folder} that only this account can read. Logged tables; unlogged ones where a publication for all tables would ` +
        "carry them to its subscribers (a crash of the server empties those, the files stay).",
      protects: "The recovered rows wait here until they are merged and proved.",
      costs: "About the size of the recovered rows, on the server and again on this machine.",
      byHand: `drop schema ${name} cascade; -- and then: rm -r ${folder}`,
      keepable: true,
      facts: { run, folder },
    },
    take: () => makeArea(target, run, tables, folder),
  };
}

async function makeArea(target: PostgresTarget, run: RunId, tables: readonly Wanted[], folder: string): Promise<Json> {
  const connection = await target.open("writing");
  try {
    const unlogged = await wouldBePublished(connection);
    makeFileFolder(folder, tables);
    await connection.run("making the rescue area", "begin");
    if (await isNew(connection, run)) await makeTables(connection, run, tables, unlogged);
    await connection.run("making the rescue area", "commit");
    return { run, folder, unlogged, tables: tables.map((one) => one.table) };
  } finally {
    await connection.close();
  }
}

/** A new schema is in no list of schemas, so only a publication for all tables can carry it; and only where changes are decoded at all. */
async function wouldBePublished(connection: Connection): Promise<boolean> {
  const sql = `select (current_setting('wal_level') = 'logical'
    and exists (select from pg_publication where puballtables))::text as published`;
  return (await connection.row("looking for publications", sql))["published"] === "true";
}

async function isNew(connection: Connection, run: RunId): Promise<boolean> {
  const owner = await areaOwner(connection, run);
  if (owner === "nobody") return true;
  if (owner === "ours") return false;
  throw new Fault("HF-PG-RESCUE-FOREIGN", `a schema ${areaName(run)} is there already and is not of this run`, {
    exit: "refused",
    still: "It was not touched.",
    hint: "Look at its comment, and drop or rename it if nobody needs it.",
  });
}

/** Whose the schema of that name is: told by its comment, which names the run. */
export async function areaOwner(connection: Connection, run: RunId): Promise<"nobody" | "ours" | "another"> {
  const sql = "select obj_description(oid, 'pg_namespace') as note from pg_namespace where nspname = $1";
  const [found] = await connection.rows("looking for the rescue area", sql, [areaName(run)]);
  if (found === undefined) return "nobody";
  return found["note"] === schemaNote(run) ? "ours" : "another";
}

async function makeTables(
  connection: Connection,
  run: RunId,
  tables: readonly Wanted[],
  unlogged: boolean,
): Promise<void> {
  const name = areaName(run);
  const doing = "making the rescue area";
  await connection.run(doing, `create schema ${name}`);
  await connection.run(doing, `comment on schema ${name} is '${schemaNote(run)}'`);
  for (const [index, { table, columns, values }] of tables.entries()) {
    const shape = await lockFreeShape(connection, table);
    const number = index + 1;
    const named = namedColumns(shape, columns);
    for (const sql of tableSql(run, number, named, unlogged)) await connection.run(doing, sql);
    const { rows } = places(run, number);
    if (values) await connection.run(doing, placeSql(rows, named));
    await writeNote(connection, rows, { run, table: shape.name, filled: null, ...(values ? { values } : {}) });
  }
  await closeToOthers(connection, name);
}

/** A place for one more table, in the area that is there; in the transaction that fills it. */
export async function addPlace(connection: Connection, run: RunId, { table, columns }: Wanted): Promise<void> {
  const doing = "making a place in the rescue area";
  const name = areaName(run);
  const { next } = await connection.row(
    doing,
    `select (coalesce(max(substr(relname, 2)::int), 0) + 1)::text as next from pg_class
      where relnamespace = to_regnamespace($1) and relkind = 'r' and relname ~ '^t[0-9]+$'`,
    [name],
  );
  const shape = await lockFreeShape(connection, table);
  const unlogged = await wouldBePublished(connection);
  const named = namedColumns(shape, columns);
  for (const sql of tableSql(run, Number(next), named, unlogged)) await connection.run(doing, sql);
  await writeNote(connection, places(run, Number(next)).rows, { run, table: shape.name, filled: null });
  await closeToOthers(connection, name);
}

/** It needs no index: each batch goes by the ordinal, and finds the table's row by its place. */
function placeSql(rows: string, columns: readonly Column[]): string {
  return `alter table ${rows} add column ${placeName(columns)} tid`;
}

function tableSql(run: RunId, number: number, columns: readonly Column[], unlogged: boolean): readonly string[] {
  const { rows, leftOut, overwritten, removed } = places(run, number);
  const ordinal = ordinalName(columns);
  const make = unlogged ? "create unlogged table" : "create table";
  const bare = (list: readonly Column[]) => list.map(columnSql).map((column) => `, ${column}`);
  return [
    // Its primary key comes when the rows are there: built at once, it takes a fraction of the time.
    `${make} ${rows} (${ordinal} bigint generated always as identity (cache 100)${bare(columns).join("")})`,
    `${make} ${leftOut} (${ordinal} bigint primary key)`,
    `${make} ${removed} (${ordinal} bigint primary key)`,
    `${make} ${overwritten} (${ordinal} bigint primary key${bare(columns).join("")})`,
  ];
}

function columnSql(column: Column): string {
  return `${column.quoted} ${column.baseType}${column.collation === null ? "" : ` collate ${column.collation}`}`;
}

function namedColumns(shape: TableShape, names: readonly string[]): readonly Column[] {
  return names.map((name) => {
    const column = shape.columns.find((one) => one.name === name && !one.dropped);
    if (column !== undefined) return column;
    throw new Fault("HF-PG-COLUMN-UNKNOWN", `${shape.name} has no column ${JSON.stringify(name)} now`, {
      exit: "refused",
      still: "Nothing was made.",
      hint: "The table was changed since the evidence was read. Read it again.",
    });
  });
}

/** COMMENT takes no parameters, so the server itself writes the statement, with its own quoting. */
export async function writeNote(connection: Connection, place: string, note: AreaNote): Promise<void> {
  const doing = "noting what the rescue area holds";
  const text = await connection.row(doing, "select format('comment on table %s is %L', $1::text, $2::text) as sql", [
    place,
    JSON.stringify(note),
  ]);
  await connection.run(doing, text["sql"] ?? "");
}
