import { Fault } from "../../core/errors.ts";
import type { RunId } from "../../core/ids.ts";
import { lockLost } from "../effect-faults.ts";
import type { Lock, Orphan } from "../lock.ts";
import type { Connection } from "./connection.ts";
import { holderWords } from "./lock/holder.ts";
import { lockClass, lockKey, lockedBy } from "./lock/keys.ts";
import { applicationPrefix, type PostgresTarget } from "./target.ts";

/** The lock, and the server's process id of the session that holds it (null while nobody of ours does). */
export interface TargetLock extends Lock {
  holder(): number | null;
}

interface Held {
  readonly session: Connection;
  readonly pid: number;
  alive: boolean;
}

/**
 * One advisory lock per database, held by a session of its own for as long as the run is driven. Only ever tried, never waited for: a
 * session that waits in the server for an advisory lock can deadlock with an index that is being built concurrently.
 */
export function targetLock(target: PostgresTarget): TargetLock {
  let held: Held | null = null;
  const release = async () => {
    const was = held;
    held = null;
    await was?.session.close();
  };
  return {
    holder: () => (held?.alive ? held.pid : null),
    release,
    acquire: async () => {
      if (held && (await stillHolds(target, held))) return { kind: "held" };
      await release();
      const outcome = await tryLock(target);
      if (outcome.kind === "busy") return outcome;
      held = outcome.held;
      return { kind: "held" };
    },
    assertHeld: async () => {
      if (held && (await stillHolds(target, held))) return;
      throw lockLost();
    },
    orphans: (run) => orphans(target, run),
    endOrphans: (run) => endOrphans(target, run),
  };
}

async function tryLock(
  target: PostgresTarget,
): Promise<{ kind: "held"; held: Held } | { kind: "busy"; holder: string }> {
  // It is idle for hours by design; the server's own limit on idle sessions must not end it.
  const session = await target.open("reading", { idle_session_timeout: "0" });
  const sql = `select pg_try_advisory_lock(${lockClass}, ${lockKey}) as taken, pg_backend_pid() as pid`;
  const { taken, pid } = await session.row("taking the target lock", sql);
  if (taken === "t") {
    const held: Held = { session, pid: Number(pid), alive: true };
    session.client.once("end", () => (held.alive = false));
    return { kind: "held", held };
  }
  const holder = await holderWords(session);
  await session.close();
  return { kind: "busy", holder };
}

/** Asked of the server, by another session: the one that holds the lock may have died without our knowing. */
async function stillHolds(target: PostgresTarget, held: Held): Promise<boolean> {
  if (!held.alive) return false;
  const session = await target.catalogue();
  const { mine } = await session.row("asking for the target lock", `select ${lockedBy("$1::int")} as mine`, [held.pid]);
  return mine === "t";
}

async function orphans(target: PostgresTarget, run: RunId): Promise<readonly Orphan[]> {
  const session = await target.catalogue();
  const rows = await session.rows(
    "looking for sessions of this run",
    `select pid::text as pid, coalesce(nullif(state, ''), backend_type) as state, left(query, 80) as query,
       to_char(coalesce(xact_start, query_start, backend_start) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
     from pg_stat_activity
     where starts_with(application_name, $1) and pid <> all ($2::int[]) and leader_pid is null
       and pid <> pg_backend_pid() order by pid`,
    [applicationPrefix(run), `{${target.pids().join(",")}}`],
  );
  return rows.map((row) => ({
    session: row.pid ?? "",
    doing: `${row.state}: ${firstWords(row.query ?? "")}`,
    since: row.since ?? "",
  }));
}

/** A statement's verb and object, without what may be a value. */
function firstWords(query: string): string {
  return (/^\s*\w+(\s+\w+)?/.exec(query)?.[0] ?? "nothing").trim().toLowerCase();
}

const patienceMs = 3_000;

/** The server ends most by itself once it sees that the client is gone (client_connection_check_interval); the rest is ended. */
async function endOrphans(target: PostgresTarget, run: RunId): Promise<number> {
  const { clock } = target.request;
  const found = await orphans(target, run);
  const deadline = clock.monotonic() + patienceMs;
  let left = found;
  while (left.length > 0 && clock.monotonic() < deadline) {
    await clock.sleep(100);
    left = await orphans(target, run);
  }
  const session = await target.catalogue();
  for (const orphan of left)
    await session.rows("ending a session of this run", "select pg_terminate_backend($1::int, 5000)", [orphan.session]);
  left = left.length > 0 ? await orphans(target, run) : left;
  if (left.length === 0) return found.length;
  const pids = left.map((orphan) => orphan.session).join(", ");
  throw new Fault("HF-LOCK-ORPHAN", `sessions of an earlier process of this run can't be ended: ${pids}`, {
    exit: "busy",
    still: "Nothing was begun beside them.",
    hint: `Ask the DBA to end them: select pg_terminate_backend(pid) for ${pids}. Then resume.`,
  });
}
