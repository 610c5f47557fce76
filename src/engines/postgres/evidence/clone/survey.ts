import type { Backup, Watch } from "../../../engine.ts";
import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { fileColumns, fileIn, nodeKey } from "../../file-node.ts";
import { lsnNumber, lsnText } from "../log/position.ts";
import { type Damage, eachRecord } from "../log/records.ts";
import { type Segment, segmentName, segmentsBetween } from "../log/segments.ts";
import { type LogSource, logSource } from "../log/source.ts";
import { type FoundCommit, type LogSummary, summary } from "../log/summary.ts";
import { majorVersion } from "../server.ts";
import { ahead, lowXid } from "../xid.ts";
import { type BaseBackup, readBackup } from "./backup.ts";
import { cloneFolder } from "./folder.ts";

/** A backup, and what the log since then says. */
export interface Surveyed {
  readonly backup: BaseBackup;
  readonly source: LogSource;
  readonly log: LogSummary;
  /** From where on, and up to where, the log was read. */
  readonly from: bigint;
  readonly end: bigint;
  /** The file at which the log breaks off, if it does. */
  readonly stoppedAt: Segment | null;
  /** Where it does so because a file is damaged in every copy that there is. */
  readonly damage: Damage | null;
  /** Whether the first copy of each file would do. */
  readonly firstCopies: boolean;
  readonly major: number;
  readonly database: number;
  /** Oids of the tables, as far as they are there now. */
  readonly oids: ReadonlyMap<TableName, number>;
  /** Of each table, its file now; and the files that it had before, as far as the log tells. */
  readonly files: ReadonlyMap<TableName, readonly string[]>;
}

export interface Wanted {
  readonly tables: readonly TableName[];
  /** Transactions whose commits are wanted whatever they did; 64 bits. */
  readonly xids: readonly string[];
  /** Also what each of them inserted itself, under savepoints too. */
  readonly ownToo?: true;
  /** Of the log only so many bytes, the newest; all since the backup when left out. */
  readonly newest?: number;
}

/** Reads the log from the backup to its end; writes nothing. `inUse`: the tables as they lie now. */
export async function surveyLog(begun: Begun, inUse: InUse, wanted: Wanted, watch: Watch): Promise<Surveyed> {
  const { backup, source, major } = begun;
  const { database, oids, files: now } = inUse;
  const xids = new Set(wanted.xids.map((xid) => lowXid(Number(xid))));
  const read = (files: ReadonlyMap<TableName, readonly string[]>, note: string) =>
    readLog(source, backup, { major, database, files, xids, newest: wanted.newest ?? null, note }, watch);
  const first = await read(now, "the log since the backup");
  const files = withEarlier(now, first.log.commits);
  const subs = wanted.ownToo ? first.log.commits.filter(({ xid }) => xids.has(xid)).flatMap((one) => one.subs) : [];
  const unseen = subs.filter((sub) => !xids.has(sub));
  for (const sub of unseen) xids.add(sub);
  const again = unseen.length > 0 || [...files].some(([table, all]) => all.length > (now.get(table)?.length ?? 0));
  const told = again ? await read(files, "the log once more, for what it led to") : first;
  return { ...begun, database, oids, files, ...told };
}

/** What is known at once, before the log is read. */
export type Begun = Pick<Surveyed, "backup" | "source" | "major">;

/** Faults `HF-CLONE-BACKUP` where there is no backup to read. */
export async function beginSurvey(target: PostgresTarget, asking: Connection): Promise<Begun> {
  const configured = backupOf(target);
  const backup = await readBackup(configured.base);
  const scratch = cloneFolder(target, target.request.session.run);
  const source = await logSource(asking, { backup: configured, scratch });
  return { backup, source, major: await majorVersion(asking) };
}

/** Bytes of log from the backup to now. */
export function logBytes({ backup, source }: Begun): number {
  return Number(source.end - lsnNumber(backup.label.start));
}

/** Bytes that a clone takes up to this commit: the backup, and the log since. */
export function bytesOf({ backup }: Surveyed, last: FoundCommit): number {
  return backup.bytes + Number(last.position - lsnNumber(backup.label.start));
}

/** The first file of the log since the backup that is in no place; null where all are there. What is in them is not looked at. */
export async function firstAbsent({ backup, source }: Begun, watch: Watch): Promise<Segment | null> {
  const start = lsnNumber(backup.label.start);
  const segments = segmentsBetween(backup.label.timeline, start, source.end, source.segmentBytes);
  for (const [done, segment] of segments.entries()) {
    watch.signal.throwIfAborted();
    watch.progress({ done, total: segments.length, unit: "files", note: "the log since the backup" });
    if (!isEmptyAt(segment, source) && (await source.read(segment)) === null) return segment;
  }
  return null;
}

/** Right after a switch the newest file is not there yet, and nothing is in it. */
function isEmptyAt(segment: Segment, { end }: LogSource): boolean {
  return end - segment.start <= 40n;
}

