import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { columnShapes } from "../columns.ts";
import { type TableShape, unfitColumns } from "./schema.ts";
import { type TypeShape, typeShapes } from "./types.ts";

/** What the scratch server must be given, and why it can't take some of it. */
export interface Shapes {
  readonly tables: readonly TableShape[];
  readonly types: ReadonlyMap<number, TypeShape>;
  readonly encoding: string;
  /** Named columns and tables with their reasons; empty = everything can be carried. */
  readonly unfit: readonly string[];
}

/** From the catalogue alone. */
export async function shapesOf(connection: Connection, names: readonly TableName[]): Promise<Shapes> {
  const server = await connection.row(
    "asking for the server's settings",
    `SELECT pg_encoding_to_char(encoding) AS encoding, current_setting('block_size') AS block
       FROM pg_database WHERE datname = current_database()`,
  );
  const tables: TableShape[] = [];
  const strange: string[] = [];
  for (const name of names) {
    const { shape, heap } = await tableShape(connection, name);
    tables.push(shape);
    if (!heap) strange.push(`${name} (not kept by the access method heap)`);
  }
  const types = await typeShapes(
    connection,
    tables.flatMap(({ columns }) => columns),
  );
  const unfit = [
    ...(server.block === "8192" ? [] : [`every table (the server's pages have ${server.block} bytes)`]),
    ...strange,
    ...tables.flatMap((table) => unfitColumns(table, types)),
  ];
  return { tables, types, encoding: server.encoding ?? "UTF8", unfit };
}

async function tableShape(
  connection: Connection,
  table: TableName,
): Promise<{ readonly shape: TableShape; readonly heap: boolean }> {
  const row = await connection.row(
    "looking up a table",
    `SELECT c.oid::text, c.reltype::text AS row_type, t.typarray::text AS row_array, c.reltoastrelid::text AS toast, a.amname::text AS am,
            (SELECT indexrelid::text FROM pg_index WHERE indrelid = c.reltoastrelid) AS toast_index,
            coalesce((SELECT array_to_string(indkey::int2[], ' ') FROM pg_index WHERE indrelid = c.oid AND indisprimary), '') AS key
       FROM pg_class c LEFT JOIN pg_type t ON t.oid = c.reltype LEFT JOIN pg_am a ON a.oid = c.relam WHERE c.oid = to_regclass($1)`,
    [table],
  );
  const oid = Number(row.oid);
  const shape: TableShape = {
    table,
    oid,
    rowType: Number(row.row_type),
    rowArray: Number(row.row_array),
    toast: row.toast === "0" ? null : { oid: Number(row.toast), index: Number(row.toast_index) },
    columns: await columnShapes(connection, oid),
    key: (row.key ?? "")
      .split(" ")
      .filter((part) => part !== "")
      .map(Number),
  };
  return { shape, heap: row.am === "heap" };
}
