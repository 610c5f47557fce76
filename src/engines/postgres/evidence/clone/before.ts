import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { to as copyTo } from "pg-copy-streams";
import type { Column } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { scratchFault } from "../scratch-files.ts";
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

/** A table whose rows were read. */
export interface ReadTable extends CloneTable, Pick<Which, "all"> {}

/** Nothing but the COMMIT lies between before and after: what a version has here it has there too. */
export const onlyEnded = "WHERE xmax <> '0'::xid";

/** Writes them in key order: the place, perhaps the key, then the columns. */
export async function readBefore(clone: Connection, table: CloneTable, which: Which, file: string): Promise<void> {
  const first = ["t.ctid", ...(which.keys ? keyColumns(table).map(keyText) : [])];
  const columns = table.columns.map(({ quoted }) => `t.${quoted}`);
  const select = `SELECT ${[...first, ...columns].join(", ")} FROM ONLY ${table.inClone} t
    ${which.all ? "WHERE true" : onlyEnded} AND t.xmin <> ALL ('{${which.members.join(",")}}'::xid[]) ORDER BY ${keyList(table, "t.")}`;
  try {
    const out = createWriteStream(file, { flags: "wx", mode: 0o600 });
    await pipeline(clone.client.query(copyTo(`COPY (${select}) TO STDOUT`)), out);
  } catch (error) {
    throw scratchFault(error) ?? postgresFault(error, `reading ${table.inClone} in the clone`, "reading");
  }
}

/** Keys are told by their text: 1.0 and 1.00 are one key. */
function keyText({ quoted, baseType }: Column): string {
  return baseType.startsWith("numeric") ? `trim_scale(t.${quoted})` : `t.${quoted}`;
}
