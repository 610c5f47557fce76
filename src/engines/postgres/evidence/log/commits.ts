import type { Connection } from "../../connection.ts";
import { extensionSchema } from "../extensions.ts";
import { type FullXid, fullXid, lowXid } from "../xid.ts";
import type { CommitRecord } from "./commit-records.ts";
import { logFiles } from "./log-files.ts";
import { logRecords } from "./log-records.ts";
import { lsnNumber, lsnText } from "./position.ts";

/** A transaction with the subtransactions that committed with it. */
export interface Commit {
  readonly top: FullXid;
  readonly subs: readonly FullXid[];
  /** UTC, microseconds, as the server writes it; null where it does not know. */
  readonly at: string | null;
  readonly knownFrom: "log" | "time" | "nothing";
  /** Where its record begins in the log, as an LSN; absent where the log does not tell. */
  readonly position?: string;
}

/** The COMMIT records of the log name their subtransactions: the only source that is beyond doubt. */
export async function commitsInLog(
  connection: Connection,
  wanted: ReadonlySet<FullXid>,
  next: FullXid,
  budgetMs: number,
): Promise<readonly Commit[]> {
  if (wanted.size === 0) return [];
  const commitsBetween = await logReader(connection, next);
  if (commitsBetween === null) return [];
  const [oldest, newest] = await logRange(connection);
  const deadline = performance.now() + budgetMs;
  const found: Commit[] = [];
  const open = new Set(wanted);
  for (let to = newest; to > oldest && open.size > 0 && performance.now() < deadline; to -= stepBytes) {
    const from = to - stepBytes > oldest ? to - stepBytes : oldest;
    // A record that ends behind the step is left out by the server: a little more is read, and what is found twice is taken once.
    for (const commit of await commitsBetween(from, to + overlap < newest ? to + overlap : newest)) {
      const members = [commit.top, ...commit.subs];
      if (!members.some((xid) => open.has(xid))) continue;
      found.push(commit);
      for (const xid of members) open.delete(xid);
    }
  }
  return found;
}

type LogReader = (from: bigint, to: bigint) => Promise<readonly Commit[]>;

/** By the server's own functions; where the server has none to install (before 15), by the bytes of its files. Null: by neither. */
async function logReader(connection: Connection, next: FullXid): Promise<LogReader | null> {
  const schema = await extensionSchema(connection, "pg_walinspect");
  if (schema !== null) {
    const records = await logRecords(connection, schema);
    return (from, to) => inspectedCommits(connection, records, from, to, next);
  }
  const files = await logFiles(connection);
  if (files === null) return null;
  return async (from, to) => (await files.commits(from, to)).map((record) => filedCommit(record, next));
}

function filedCommit({ xid, subs, time, at }: CommitRecord, next: FullXid): Commit {
  const full = (id: number) => fullXid(id, next);
  return { top: full(xid), subs: subs.map(full), at: timeText(time), knownFrom: "log", position: lsnText(at) };
}

