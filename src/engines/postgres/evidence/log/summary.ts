import { firstNode, mainOf } from "./blocks.ts";
import { commitOf, type LoggedCommit } from "./commit.ts";
import { fileNode, type FileNode, isSameFile, nodeKey } from "../../file-node.ts";
import { heap, operationOf, removalIn, rowsInserted } from "./heap.ts";
import { leastAt, type LeastSettings } from "./least-settings.ts";
import { type LogRecord, manager } from "./records.ts";
import { locksIn, type Running, runningIn } from "./standby.ts";

/** What is asked of the log since the backup. */
export interface Asked {
  readonly major: number;
  readonly database: number;
  /** Where the backup's own log begins: its end names this place. */
  readonly backupStart: bigint;
  /** Files whose deletes are counted, by `nodeKey`. */
  readonly files: ReadonlySet<string>;
  /** Commits that are wanted whatever they did; 32 bits. */
  readonly xids: ReadonlySet<number>;
}

export interface FoundCommit extends LoggedCommit {
  readonly position: bigint;
  /** By file: rows that it deleted, not counting what an UPDATE moved to another partition. */
  readonly deleted: ReadonlyMap<string, number>;
  /** Rows of these files that it moved to another partition; it may have deleted some of them there. */
  readonly moved: number;
  /** By file: rows that it updated in place, one as often as it did. */
  readonly updated: ReadonlyMap<string, number>;
  /** It also inserted or updated rows of these files. */
  readonly alsoWrote: boolean;
  /** By file: rows that it inserted, of which it may have deleted some; noted only where it was asked for by its id. */
  readonly inserted: ReadonlyMap<string, number>;
  /** Files that it made, by `nodeKey`. */
  readonly made: readonly string[];
  /** By the table's oid: where it took the exclusive lock. From there on nobody else could change the table, nor read it in a clone. */
  readonly locks: ReadonlyMap<number, bigint>;
}

export interface LogSummary {
  /** Those that deleted in one of the files, made one, took files of this database away, or were asked for; in the log's order. */
  readonly commits: FoundCommit[];
  /** Those that updated most rows of the files, whatever else they did. */
  updaters: FoundCommit[];
  /** Where the backup was complete; null = its end is not in the log that was read. */
  backupEnd: bigint | null;
  /** Settings that the log's writer had, each time that they changed. */
  readonly least: LeastSettings[];
  /** A tablespace was made: a server that replays this makes a folder outside of its own. */
  tablespaceAt: bigint | null;
  /** In the log's order. A transaction with the next id, or a younger one, began after that place. */
  readonly running: Running[];
  /** Who made each file of this database, by `nodeKey`: of transactions that committed. */
  readonly makers: Map<string, Maker>;
}

export interface Maker {
  /** Of its COMMIT. */
  readonly position: bigint;
  /** It made the schema of a rescue area of ours, and nothing of anybody else's. */
  readonly isArea: boolean;
}

const [backupEndInfo, parameterInfo, storageCreate, tablespaceCreate] = [0x50, 0x60, 0x10, 0x00];
const abort = 0x20;
/** The catalogue's table of schemas, unless VACUUM FULL gave it another file: then a rescue area is not known as that. */
const [schemas, areaName] = [2615, "holdfast_rescue_"];

/** What a transaction did until it ends. */
interface Open {
  moved: number;
  alsoWrote: boolean;
  readonly deleted: Map<string, number>;
  readonly updated: Map<string, number>;
  readonly inserted: Map<string, number>;
  readonly made: string[];
  /** Files with forks that are no table's main one too: an unlogged table's are told by those alone. */
  readonly born: string[];
  isArea: boolean;
  readonly locks: Map<number, bigint>;
}

interface Summing {
  readonly asked: Asked;
  readonly found: LogSummary;
  readonly open: Map<number, Open>;
  /** The file of the row before: nearly always the next one's too. */
  recent: { readonly file: FileNode; readonly asked: string | null } | null;
}