/** Where a target has no backup nothing of this is asked. */
function backupOf(target: PostgresTarget): Backup {
  const { backup } = target.request;
  if (backup) return backup;
  throw new Error("a target without a backup was asked for one");
}

interface Reading {
  readonly major: number;
  readonly database: number;
  readonly files: ReadonlyMap<TableName, readonly string[]>;
  readonly xids: ReadonlySet<number>;
  readonly newest: number | null;
  readonly note: string;
}

async function readLog(source: LogSource, backup: BaseBackup, reading: Reading, watch: Watch) {
  const start = lsnNumber(backup.label.start);
  const { found, see } = summary({
    ...reading,
    backupStart: start,
    files: new Set([...reading.files.values()].flat()),
  });
  const bounded = reading.newest === null ? start : source.end - BigInt(reading.newest);
  const from = bounded > start ? bounded : start;
  const segments = segmentsBetween(backup.label.timeline, from, source.end, source.segmentBytes);
  let [done, copies] = [0, 0];
  const { end, stoppedAt, damage } = await eachRecord(
    segments,
    (segment, copy) => {
      watch.signal.throwIfAborted();
      done += copy === 0 ? 1 : 0;
      copies = Math.max(copies, copy);
      watch.progress({ done, total: segments.length, unit: "files", note: reading.note });
      return source.read(segment, copy);
    },
    source.end,
    see,
  );
  const isEmpty = stoppedAt !== null && isEmptyAt(stoppedAt, source);
  return { log: found, from, end, stoppedAt: isEmpty ? null : stoppedAt, damage, firstCopies: copies === 0 };
}

/** The tables as they lie now. */
export type InUse = Pick<Surveyed, "database" | "oids" | "files">;

export async function filesNow(asking: Connection, tables: readonly TableName[]): Promise<InUse> {
  const rows = await asking.rows(
    "asking where the tables lie",
    `SELECT d.oid::text AS database, n.name AS table, c.oid::text AS oid, ${fileColumns("c")}
       FROM pg_database d, unnest($1::text[]) AS n(name) LEFT JOIN pg_class c ON c.oid = to_regclass(n.name)
      WHERE d.datname = current_database()`,
    [[...tables]],
  );
  const database = Number(rows[0]?.database);
  const files = rows.map((row): readonly [TableName, readonly string[]] => [
    row.table ?? "",
    row.node == null ? [] : [nodeKey(fileIn(row))],
  ]);
  const oids = rows.flatMap(({ table, oid }) => (oid == null ? [] : [[table ?? "", Number(oid)] as const]));
  return { database, oids: new Map(oids), files: new Map(files) };
}

/** Who made a table's file took the one before away, among others (its indexes, its long values): one of those was the table's. */
function withEarlier(
  now: ReadonlyMap<TableName, readonly string[]>,
  commits: readonly FoundCommit[],
): ReadonlyMap<TableName, readonly string[]> {
  const all = new Map<TableName, readonly string[]>();
  for (const [table, files] of now) {
    const known = new Set(files);
    for (const { made, dropped } of commits.toReversed())
      if (made.some((file) => known.has(file))) for (const file of dropped) known.add(nodeKey(file));
    all.set(table, [...known]);
  }
  return all;
}

/** The statement's commits, in the log's order; those that are not in it are missing from the list. */
export function commitsOf({ log }: Surveyed, { transactions }: Statement): readonly FoundCommit[] {
  const wanted = new Set(transactions.map((xid) => lowXid(Number(xid))));
  return log.commits.filter(({ xid }) => wanted.has(xid));
}

/** A place in the log before all that the transaction did; null where it had begun before what was read tells of. */
export function beginOf({ running }: LogSummary, { xid, subs, position }: FoundCommit): bigint | null {
  const isYounger = (next: number) => [xid, ...subs].every((id) => ahead(id, next) >= 0);
  return running.findLast(({ at, next }) => at < position && isYounger(next))?.at ?? null;
}

/** Where the log is damaged, as a sentence. */
export function damageText({ at, segment }: Damage, { segmentBytes }: Pick<LogSource, "segmentBytes">): string {
  return `The log is damaged at ${lsnText(at)}, in the file ${segmentName(segment, segmentBytes)}: what is after that is not known.`;
}

/** Where the log breaks off because a file of it is lacking, and what would mend that, as sentences. */
export function breakText(stoppedAt: Segment, source: LogSource): { readonly why: string; readonly opensWith: string } {
  const name = segmentName(stoppedAt, source.segmentBytes);
  const refused = source.refused(stoppedAt);
  if (refused !== null)
    return {
      why: `The log breaks off: the file ${name} is in the archive, but this account can't read it (${refused}), and the server has no other.`,
      opensWith: "Reading rights for this account on the archive and its files.",
    };
  return {
    why: `The log breaks off: the file ${name} is neither in the archive nor on the server.`,
    opensWith: "That file in the archive. If it is not archived yet: select pg_switch_wal() on the server.",
  };
}
