import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { to as copyTo } from "pg-copy-streams";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { type CloneTable, keyColumns, keyList } from "./tables.ts";

/**
 * `deleted`: the versions that somebody ended or locked, none of them made by the statement itself; among them are all that it took.
 * `all`: every row.
 */
export type Which = { readonly kind: "deleted"; readonly members: readonly string[] } | { readonly kind: "all" };

/** Writes them in key order: place, key columns where all are read, then the columns. */
export async function readBefore(clone: Connection, table: CloneTable, which: Which, file: string): Promise<void> {
  const columns = table.columns.map(({ quoted }) => `t.${quoted}`);
  const first = ["t.ctid", ...(which.kind === "all" ? keyColumns(table).map(({ quoted }) => `t.${quoted}`) : [])];
  const only =
    which.kind === "all" ? "" : `WHERE t.xmax <> '0'::xid AND t.xmin <> ALL ('{${which.members.join(",")}}'::xid[])`;
  const select = `SELECT ${[...first, ...columns].join(", ")} FROM ONLY ${table.table} t ${only} ORDER BY ${keyList(table, "t.")}`;
  const doing = `reading ${table.table} in the clone`;
  try {
    await pipeline(
      clone.client.query(copyTo(`COPY (${select}) TO STDOUT`)),
      createWriteStream(file, { flags: "wx", mode: 0o600 }),
    );
  } catch (error) {
    throw (error as { code?: unknown }).code === "ENOSPC" ? error : postgresFault(error, doing, "reading");
  }
}
