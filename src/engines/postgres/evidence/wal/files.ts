import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";

/** A relation's file as the log names it; the same number means another file in another database or tablespace. */
export interface LogFile {
  readonly oid: number;
  readonly tablespace: number;
  readonly filenode: number;
}

export interface LoggedTable {
  readonly table: TableName;
  readonly oid: number;
  readonly heap: LogFile;
  readonly toast: LogFile | null;
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
    `SELECT d.oid::text AS database, c.oid::regclass::text AS table, c.oid::text, ${place("c")}, c.relpersistence::text AS kept,
            t.oid::text AS toast, ${place("t", "toast_")}
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
      heap: { oid: Number(row.oid), tablespace: Number(row.space), filenode: Number(row.node) },
      toast:
        row.toast == null
          ? null
          : { oid: Number(row.toast), tablespace: Number(row.toast_space), filenode: Number(row.toast_node) },
      logged: row.kept === "p",
    })),
  };
}

function place(of: string, prefix = ""): string {
  return `pg_relation_filenode(${of}.oid)::text AS ${prefix}node,
          (CASE ${of}.reltablespace WHEN 0 THEN d.dattablespace ELSE ${of}.reltablespace END)::text AS ${prefix}space`;
}

/** As the log writes it. */
export function fileName(database: number, { tablespace, filenode }: LogFile): string {
  return `${tablespace}/${database}/${filenode}`;
}
