import type { RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";

/** Of partitions, the outermost table that they are parts of: rows move within that. Other tables have none. */
export type Families = ReadonlyMap<TableName, string>;

export async function familiesOf(asking: Connection, tables: readonly TableName[]): Promise<Families> {
  const rows = await asking.rows(
    "asking which tables are partitions",
    `SELECT name, pg_partition_root(c.oid)::oid::text AS root FROM unnest($1::text[]) AS n(name)
       JOIN pg_class c ON c.oid = to_regclass(n.name) WHERE c.relispartition`,
    [[...tables]],
  );
  return new Map(rows.map(({ name, root }) => [name ?? "", root ?? ""]));
}

/** How many rows may have been moved into the table: those that were moved out of the others of its family. */
export function movedInto(
  table: TableName,
  moved: readonly { readonly table: TableName; readonly moved: number }[],
  families: Families,
): number {
  const family = families.get(table);
  if (family === undefined) return 0;
  const others = moved.filter((one) => one.table !== table && families.get(one.table) === family);
  return others.reduce((sum, one) => sum + one.moved, 0);
}

/** Of each table, in their order: at most so many of the rows that look like the statement's own had been moved there. */
export function ownOrMoved(tables: readonly RecoveredTable[], families: Families): readonly number[] {
  return tables.map(({ table, own }) => Math.min(own, movedInto(table, tables, families)));
}

/** Deletes that the log tells of beyond the rows that the statement surely took and those that were counted: at most so many rows more. */
export function beyondRows({ tables }: Statement, counted: RecoveredTable): number {
  const known = tables.find(({ table }) => table === counted.table);
  const told = counted.rows + (counted.older ?? 0) + (counted.lost ?? 0);
  return known === undefined ? 0 : Math.max(0, (known.most ?? known.rows) - Math.max(known.rows, told));
}

/**
 * The same counts, with all of which they can't tell whether the statement took it among `unknown`. Where the log `isWhole` that they come
 * from, only what it moved is left open.
 */
export async function withUntold(
  asking: Connection,
  statement: Statement,
  tables: readonly RecoveredTable[],
  isWhole = false,
): Promise<readonly RecoveredTable[]> {
  const names = tables.map(({ table }) => table);
  const perhaps = ownOrMoved(tables, await familiesOf(asking, names));
  return tables.map((table, nth) => {
    const moved = perhaps[nth] ?? 0;
    const beyond = isWhole ? 0 : beyondRows(statement, table);
    return { ...table, own: table.own - moved, unknown: Math.max(table.unknown + moved, beyond) };
  });
}
