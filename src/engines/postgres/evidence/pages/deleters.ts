import type { Connection } from "../../connection.ts";
import type { FullXid } from "../xid.ts";
import { type Commit, commitsByTime, commitsInLog } from "./commits.ts";
import { type Deleter, rowsOf } from "./scan.ts";

/** A transaction that is not over yet, with what of the deleters belongs to it. */
export interface OpenDeleter {
  readonly kind: "open" | "prepared";
  readonly value: string;
  readonly members: readonly FullXid[];
  readonly since: string | null;
  readonly who: string;
}

export interface SortedDeleters {
  readonly commits: readonly Commit[];
  readonly open: readonly OpenDeleter[];
  /** Deleters that were not looked at: too many, and too small. */
  readonly skipped: number;
}

const mostDeleters = 5000;
const logBudgetMs = 20_000;

/** Who of them committed, and with which subtransactions; who still runs. Those given up did nothing and are left out. */
export async function sortDeleters(
  connection: Connection,
  deleters: ReadonlyMap<FullXid, Deleter>,
  next: FullXid,
): Promise<SortedDeleters> {
  const largest = [...deleters.values()]
    .filter((one) => rowsOf(one) > 0)
    .toSorted((a, b) => rowsOf(b) - rowsOf(a))
    .map(({ xid }) => xid);
  const looked = largest.slice(0, mostDeleters);
  const status = await statuses(connection, looked);
  const with_ = (wanted: string) => new Set(looked.filter((xid) => status.get(xid) === wanted));
  return {
    commits: await commitsOf(connection, with_("committed"), next),
    open: await openOnes(connection, with_("in progress"), next),
    skipped: largest.length - looked.length,
  };
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
    `SELECT l.pid::text, p.gid, (l.transactionid::text::bigint + ($1::bigint >> 32 << 32)
              - CASE WHEN l.transactionid::text::bigint + ($1::bigint >> 32 << 32) >= $1::bigint THEN 4294967296 ELSE 0 END)::text AS xid,
            (coalesce(a.xact_start, p.prepared) AT TIME ZONE 'UTC')::text AS since,
            concat_ws(', ', nullif(a.application_name, ''), coalesce(a.usename, p.owner),
                      CASE WHEN p.gid IS NULL THEN 'pid ' || l.pid ELSE 'prepared as ' || p.gid END) AS who
       FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
       LEFT JOIN pg_prepared_xacts p ON l.virtualtransaction LIKE '-1/%' AND p.transaction = l.transactionid
      WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'`,
    [String(next)],
  );
  const byOwner = new Map<string, OpenDeleter>();
  for (const row of rows) {
    if (!inProgress.has(Number(row.xid)) || (row.pid == null && row.gid == null)) continue;
    const value = row.pid == null ? `prepared:${row.gid}` : `open:${row.pid}`;
    const members = [...(byOwner.get(value)?.members ?? []), Number(row.xid)];
    const kind = row.pid == null ? "prepared" : "open";
    byOwner.set(value, { kind, value, members, since: row.since ?? null, who: row.who ?? "" });
  }
  return [...byOwner.values()];
}
