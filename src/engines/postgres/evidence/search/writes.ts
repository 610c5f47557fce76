import type { Watch } from "../../../engine.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { nodeKey } from "../../file-node.ts";
import { loggedTables } from "../log/files.ts";
import { type LogFiles, serverLog } from "../log/server-log.ts";
import { stopIfAsked } from "../pages/read.ts";
import { type FullXid, fullXid } from "../xid.ts";
import { newTally, type Tally, tallied } from "./tally.ts";

/** What one transaction id wrote to one file. */
export interface FileWrites {
  readonly deleted: number;
  readonly updated: number;
  readonly inserted: number;
  /** To another partition, where they are counted as inserted. */
  readonly moved: number;
}

export interface LoggedWrites {
  /** By transaction id (a subtransaction has its own), then by file (`nodeKey`): of those that deleted from the tables or updated most in them, and their kin. */
  readonly writes: ReadonlyMap<FullXid, ReadonlyMap<string, FileWrites>>;
  /** The tables' own files. */
  readonly files: ReadonlyMap<string, TableName>;
  /** Bytes of the log that were read, newest first, and that there are. */
  readonly read: number;
  readonly of: number;
  /** A transaction with this id or a later one wrote nothing before what was read; null where that is not known. */
  readonly wholeFrom: FullXid | null;
}

const [mostPerFile, mostUpdatersPerFile, mostKnown] = [2000, 100, 20_000];

/**
 * Who deleted from the tables, by the server's log, newest first and for about `budgetMs`: also where VACUUM has taken the rows since.
 * Says nothing yet of whether they committed. Null where the role may not read the log.
 */
export async function writesInLog(
  connection: Connection,
  tables: readonly TableName[],
  next: FullXid,
  budgetMs: number,
  watch: Watch,
  copies?: LogFiles,
): Promise<LoggedWrites | null> {
  const log = await serverLog(connection, copies);
  if (log === null) return null;
  const { database, tables: logged } = await loggedTables(connection, tables);
  const files = new Map(logged.map((one) => [nodeKey(one.heap), one.table]));
  const of = Number(log.window.to - log.window.from);
  const known: Known = { files, next, writes: new Map(), families: new Set() };
  const deadline = performance.now() + budgetMs;
  let read = 0;
  let tally = newTally();
  let wholeFrom: FullXid | null = null;
  for await (const bytes of log.newestFirst((record) => tallied(tally, record, database, log.major))) {
    stopIfAsked(watch);
    keep(known, tally);
    if (tally.nextXid !== null) wholeFrom = fullXid(tally.nextXid, next + 1);
    tally = newTally();
    read += bytes;
    watch.progress({ done: inMegabytes(read), total: inMegabytes(of), unit: "MB", note: "the server's log" });
    if (performance.now() > deadline) break;
  }
  return { writes: known.writes, files, read, of, wholeFrom };
}

const inMegabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);

interface Known {
  readonly files: ReadonlyMap<string, TableName>;
  readonly next: FullXid;
  readonly writes: Map<FullXid, Map<string, FileWrites>>;
  /** Transactions with their subtransactions, by the COMMIT records: one may have inserted what another deleted. */
  readonly families: Set<FullXid>;
}

/**
 * Of a file of the log: all that was written by those who deleted from the tables in it or later, and by committed transactions with
 * subtransactions.
 */
function keep({ files, next, writes, families }: Known, { ids, families: here }: Tally): void {
  for (const xid of here) if (families.size < mostKnown) families.add(fullXid(xid, next));
  const takers = takersOf(ids, files);
  for (const [low, byFile] of ids) {
    const xid = fullXid(low, next);
    if (!takers.has(low) && !writes.has(xid) && !families.has(xid)) continue;
    for (const [file, counts] of byFile) add(writes, xid, file, counts);
  }
}

const nothing: FileWrites = { deleted: 0, updated: 0, inserted: 0, moved: 0 };

/** Those that deleted most from the tables, and those that updated most. */
function takersOf(ids: Tally["ids"], files: Known["files"]): ReadonlySet<number> {
  return new Set([
    ...largestBy("deleted", mostPerFile, ids, files),
    ...largestBy("updated", mostUpdatersPerFile, ids, files),
  ]);
}

function largestBy(
  kind: "deleted" | "updated",
  most: number,
  ids: Tally["ids"],
  files: Known["files"],
): readonly number[] {
  const found = [...ids].flatMap(([xid, byFile]) => {
    let rows = 0;
    for (const [file, counts] of byFile) if (files.has(file)) rows += counts[kind];
    return rows > 0 ? [{ xid, rows }] : [];
  });
  const largest = found.length > most ? found.toSorted((a, b) => b.rows - a.rows).slice(0, most) : found;
  return largest.map(({ xid }) => xid);
}

function add(writes: Known["writes"], xid: FullXid, file: string, counts: FileWrites): void {
  const all = writes.get(xid) ?? new Map<string, FileWrites>();
  const before = all.get(file) ?? nothing;
  all.set(file, {
    deleted: before.deleted + counts.deleted,
    updated: before.updated + counts.updated,
    inserted: before.inserted + counts.inserted,
    moved: before.moved + counts.moved,
  });
  writes.set(xid, all);
}