/** Looks at every record once. Memory grows with the transactions that touched the files, not with the log. */
export function summary(asked: Asked): { readonly found: LogSummary; see(record: LogRecord): void } {
  const found: LogSummary = {
    commits: [],
    updaters: [],
    backupEnd: null,
    least: [],
    tablespaceAt: null,
    running: [],
    makers: new Map(),
  };
  const summing: Summing = { asked, found, open: new Map(), recent: null };
  return { found, see: (record) => seeOne(summing, record) };
}

function seeOne(summing: Summing, record: LogRecord): void {
  const { found } = summing;
  const info = record.info & 0xf0;
  switch (record.manager) {
    case manager.heap:
      return noteRow(summing, record);
    case manager.heap2:
      if (operationOf(record) === heap.multiInsert)
        noteInserts(summing, record, () => rowsInserted(mainOf(record, summing.asked.major)));
      return;
    case manager.transaction:
      return noteEnd(summing, record);
    case manager.xlog:
      if (info === backupEndInfo || info === parameterInfo) noteServer(summing, record);
      return;
    case manager.storage:
      if (info === storageCreate) noteFile(summing, record);
      return;
    case manager.tablespace:
      if (info === tablespaceCreate) found.tablespaceAt ??= record.position;
      return;
    case manager.standby:
      noteLocks(summing, record);
      noteRunning(summing, record);
  }
}

function openOf({ open }: Summing, xid: number): Open {
  const known = open.get(xid) ?? {
    moved: 0,
    alsoWrote: false,
    deleted: new Map<string, number>(),
    updated: new Map<string, number>(),
    inserted: new Map<string, number>(),
    made: [],
    born: [],
    isArea: false,
    locks: new Map<number, bigint>(),
  };
  open.set(xid, known);
  return known;
}

function noteRow(summing: Summing, record: LogRecord): void {
  switch (operationOf(record)) {
    case heap.remove:
      return noteDelete(summing, record);
    case heap.insert:
      return noteInserts(summing, record, () => 1);
    case heap.update:
    case heap.hotUpdate:
      return noteUpdate(summing, record);
  }
}

function noteUpdate(summing: Summing, record: LogRecord): void {
  const node = firstNode(record.bytes, summing.asked.major < 15);
  const file = node && askedFile(summing, node);
  if (file === null) return;
  const doing = openOf(summing, record.xid);
  doing.alsoWrote = true;
  doing.updated.set(file, (doing.updated.get(file) ?? 0) + 1);
}

/** Its key, where it is one of those that were asked for. */
function askedFile(summing: Summing, file: FileNode): string | null {
  if (summing.recent === null || !isSameFile(summing.recent.file, file)) {
    const key = nodeKey(file);
    summing.recent = { file, asked: summing.asked.files.has(key) ? key : null };
  }
  return summing.recent.asked;
}

function noteDelete(summing: Summing, record: LogRecord): void {
  const node = firstNode(record.bytes, summing.asked.major < 15);
  const file = node && askedFile(summing, node);
  if (file === null) return;
  const how = removalIn(mainOf(record, summing.asked.major));
  if (how === "given-up") return;
  const doing = openOf(summing, record.xid);
  if (how === "moved") return void (doing.moved += 1);
  const { deleted } = doing;
  deleted.set(file, (deleted.get(file) ?? 0) + 1);
}

/** Every other record is an INSERT: beyond those that were asked for only new schemas are looked into. */
function noteInserts(summing: Summing, record: LogRecord, rows: () => number): void {
  const node = firstNode(record.bytes, summing.asked.major < 15);
  if (node === null || node.database !== summing.asked.database) return;
  if (node.node === schemas && record.bytes.includes(areaName)) openOf(summing, record.xid).isArea = true;
  const file = askedFile(summing, node);
  if (file === null) return;
  const doing = openOf(summing, record.xid);
  doing.alsoWrote = true;
  if (!summing.asked.xids.has(record.xid)) return;
  const { inserted } = doing;
  inserted.set(file, (inserted.get(file) ?? 0) + rows());
}

