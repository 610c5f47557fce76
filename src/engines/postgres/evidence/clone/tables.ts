import { Fault } from "../../../../core/errors.ts";
import type { TableName } from "../../../inspect.ts";
import { type Column, lockFreeShape, rowKey, type UniqueKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { fileColumns, fileIn, nodeKey } from "../log/file-node.ts";

/** A table as the clone had it before the statement. */
export interface CloneTable {
  readonly table: TableName;
  /** What comes back: in the clone and on the target alike. */
  readonly columns: readonly Column[];
  readonly key: UniqueKey | null;
  /** Its file, by `nodeKey`. */
  readonly file: string;
}

/** Fault `HF-CLONE-COLUMNS` where a column was dropped, renamed or given another type since: its values would have no place, or change. */
export async function cloneTable(clone: Connection, target: Connection, table: TableName): Promise<CloneTable> {
  const [then, now] = [await lockFreeShape(clone, table), await lockFreeShape(target, table)];
  const columns = then.columns.filter(({ dropped, generated }) => !dropped && generated === "");
  const lost = columns.flatMap((column) => {
    const today = now.columns.find(
      ({ name, dropped, generated }) => name === column.name && !dropped && generated === "",
    );
    if (today?.type === column.type) return [];
    return [today ? `${column.name} was ${column.type}, is ${today.type}` : `${column.name} is not there now`];
  });
  if (lost.length > 0) throw columnsChanged(table, lost);
  const row = await clone.row(
    "asking the clone where a table lies",
    `SELECT d.oid::text AS database, ${fileColumns("c")}
       FROM pg_class c, pg_database d WHERE c.oid = to_regclass($1) AND d.datname = current_database()`,
    [table],
  );
  return { table, columns, key: rowKey(then), file: nodeKey(fileIn(row)) };
}

function columnsChanged(table: TableName, lost: readonly string[]): Fault {
  return new Fault("HF-CLONE-COLUMNS", `${table} has other columns now than before the statement: ${lost.join("; ")}`, {
    exit: "refused",
    still: "Nothing was written on the target.",
    hint: "Give the columns their old names and types back for the while, then resume.",
  });
}

/** The key's columns, in its order. */
export function keyColumns({ columns, key }: CloneTable): readonly Column[] {
  return (key?.parts ?? []).flatMap((part) => columns.find(({ name }) => name === part.column) ?? []);
}

export function keyList(table: CloneTable, prefix = ""): string {
  const keys = keyColumns(table).map(({ quoted }) => `${prefix}${quoted}`);
  return keys.length > 0 ? keys.join(", ") : `${prefix}ctid`;
}
