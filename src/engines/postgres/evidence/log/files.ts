import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { fileColumns, fileIn, type FileNode } from "../../file-node.ts";

export interface LoggedTable {
  readonly table: TableName;
  readonly oid: number;
  readonly heap: FileNode;
  readonly toast: FileNode | null;
  /** False where the log holds nothing of it. */
  readonly logged: boolean;
}

export interface Logged {
  readonly database: number;
  readonly tables: readonly LoggedTable[];
}

/** Where the tables lie today. From the catalogue alone. */
export async function loggedTables(connection: Connection, tables: readonly TableName[]): Promise<Logged> {
  const rows = await connection.rows(
    "looking up the tables' files",
    `SELECT d.oid::text AS database, c.oid::regclass::text AS table, c.oid::text, ${fileColumns("c")}, c.relpersistence::text AS kept,
            t.oid::text AS toast, ${fileColumns("t", "toast_")}
       FROM pg_database d CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS n(name, nth)
       JOIN pg_class c ON c.oid = to_regclass(n.name) LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
      WHERE d.datname = current_database() AND c.relkind IN ('r', 'm') ORDER BY nth`,
    [[...tables]],
  );
  return {
    database: Number(rows[0]?.database ?? 0),
    tables: rows.map((row) => ({
      table: row.table ?? "",
      oid: Number(row.oid),
      heap: fileIn(row),
      toast: row.toast == null ? null : fileIn(row, "toast_"),
      logged: row.kept === "p",
    })),
  };
}
