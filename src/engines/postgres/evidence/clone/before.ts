import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { to as copyTo } from "pg-copy-streams";
import type { Column } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { scratchFault } from "../scratch-files.ts";
import type { Taken } from "./after.ts";
import { type CloneTable, keyColumns, keyList } from "./tables.ts";

/**
 * Which rows: none that the statement itself made. Of the others `all`, or those versions that somebody ended or locked: among them
 * are all that it took, once it has done its work.
 */
export interface Which {
  readonly members: readonly string[];
  readonly all: boolean;
  /** Whether the key's columns stand before the others, once more. */
  readonly keys: boolean;
}

/** A table whose rows were read. `taken`: proved already, what of them it took. */
export interface ReadTable extends CloneTable, Pick<Which, "all"> {
  readonly taken: Taken | null;
}

/** Nothing but the COMMIT lies between before and after: what a version has here it has there too. */
export const onlyEnded = "WHERE xmax <> '0'::xid";

export interface Files {
  /** Rows with their places. */
  readonly from: string;
  /** Rows that were taken. */
  readonly to: string;
}

/** Writes them in key order: the place, perhaps the key, then the columns. */
export function readBefore(clone: Connection, table: CloneTable, which: Which, { from }: Files): Promise<number> {
  return copyOut(clone, table, which, { file: from, first: ["t.ctid"] });
}

/**
 * By count: a transaction that, as the log proves, did nothing to the table but delete `deletes` rows that were there before. All of these are
 * among those that somebody ended or locked; where there are no more of them, they are these. Null where there are.
 */
export async function readIfAll(
  clone: Connection,
  table: CloneTable,
  which: Which,
  deletes: number,
  { to }: Files,
): Promise<Taken | null> {
  const { rows } = await clone.row("counting in the clone", `SELECT count(*)::text AS rows ${fromWhere(table, which)}`);
  if (Number(rows) !== deletes) return null;
  const read = await copyOut(clone, table, which, { file: to, first: [] });
  if (read !== deletes) throw new Error(`${read} rows of ${table.table} came in place of ${deletes}`);
  return { rows: read, updated: 0, moved: 0, own: 0 };
}

function fromWhere(table: CloneTable, { all, members }: Which): string {
  return `FROM ONLY ${table.inClone} t ${all ? "WHERE true" : onlyEnded} AND t.xmin <> ALL ('{${members.join(",")}}'::xid[])`;
}

async function copyOut(
  clone: Connection,
  table: CloneTable,
  which: Which,
  { file, first }: { readonly file: string; readonly first: readonly string[] },
): Promise<number> {
  const keys = which.keys ? keyColumns(table).map(keyText) : [];
  const columns = table.columns.map(({ quoted }) => `t.${quoted}`);
  const select = `SELECT ${[...first, ...keys, ...columns].join(", ")} ${fromWhere(table, which)} ORDER BY ${keyList(table, "t.")}`;
  try {
    const rows = clone.client.query(copyTo(`COPY (${select}) TO STDOUT`));
    await pipeline(rows, createWriteStream(file, { flags: "wx", mode: 0o600 }));
    // The stream may end before the server has said how many rows it sent: what is asked next is answered after that.
    await clone.run("ending the copy", "SELECT 1");
    return rows.rowCount;
  } catch (error) {
    throw scratchFault(error) ?? postgresFault(error, `reading ${table.inClone} in the clone`, "reading");
  }
}

/** Keys are told by their text: 1.0 and 1.00 are one key. */
function keyText({ quoted, baseType }: Column): string {
  return baseType.startsWith("numeric") ? `trim_scale(t.${quoted})` : `t.${quoted}`;
}
