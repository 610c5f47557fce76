import { Fault } from "../../../core/errors.ts";
import type { Connection } from "../connection.ts";
import type { Comparison } from "../rescue-area/comparison.ts";

/**
 * A batch is small beside its table, whose statistics tell of the time before the DELETE or of an empty table: left alone, the planner
 * read the whole table for each batch. Every lookup of a batch has a unique index to go by.
 */
export const byIndex = { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" };
export const asBefore = { enable_seqscan: "on", enable_hashjoin: "on", enable_mergejoin: "on" };

/** What another table refused (a trigger wrote to it) is no conflict of the row: once that is mended, the very same row can come back. */
export async function isOfTable(connection: Connection, one: Comparison, { record }: Fault): Promise<boolean> {
  if (record.subject === undefined) return true;
  const sql = `select exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = $2
      and c.oid in (select $1::regclass union select relid from pg_partition_tree($1::regclass)))::text as own`;
  const found = await connection.row("looking what refused a row", sql, [one.area.shape.name, record.subject]);
  return found["own"] === "true";
}

export async function giveUp(connection: Connection): Promise<"refused"> {
  await connection.run("taking a part of a batch back", "rollback to savepoint holdfast_batch");
  await connection.run("taking a part of a batch back", "release savepoint holdfast_batch");
  return "refused";
}

/** Class 23: a constraint of the table does not let a row in. */
export function refusesRows(error: unknown): error is Fault {
  return error instanceof Fault && error.record.code.startsWith("HF-PG-23");
}