function noteEnd(summing: Summing, record: LogRecord): void {
  const { asked, found, open } = summing;
  const commit = commitOf(record.xid, record.info, mainOf(record, asked.major), asked.major);
  if (commit === null) {
    if ((record.info & 0x70) === abort) open.delete(record.xid);
    return;
  }
  const members = [commit.xid, ...commit.subs];
  const parts = members.flatMap((xid) => open.get(xid) ?? []);
  for (const xid of members) open.delete(xid);
  const dropped = commit.dropped.filter(({ database }) => database === asked.database);
  const deleted = sum(parts.map((part) => part.deleted));
  const inserted = sum(parts.map((part) => part.inserted));
  const made = parts.flatMap((part) => part.made);
  const maker = { position: record.position, isArea: parts.some(({ isArea }) => isArea) };
  for (const file of parts.flatMap(({ born }) => born)) found.makers.set(file, maker);
  const moved = parts.reduce((total, part) => total + part.moved, 0);
  const alsoWrote = parts.some((part) => part.alsoWrote);
  const updated = sum(parts.map((part) => part.updated));
  const isNothing = deleted.size === 0 && dropped.length === 0 && !made.some((file) => asked.files.has(file));
  const isPassedOver = isNothing && !asked.xids.has(commit.xid);
  if (isPassedOver && updated.size === 0) return;
  const locks = new Map(parts.flatMap((part) => [...part.locks]).toSorted(([, a], [, b]) => (a < b ? 1 : -1)));
  const told: FoundCommit = {
    ...commit,
    dropped,
    made,
    locks,
    moved,
    alsoWrote,
    deleted,
    updated,
    inserted,
    position: record.position,
  };
  if (!isPassedOver) found.commits.push(told);
  if (updated.size > 0) noteUpdater(found, told);
}

/** An application updates rows all day: only the largest are kept. */
function noteUpdater(found: LogSummary, commit: FoundCommit): void {
  found.updaters.push(commit);
  if (found.updaters.length < 2 * mostUpdaters) return;
  found.updaters = found.updaters.toSorted((a, b) => updatedBy(b) - updatedBy(a)).slice(0, mostUpdaters);
}

const mostUpdaters = 50;

function updatedBy({ updated }: FoundCommit): number {
  return [...updated.values()].reduce((total, rows) => total + rows, 0);
}

function noteServer(summing: Summing, record: LogRecord): void {
  const { asked, found } = summing;
  const main = mainOf(record, asked.major);
  if ((record.info & 0xf0) === parameterInfo) found.least.push(leastAt(main, 0));
  else if (main.readBigUInt64LE(0) === asked.backupStart) found.backupEnd = record.position;
}

function noteLocks(summing: Summing, record: LogRecord): void {
  for (const { xid, database, table } of locksIn(record, summing.asked.major)) {
    if (database !== summing.asked.database) continue;
    const { locks } = openOf(summing, xid);
    if (!locks.has(table)) locks.set(table, record.position);
  }
}

function noteRunning({ asked, found }: Summing, record: LogRecord): void {
  const told = runningIn(record, asked.major);
  if (told !== null) found.running.push(told);
}

function noteFile(summing: Summing, record: LogRecord): void {
  const main = mainOf(record, summing.asked.major);
  const node = fileNode(main, 0);
  if (node.database !== summing.asked.database) return;
  const { made, born } = openOf(summing, record.xid);
  born.push(nodeKey(node));
  if (main.readUInt32LE(12) === 0) made.push(nodeKey(node));
}

function sum(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const total = new Map<string, number>();
  for (const one of all) for (const [file, rows] of one) total.set(file, (total.get(file) ?? 0) + rows);
  return total;
}
