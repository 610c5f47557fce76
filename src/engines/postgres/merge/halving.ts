import type { Connection } from "../connection.ts";
import type { Comparison } from "../rescue-area/comparison.ts";
import { setLocally } from "../rescue-area/settings.ts";
import { asBefore, byIndex, giveUp, isOfTable, refusesRows } from "./refused.ts";

/** How rescued rows are written, told by their ordinals. */
export interface Writing<Row> {
  readonly connection: Connection;
  readonly one: Comparison;
  readonly doing: string;
  /** Where the table's own triggers and checks look for names. */
  readonly path: string;
  /** Gives the ordinals of those that were written: a trigger of the user's may swallow some. */
  write(rows: readonly Row[]): Promise<readonly number[]>;
}

/** Halves until the rows that the server refuses (a key that was taken, a parent that is gone) stand alone; gives the ordinals of the others. */
export async function writeHalved<Row>(writing: Writing<Row>, rows: readonly Row[]): Promise<readonly number[]> {
  if (rows.length === 0) return [];
  const written = await tryWrite(writing, rows);
  if (written !== "refused") return written;
  if (rows.length === 1) return [];
  const middle = Math.floor(rows.length / 2);
  const first = await writeHalved(writing, rows.slice(0, middle));
  return [...first, ...(await writeHalved(writing, rows.slice(middle)))];
}

/** In a savepoint: refused rows end it and nothing else. Whatever is deferred is checked here, not at a COMMIT that is not ours. */
async function tryWrite<Row>(
  { connection, one, doing, path, write }: Writing<Row>,
  rows: readonly Row[],
): Promise<readonly number[] | "refused"> {
  await connection.run(doing, "savepoint holdfast_batch");
  try {
    await setLocally(connection, { ...byIndex, search_path: path });
    const written = await write(rows);
    await connection.run(doing, "set constraints all immediate");
    await setLocally(connection, { ...asBefore, search_path: "pg_catalog" });
    await connection.run(doing, "release savepoint holdfast_batch");
    return written;
  } catch (error) {
    if (!refusesRows(error)) throw error;
    await giveUp(connection);
    if (await isOfTable(connection, one, error)) return "refused";
    throw error;
  }
}
