import { shortRunId } from "../../core/ids.ts";
import { Fault } from "../../core/errors.ts";
import type { RunId } from "../../core/ids.ts";
import { lockLost } from "../effect-faults.ts";
import type { Lock, Orphan } from "../lock.ts";
import type { Connection } from "./connection.ts";
import { lockName } from "./lock/name.ts";
import { type MysqlTarget, tagPrefix } from "./target.ts";

/** The lock, its name, and the server's number of the session that holds it (null while nobody of ours does). */
export interface TargetLock extends Lock {
  readonly name: string;
  holder(): number | null;
}

interface Held {
  readonly session: Connection;
  alive: boolean;
}

/**
 * One user lock per database, held by a session of its own that sleeps in the server: the sleeping statement names the run in the list of
 * processes, and keeps the session from being sent away as idle.
 */
export function targetLock(target: MysqlTarget): TargetLock {
  const name = lockName(target.request.target.database);
  let held: Held | null = null;
  const release = async () => {
    const was = held;
    held = null;
    if (was) await letGo(target, name, was);
  };
  return {
    name,
    holder: () => (held?.alive ? held.session.id : null),
    release,
    acquire: async () => {
      if (held && (await stillHolds(target, name, held))) return { kind: "held" };
      await release();
      const outcome = await tryLock(target, name);
      if (outcome.kind === "busy") return outcome;
      held = outcome.held;
      return { kind: "held" };
    },
    assertHeld: async () => {
      if (held && (await stillHolds(target, name, held))) return;
      throw lockLost();
    },
    orphans: (run) => orphans(target, run),
    endOrphans: (run) => endOrphans(target, run),
  };
}

type Tried = { readonly kind: "held"; readonly held: Held } | { readonly kind: "busy"; readonly holder: string };

async function tryLock(target: MysqlTarget, name: string): Promise<Tried> {
  // A client that is gone without a word is noticed when its sleep is over and it asks for nothing more.
  const session = await target.open("reading", { wait_timeout: 60 });
  const { taken } = await session.row("taking the target lock", "SELECT GET_LOCK(?, 0) AS taken", [name]);
  if (taken === "1") {
    const held: Held = { session, alive: true };
    void staysAwake(held);
    return { kind: "held", held };
  }
  const holder = await holderWords(session, name);
  await session.close();
  return { kind: "busy", holder };
}

const sleepSeconds = 20;

async function staysAwake(held: Held): Promise<void> {
  held.session.onEnd(() => (held.alive = false));
  while (held.alive)
    await held.session
      .rows("holding the target lock", `SELECT SLEEP(${sleepSeconds})`)
      .catch(() => (held.alive = false));
}

/** By the server, since its session sleeps there; the answer comes when the lock is free. */
async function letGo(target: MysqlTarget, name: string, held: Held): Promise<void> {
  if (await stillHolds(target, name, held).catch(() => false)) await endSession(target, held.session.id);
  held.alive = false;
  await held.session.close();
}

/** Asked of the server, by another session: the one that holds the lock may have died without our knowing. */
async function stillHolds(target: MysqlTarget, name: string, held: Held): Promise<boolean> {
  if (!held.alive) return false;
  const session = await target.catalogue();
  const { holder } = await session.row("asking for the target lock", "SELECT IS_USED_LOCK(?) AS holder", [name]);
  return holder === String(held.session.id);
}

/** `ops_k@bastion, run 7F3K, since 03:12:01Z`; where the account may not see the list of processes, what it does see. */
async function holderWords(session: Connection, name: string): Promise<string> {
  const { holder } = await session.row("asking who holds the target lock", "SELECT IS_USED_LOCK(?) AS holder", [name]);
  if (holder == null) return "somebody who has just let go of it";
  const [row] = await session.rows(
    "asking who holds the target lock",
    `SELECT USER AS account, INFO AS doing FROM information_schema.PROCESSLIST WHERE ID = ?`,
    [Number(holder)],
  );
  const [, run, person] = /holdfast:([0-9a-f]{32}):([^ ]*)/.exec(row?.doing ?? "") ?? [];
  if (run !== undefined) return `${person}, run ${shortRunId(run)}, session ${holder}`;
  return `session ${holder}${row?.account == null ? "" : ` of ${row.account}`}`;
}

/** Sessions that run a statement of ours: one that is idle has lost its client, and the server has ended it. */
async function orphans(target: MysqlTarget, run: RunId): Promise<readonly Orphan[]> {
  const session = await target.catalogue();
  const rows = await session.rows(
    "looking for sessions of this run",
    `SELECT ID AS id, INFO AS doing, TIME AS seconds FROM information_schema.PROCESSLIST
      WHERE LOCATE(?, INFO) > 0 AND ID <> CONNECTION_ID() ORDER BY ID`,
    [`/* ${tagPrefix(run)}`],
  );
  const own = new Set(target.ids().map(String));
  return rows
    .filter(({ id }) => !own.has(id ?? ""))
    .map(({ id, doing, seconds }) => ({
      session: id ?? "",
      doing: firstWords(doing ?? ""),
      since: new Date(target.request.clock.now() - Number(seconds) * 1000).toISOString(),
    }));
}

/** A statement's verb and object, without what may be a value. */
function firstWords(statement: string): string {
  return (/^\s*\w+(\s+\w+)?/.exec(statement)?.[0] ?? "nothing").trim().toLowerCase();
}

async function endOrphans(target: MysqlTarget, run: RunId): Promise<number> {
  const found = await orphans(target, run);
  for (const { session } of found) await endSession(target, Number(session));
  const left = found.length === 0 ? [] : await orphans(target, run);
  if (left.length === 0) return found.length;
  const ids = left.map(({ session }) => session).join(", ");
  throw new Fault("HF-LOCK-ORPHAN", `sessions of an earlier process of this run can't be ended: ${ids}`, {
    exit: "busy",
    still: "Nothing was begun beside them.",
    hint: `Ask the DBA to end them: KILL CONNECTION for ${ids}. Then resume.`,
  });
}

const patienceMs = 5_000;
const noSuchThread = "HF-MYSQL-1094";

/** Waits until it is gone: until then it holds what it holds. */
async function endSession(target: MysqlTarget, id: number): Promise<void> {
  const { clock } = target.request;
  const session = await target.catalogue();
  await session.run("ending a session of this run", `KILL CONNECTION ${id}`).catch((error: unknown) => {
    if (!(error instanceof Fault && error.record.code === noSuchThread)) throw error;
  });
  const deadline = clock.monotonic() + patienceMs;
  while (clock.monotonic() < deadline) {
    const found = await session.rows(
      "asking for a session",
      "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = ?",
      [id],
    );
    if (found.length === 0) return;
    await clock.sleep(20);
  }
}
