import { Fault } from "../../../../core/errors.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { extensionSchema } from "../extensions.ts";
import { pageSize } from "./layout.ts";
import type { PageSource } from "./read.ts";

/** A table with storage, and its TOAST table where it has one. Names as the server quotes them. */
export interface Relation {
  readonly table: TableName;
  readonly oid: number;
  readonly blocks: number;
  readonly toast: {
    readonly name: string;
    readonly oid: number;
    readonly index: number;
    readonly blocks: number;
  } | null;
}

/** From the catalogue alone, but by the session that reads the pages: asking for sizes waits for exclusive locks. Partitioned parents have no pages and are left out. */
export async function relations(connection: Connection, tables: readonly TableName[]): Promise<readonly Relation[]> {
  const rows = await connection.rows(
    "looking up tables",
    `SELECT c.oid::regclass::text AS table, c.oid::text, (pg_relation_size(c.oid) / ${pageSize})::text AS blocks,
            t.oid::text AS toast, t.oid::regclass::text AS toast_name,
            (SELECT indexrelid::text FROM pg_index WHERE indrelid = t.oid) AS toast_index,
            (pg_relation_size(t.oid) / ${pageSize})::text AS toast_blocks
       FROM unnest($1::text[]) WITH ORDINALITY AS n(name, nth)
       JOIN pg_class c ON c.oid = to_regclass(n.name) LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
      WHERE c.relkind IN ('r', 'm') ORDER BY nth`,
    [[...tables]],
  );
  return rows.map((row) => ({
    table: row.table ?? "",
    oid: Number(row.oid),
    blocks: Number(row.blocks),
    toast:
      row.toast == null
        ? null
        : {
            name: row.toast_name ?? "",
            oid: Number(row.toast),
            index: Number(row.toast_index),
            blocks: Number(row.toast_blocks),
          },
  }));
}

/** How raw pages of these tables are read; Fault `HF-PG-NO-PAGEINSPECT` where they can't. */
export async function pageSource(connection: Connection, bytes: number): Promise<PageSource> {
  const inspect = await extensionSchema(connection, "pageinspect");
  if (inspect === null)
    throw new Fault("HF-PG-NO-PAGEINSPECT", "the extension pageinspect is not installed in this database", {
      exit: "incomplete",
      still: "Nothing was read; no SQL touches the damaged tables.",
      hint: "The freeze installs it for the time of the run; a dry run changes nothing and so can't look at the pages.",
    });
  return { connection, inspect, rest: (await isHeavy(connection, bytes)) ? 0.5 : 0 };
}

/** Whether reading this many bytes would push out much of what the server keeps in memory. */
async function isHeavy(connection: Connection, bytes: number): Promise<boolean> {
  const sql = "SELECT (pg_size_bytes(current_setting('shared_buffers')) / 4)::text AS quarter";
  return bytes > Number((await connection.row("asking for shared_buffers", sql)).quarter);
}

export function pagesOf(relations: readonly Relation[]): number {
  return relations.reduce((sum, { blocks }) => sum + blocks, 0);
}