/** As the server writes it: without a fraction's trailing zeros. */
function timeText(sinceY2k: bigint): string {
  const micros = sinceY2k + BigInt(Date.UTC(2000, 0, 1)) * 1000n;
  const seconds = new Date(Number(micros / 1000n)).toISOString().slice(0, 19).replace("T", " ");
  const fraction = String(micros % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return fraction === "" ? seconds : `${seconds}.${fraction}`;
}

const overlap = 1024n * 1024n;

/** More at once makes the server write temporary files. */
const stepBytes = 64n * 1024n * 1024n;

/** From the oldest log file that is there to what is flushed. */
async function logRange(connection: Connection): Promise<readonly [bigint, bigint]> {
  const row = await connection.row(
    "asking for the log's range",
    `SELECT pg_current_wal_flush_lsn()::text AS newest, min(name) AS oldest,
            pg_size_bytes(current_setting('wal_segment_size'))::text AS size FROM pg_ls_waldir()
      WHERE name ~ '^[0-9A-F]{24}$' AND left(name, 8) = left(pg_walfile_name(pg_current_wal_lsn()), 8)`,
  );
  const name = row.oldest ?? "";
  const oldest = (BigInt(`0x${name.slice(8, 16)}`) << 32n) + BigInt(`0x${name.slice(16)}`) * BigInt(row.size ?? 0);
  return [oldest, lsnNumber(row.newest ?? "0/0")];
}

async function inspectedCommits(
  connection: Connection,
  records: string,
  from: bigint,
  to: bigint,
  next: FullXid,
): Promise<readonly Commit[]> {
  // The first position of a file is no record's; the log itself begins at 1.
  const start = from === 0n ? 1n : from;
  const rows = await connection.rows(
    "reading commits out of the log",
    `SELECT xid::text, record_type AS kind, description, start_lsn::text AS start FROM ${records}
      WHERE resource_manager = 'Transaction' AND record_type IN ('COMMIT', 'COMMIT_PREPARED')`,
    [lsnText(start), lsnText(to)],
  );
  return rows.flatMap((row) => commitOf(row.xid ?? "0", row.description ?? "", row.start ?? "", next));
}

/** `2026-11-21 05:41:14.1 UTC; subxacts: 743 744; inval msgs: …`; a prepared one begins with its own id and a colon. */
function commitOf(xid: string, description: string, position: string, next: FullXid): readonly Commit[] {
  const [, prepared, at] = /^(?:(\d+): )?(\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)/.exec(description) ?? [];
  const top = Number(prepared ?? xid);
  if (top === 0) return [];
  const subs = /subxacts:((?: \d+)+)/.exec(description)?.[1]?.trim().split(" ") ?? [];
  const full = (id: number) => fullXid(id, next);
  return [{ top: full(top), subs: subs.map((id) => full(Number(id))), at: at ?? null, knownFrom: "log", position }];
}

/** Where the log does not reach: one commit time means one transaction, as good as surely. Needs track_commit_timestamp. */
export async function commitsByTime(connection: Connection, wanted: ReadonlySet<FullXid>): Promise<readonly Commit[]> {
  const ids = [...wanted].toSorted((a, b) => a - b);
  const { on } = await connection.row(
    "asking for track_commit_timestamp",
    "SELECT current_setting('track_commit_timestamp') AS on",
  );
  if (on !== "on") return ids.map((top) => ({ top, subs: [], at: null, knownFrom: "nothing" }));
  const times = await commitTimes(connection, ids);
  const commits = new Map<string, FullXid[]>();
  for (const xid of ids) {
    const at = times.get(xid) ?? `none ${xid}`;
    commits.set(at, [...(commits.get(at) ?? []), xid]);
  }
  const made: Commit[] = [];
  for (const [at, members] of commits) {
    const [top = 0, ...subs] = await withMakers(connection, at, members);
    made.push({
      top,
      subs,
      at: at.startsWith("none") ? null : at,
      knownFrom: at.startsWith("none") ? "nothing" : "time",
    });
  }
  return made;
}

async function commitTimes(connection: Connection, ids: readonly FullXid[]): Promise<ReadonlyMap<FullXid, string>> {
  const rows = await connection.rows(
    "asking for commit times",
    `SELECT full_id, (pg_xact_commit_timestamp(low::xid) AT TIME ZONE 'UTC')::text AS at
       FROM unnest($1::text[], $2::text[]) AS u(full_id, low)`,
    [ids.map(String), ids.map((xid) => String(lowXid(xid)))],
  );
  return new Map(rows.flatMap((row) => (row.at == null ? [] : [[Number(row.full_id), row.at] as const])));
}

/** Subtransactions that only inserted ended nothing; they lie near those that did, and share their commit time. */
async function withMakers(connection: Connection, at: string, members: FullXid[]): Promise<readonly FullXid[]> {
  if (at.startsWith("none")) return members;
  const [near, known] = [64, new Set(members)];
  const from = Math.max(3, Math.min(...members) - near);
  const around = Array.from({ length: Math.min(4096, Math.max(...members) - from + near) }, (_, nth) => from + nth);
  const times = await commitTimes(
    connection,
    around.filter((xid) => !known.has(xid)),
  );
  const found = [...times].filter(([, time]) => time === at).map(([xid]) => xid);
  return [...members, ...found].toSorted((a, b) => a - b);
}
