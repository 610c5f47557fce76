import { firstNode, mainOf } from "../log/blocks.ts";
import { commitOf } from "../log/commit.ts";
import { type FileNode, isSameFile, nodeKey } from "../../file-node.ts";
import { heap, operationOf, removalIn, rowsInserted } from "../log/heap.ts";
import { type LogRecord, manager } from "../log/records.ts";
import { runningIn } from "../log/standby.ts";
import type { FileWrites } from "./writes.ts";

/** What stands in a part of the log, by transaction id (32 bits), then by file. */
export interface Tally {
  readonly ids: Map<number, Map<string, Counts>>;
  /** Ids of transactions that committed with subtransactions, and of those. */
  readonly families: Set<number>;
  /** The next id to be given out, as the first word on running transactions has it. */
  nextXid: number | null;
  /** The counts that the record before went to: nearly always the next one's too. */
  recent: { readonly xid: number; readonly file: FileNode; readonly counts: Counts } | null;
}

type Counts = { -readonly [kind in keyof FileWrites]: number };

export function newTally(): Tally {
  return { ids: new Map(), families: new Set(), nextXid: null, recent: null };
}

/** Not counted as deleted: rows that moved to another partition, which are counted for themselves, and inserts that were given up. */
export function tallied(tally: Tally, record: LogRecord, database: number, major: number): void {
  switch (record.manager) {
    case manager.heap:
      return noteRow(tally, record, database, major);
    case manager.heap2:
      if (operationOf(record) === heap.multiInsert)
        noteMore(tally, record, database, major, "inserted", rowsInserted(mainOf(record, major)));
      return;
    case manager.transaction:
      return noteFamily(tally, record, major);
    case manager.standby:
      tally.nextXid ??= runningIn(record, major)?.next ?? null;
  }
}

function noteRow(tally: Tally, record: LogRecord, database: number, major: number): void {
  switch (operationOf(record)) {
    case heap.insert:
      return noteMore(tally, record, database, major, "inserted", 1);
    case heap.update:
    case heap.hotUpdate:
      return noteMore(tally, record, database, major, "updated", 1);
    case heap.remove: {
      const how = removalIn(mainOf(record, major));
      if (how !== "given-up") noteMore(tally, record, database, major, how, 1);
    }
  }
}

function noteMore(
  tally: Tally,
  record: LogRecord,
  database: number,
  major: number,
  kind: keyof FileWrites,
  rows: number,
): void {
  const node = firstNode(record.bytes, major < 15);
  if (node?.database !== database) return;
  const { recent } = tally;
  if (recent?.xid !== record.xid || !isSameFile(recent.file, node))
    tally.recent = { xid: record.xid, file: node, counts: countsFor(tally, record.xid, nodeKey(node)) };
  if (tally.recent) tally.recent.counts[kind] += rows;
}

function countsFor({ ids }: Tally, xid: number, file: string): Counts {
  const byFile = ids.get(xid) ?? new Map<string, Counts>();
  ids.set(xid, byFile);
  const counts = byFile.get(file) ?? { deleted: 0, updated: 0, inserted: 0, moved: 0 };
  byFile.set(file, counts);
  return counts;
}

function noteFamily({ families }: Tally, record: LogRecord, major: number): void {
  const commit = commitOf(record.xid, record.info, mainOf(record, major), major);
  if (commit === null || commit.subs.length === 0) return;
  for (const xid of [commit.xid, ...commit.subs]) families.add(xid);
}
