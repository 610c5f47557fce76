import { Fault } from "../../../../core/errors.ts";
import type { TableName } from "../../../inspect.ts";
import { type Column, lockFreeShape, rowKey, type TableShape, type UniqueKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { fileColumns, fileIn, nodeKey } from "../../file-node.ts";
import { typesChanged } from "./types.ts";

/** A table as the clone had it before the statement. */
export interface CloneTable {
  /** Its name on the target, now. */
  readonly table: TableName;
  readonly oid: number;
  /** Its name in the clone. */
  readonly inClone: TableName;
  /** What comes back, as the clone has it. */
  readonly columns: readonly Column[];
  /** What these are called on the target now, in the same order. */
  readonly names: readonly string[];
  readonly key: UniqueKey | null;
  /** Its file, by `nodeKey`. */
  readonly file: string;
}

/** A table is known by its oid: names may have been swapped since. Where it was dropped and made again, its name alone is left. */
export interface Known {
  readonly table: TableName;
  /** In the clone. */
  readonly oid: number;
  readonly madeAgain: boolean;
}

/**
 * Columns go by their number, since they may have been renamed. Fault `HF-CLONE-COLUMNS` where one was dropped or given another type since,
 * or its type's own parts were renamed: its values would have no place, or change.
 */
export async function cloneTable(clone: Connection, target: Connection, known: Known): Promise<CloneTable> {
  const { table, oid, madeAgain } = known;
  const [row] = await clone.rows(
    "asking the clone where a table lies",
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, d.oid::text AS database, ${fileColumns("c")}
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_database d
      WHERE c.oid = $1::oid AND d.datname = current_database()`,
    [String(oid)],
  );
  if (row?.name == null) throw notThere(table);
  const [then, now] = [await lockFreeShape(clone, row.name), await lockFreeShape(target, table)];
  const pairs = pairsOf(then, now, madeAgain);
  const lost = pairs.flatMap(({ lost: what }) => what ?? []);
  const changed = lost.length > 0 ? [] : await typesChanged(clone, target, oid);
  if (lost.length + changed.length > 0) throw columnsChanged(table, [...lost, ...changed]);
  const kept = pairs.flatMap(({ column, name }) => (name === null ? [] : [{ column, name }]));
  return {
    table,
    oid,
    inClone: row.name,
    columns: kept.map(({ column }) => column),
    names: kept.map(({ name }) => name),
    key: rowKey(then),
    file: nodeKey(fileIn(row)),
  };
}

interface Pair {
  readonly column: Column;
  /** Null where nothing is to be written: the server makes the value itself. */
  readonly name: string | null;
  readonly lost: string | null;
}

function pairsOf(then: TableShape, now: TableShape, madeAgain: boolean): readonly Pair[] {
  const today = now.columns.filter(({ dropped }) => !dropped);
  return then.columns
    .filter(({ dropped }) => !dropped)
    .map((column): Pair => {
      const found = today.find((one) => (madeAgain ? one.name === column.name : one.number === column.number));
      const made = column.generated !== "";
      if (found === undefined) return { column, name: null, lost: made ? null : `${column.name} is not there now` };
      if (found.generated !== "")
        return { column, name: null, lost: made ? null : `${column.name} is made by the server now` };
      if (found.type !== column.type)
        return { column, name: null, lost: `${column.name} was ${column.type}, is ${found.type}` };
      return { column, name: found.name, lost: null };
    });
}

/** The table's file in this server, by `nodeKey`; null where it is not there. */
export async function fileOf(server: Connection, { oid }: Pick<CloneTable, "oid">): Promise<string | null> {
  const [row] = await server.rows(
    "asking for a table's file",
    `SELECT d.oid::text AS database, ${fileColumns("c")} FROM pg_class c, pg_database d
      WHERE c.oid = $1::oid AND d.datname = current_database()`,
    [String(oid)],
  );
  return row === undefined ? null : nodeKey(fileIn(row));
}

function notThere(table: TableName): Fault {
  return new Fault("HF-CLONE-NO-TABLE", `${table} was made after the statement: the clone has no such table`, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: "Begin anew with the table that lost the rows, by the name that it has now.",
  });
}

function columnsChanged(table: TableName, lost: readonly string[]): Fault {
  return new Fault("HF-CLONE-COLUMNS", `${table} has other columns now than before the statement: ${lost.join("; ")}`, {
    exit: "refused",
    still: "Nothing was written on the target.",
    hint: "Give the columns their old types back for the while, then resume.",
  });
}

/** The key's columns, in its order. */
export function keyColumns({ columns, key }: Pick<CloneTable, "columns" | "key">): readonly Column[] {
  return (key?.parts ?? []).flatMap((part) => columns.find(({ name }) => name === part.column) ?? []);
}

export function keyList(table: CloneTable, prefix = ""): string {
  const keys = keyColumns(table).map(({ quoted }) => `${prefix}${quoted}`);
  return keys.length > 0 ? keys.join(", ") : `${prefix}ctid`;
}
