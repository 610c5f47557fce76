import type { Connection } from "../../connection.ts";
import { mainOf } from "../log/blocks.ts";
import { commitOf, commitTime } from "../log/commit.ts";
import { lsnText } from "../log/position.ts";
import { manager } from "../log/records.ts";
import { serverLog } from "../log/server-log.ts";
import { type FullXid, fullXid, lowXid } from "../xid.ts";

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

/** The COMMIT records of the log name their subtransactions: the only source that is beyond doubt. Newest first, for about so long. */
export async function commitsInLog(
  connection: Connection,
  wanted: ReadonlySet<FullXid>,
  next: FullXid,
  budgetMs: number,
): Promise<readonly Commit[]> {
  if (wanted.size === 0) return [];
  const log = await serverLog(connection);
  if (log === null) return [];
  const deadline = performance.now() + budgetMs;
  const found: Commit[] = [];
  const open = new Set(wanted);
  const files = log.newestFirst((record) => {
    if (record.manager !== manager.transaction) return;
    const commit = commitOf(record.xid, record.info, mainOf(record, log.major), log.major);
    if (commit === null) return;
    const [top, subs] = [fullXid(commit.xid, next), commit.subs.map((xid) => fullXid(xid, next))];
    if (![top, ...subs].some((xid) => open.has(xid))) return;
    found.push({ top, subs, at: timeText(commit.at), knownFrom: "log", position: lsnText(record.position) });
    for (const xid of [top, ...subs]) open.delete(xid);
  });
  for await (const _bytes of files) if (open.size === 0 || performance.now() > deadline) break;
  return found;
}

/** As the server writes it: without a fraction's trailing zeros. */
function timeText(sinceY2k: bigint): string {
  return commitTime(sinceY2k).replace(/\.?0*$/, "");
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
