import type { Connection } from "../../connection.ts";
import { type FullXid, fullXid } from "../xid.ts";
import { type Commit, commitsByTime, commitsInLog } from "./commits.ts";
import { changeWeightOf, type Deleter, newDeleter, rowsOf, weightOf } from "./scan.ts";

/** A transaction that is not over yet, with what of the deleters belongs to it. */
export interface OpenDeleter {
  readonly kind: "open" | "prepared";
  readonly value: string;
  readonly top: FullXid;
  /** Those of its ids, its own or its subtransactions', that ended rows. */
  readonly members: readonly FullXid[];
  readonly since: string | null;
  readonly who: string;
}

export interface SortedDeleters {
  readonly commits: readonly Commit[];
  readonly open: readonly OpenDeleter[];
  /** Of all, looked at or not, that did not give up; subtransactions count. */
  readonly oldest: FullXid | null;
  /** Deleters that were not looked at: too many, and too small. */
  readonly skipped: number;
}

const [mostDeleters, mostUpdaters] = [5000, 200];
const logBudgetMs = 20_000;

/** Who of them committed, and with which subtransactions; who still runs. Those given up did nothing and are left out. */
export async function sortDeleters(
  connection: Connection,
  deleters: ReadonlyMap<FullXid, Deleter>,
  next: FullXid,
): Promise<SortedDeleters> {
  const known = [...deleters.values()].filter(({ xid }) => hadBegun(xid));
  const largest = known
    .filter((one) => weightOf(one) > 0)
    .toSorted((a, b) => weightOf(b) - weightOf(a))
    .map(({ xid }) => xid);
  const updaters = known
    .filter((one) => changeWeightOf(one) > 0)
    .toSorted((a, b) => changeWeightOf(b) - changeWeightOf(a))
    .slice(0, mostUpdaters)
    .map(({ xid }) => xid);
  // What the log alone tells of has nothing on the pages to be held.
  const hasVersions = (one: Deleter) => rowsOf(one) > 0 || one.replacedIn.size > 0;
  const onPages = new Set([...largest, ...updaters].filter((xid) => hasVersions(deleters.get(xid) ?? newDeleter(xid))));
  const looked = [...new Set([...largest.slice(0, mostDeleters), ...updaters])];
  const status = await statuses(connection, looked);
  const with_ = (wanted: string) => new Set(looked.filter((xid) => status.get(xid) === wanted));
  const commits = await commitsOf(connection, with_("committed"), next);
  const open = await openOnes(connection, with_("in progress"), next);
  const oldest = [
    ...(await oldestNotGivenUp(connection, [...onPages])),
    ...commits
      .map(({ top, subs }) => [top, ...subs])
      .filter((all) => all.some((xid) => onPages.has(xid)))
      .flat(),
    ...open.map(({ top }) => top),
  ].reduce<FullXid | null>((least, xid) => (least === null || xid < least ? xid : least), null);
  return { commits, open, oldest, skipped: Math.max(0, largest.length - mostDeleters) };
}

/** What began after the search did is ahead of the next id as it was then, and is taken for one of an earlier round: below zero, the server refuses it. */
function hadBegun(xid: FullXid): boolean {
  return xid > 0;
}

/** One answer, however many there are. */
async function oldestNotGivenUp(connection: Connection, ids: readonly FullXid[]): Promise<readonly FullXid[]> {
  const rows = await connection.rows(
    "asking for the oldest transaction that took rows",
    "SELECT min(id::bigint)::text AS oldest FROM unnest($1::text[]) AS u(id) WHERE pg_xact_status(id::xid8) <> 'aborted'",
    [ids.map(String)],
  );
  return rows.flatMap(({ oldest }) => (oldest == null ? [] : [Number(oldest)]));
}

async function statuses(connection: Connection, ids: readonly FullXid[]): Promise<ReadonlyMap<FullXid, string>> {
  const rows = await connection.rows(
    "asking what became of transactions",
    "SELECT id, pg_xact_status(id::xid8) AS status FROM unnest($1::text[]) AS u(id)",
    [ids.map(String)],
  );
  return new Map(rows.flatMap((row) => (row.status == null ? [] : [[Number(row.id), row.status] as const])));
}

async function commitsOf(
  connection: Connection,
  committed: ReadonlySet<FullXid>,
  next: FullXid,
): Promise<readonly Commit[]> {
  const fromLog = await commitsInLog(connection, committed, next, logBudgetMs);
  const named = new Set(fromLog.flatMap(({ top, subs }) => [top, ...subs]));
  const rest = new Set([...committed].filter((xid) => !named.has(xid)));
  return rest.size === 0 ? fromLog : [...fromLog, ...(await commitsByTime(connection, rest))];
}

/** Each transaction, and each of its subtransactions, holds a lock on its own id until it ends. */
async function openOnes(
  connection: Connection,
  inProgress: ReadonlySet<FullXid>,
  next: FullXid,
): Promise<readonly OpenDeleter[]> {
  if (inProgress.size === 0) return [];
  const rows = await connection.rows(
    "looking for open transactions",
    `WITH locks AS (SELECT virtualtransaction AS owner, pid, transactionid::text AS xid FROM pg_locks
                     WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock')
     SELECT l.owner, l.pid::text, p.gid, l.xid, coalesce(a.backend_xid, p.transaction)::text AS top,
            (coalesce(a.xact_start, p.prepared) AT TIME ZONE 'UTC')::text AS since,
            concat_ws(', ', nullif(a.application_name, ''), coalesce(a.usename, p.owner),
                      coalesce('prepared as ' || p.gid, 'pid ' || l.pid)) AS who
       FROM locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
       LEFT JOIN (pg_prepared_xacts p JOIN locks t ON t.pid IS NULL AND t.xid = p.transaction::text)
              ON l.pid IS NULL AND t.owner = l.owner`,
  );
  const byOwner = new Map<string, OpenDeleter>();
  for (const row of rows) {
    const xid = fullXid(Number(row.xid), next);
    if (!inProgress.has(xid) || row.top == null) continue;
    const value = row.pid == null ? `prepared:${row.gid}` : `open:${row.pid}`;
    byOwner.set(value, {
      kind: row.pid == null ? "prepared" : "open",
      value,
      top: fullXid(Number(row.top), next),
      members: [...(byOwner.get(value)?.members ?? []), xid],
      since: row.since ?? null,
      who: row.who ?? "",
    });
  }
  return [...byOwner.values()];
}
