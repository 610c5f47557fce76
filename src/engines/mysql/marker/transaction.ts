import { Fault } from "../../../core/errors.ts";
import type { Json } from "../../../core/json.ts";
import { leftTransaction, lockLost, markerBlocked, markerForeign } from "../../effect-faults.ts";
import type { Transaction } from "../../engine.ts";
import type { Batch, Claim, MarkerRow, Prepare } from "../../marker.ts";
import type { Connection } from "../connection.ts";
import { duplicateCode, lostCode } from "../errors.ts";
import type { TargetLock } from "../lock.ts";
import type { MysqlTarget } from "../target.ts";
import { guarded, type MysqlTransaction } from "../transaction.ts";
import type { MarkedSessions } from "./sessions.ts";
import { markerColumns, markerRow } from "./table.ts";

/** Does the effect; `before` is what earlier batches left, null at first. */
export type MarkedWork<Out extends Batch> = (tx: Transaction, before: Batch | null) => Promise<Out>;
type Transact = (claim: Claim, work: MarkedWork<Batch>, prepare: Prepare) => Promise<Batch>;

/** How long a claim is tried again while another session's open transaction holds the same key. */
const claimPatienceMs = 30_000;

/**
 * The one way in which effects are written. The marker row is the first statement of the transaction: a second process with the same
 * claim waits for the first and then sees what it did. Whatever fails before COMMIT was sent has rolled back, and says so.
 */
export function markedTransactions(target: MysqlTarget, lock: TargetLock, sessions: MarkedSessions): Transact {
  const { clock } = target.request;
  return async (claim, work, prepare) => {
    const deadline = clock.monotonic() + claimPatienceMs;
    for (;;) {
      const session = await sessions.take(prepare);
      const ended = await oneTransaction(target, lock, session, claim, work).catch(async (error: unknown) => {
        await sessions.drop(session);
        throw error;
      });
      sessions.giveBack(prepare, session);
      if (ended !== "blocked") return ended;
      if (clock.monotonic() > deadline) throw markerBlocked(claim);
      await clock.sleep(100);
    }
  };
}

async function oneTransaction(
  target: MysqlTarget,
  lock: TargetLock,
  session: Connection,
  claim: Claim,
  work: MarkedWork<Batch>,
): Promise<Batch | "blocked"> {
  const { reached } = target.request;
  const ended = await endedBeforeCommit(session, async () => {
    await session.run("opening a transaction", "START TRANSACTION READ WRITE");
    const claimed = await claimMarker(session, lock, claim);
    if (claimed === "blocked") return claimed;
    reached("marker.claimed");
    if (claimed.row?.done) return { kept: batchOf(claimed.row) };
    const tx: MysqlTransaction = { marked: true, connection: guarded(session) };
    const batch = await work(tx, claimed.row && batchOf(claimed.row));
    reached("marker.worked");
    await note(session, lock, claim, batch);
    return { worked: batch };
  });
  if (ended === "blocked" || ended.worked === undefined) {
    await session.run("ending a transaction that wrote nothing", "ROLLBACK");
    return ended === "blocked" ? ended : ended.kept;
  }
  reached("marker.before-commit");
  // Its answer that did not come leaves open what happened: the session's faults say so by themselves.
  await session.run("committing", "COMMIT");
  reached("marker.after-commit");
  return ended.worked;
}

function batchOf({ cursor, done, result }: MarkerRow): Batch {
  return { cursor, done, result };
}

type Claimed = { readonly row: MarkerRow | null };

/** First statement of the transaction, and only while the lock is ours. Taken already: the row is read under its lock, so nobody moves its cursor beside us. */
async function claimMarker(session: Connection, lock: TargetLock, claim: Claim): Promise<Claimed | "blocked"> {
  try {
    const made = await insertMarker(session, lock, claim);
    if (made) return { row: null };
    const found = await session.row(
      "reading the marker",
      `SELECT ${markerColumns}, ${isHeld} AS held FROM holdfast.effect WHERE run_id = ? AND step_key = ? FOR UPDATE`,
      [lock.name, lock.holder(), claim.run, claim.key],
    );
    if (found.held !== "1") throw lockLost();
    const row = markerRow(found);
    if (row.planDigest !== claim.planDigest) throw markerForeign(claim);
    return { row };
  } catch (error) {
    if (error instanceof Fault && error.record.code === "HF-MYSQL-LOCK-TIMEOUT") return "blocked";
    throw error;
  }
}

const isHeld = "COALESCE(IS_USED_LOCK(?) = ?, 0)";

/** False where the key is there already. */
async function insertMarker(session: Connection, lock: TargetLock, claim: Claim): Promise<boolean> {
  try {
    const { rows, inTransaction } = await session.run(
      "claiming the marker",
      `INSERT INTO holdfast.effect (run_id, step_key, plan_hash, intent_hash, at, done)
       SELECT ?, ?, ?, ?, UTC_TIMESTAMP(6), 0 FROM DUAL WHERE ${isHeld}`,
      [claim.run, claim.key, claim.planDigest, claim.intentDigest, lock.name, lock.holder()],
    );
    if (rows === 0) throw lockLost();
    if (!inTransaction) throw leftTransaction();
    return true;
  } catch (error) {
    if (error instanceof Fault && error.record.code === duplicateCode) return false;
    throw error;
  }
}

/** It is still the transaction that was opened, and the lock is still ours, or nothing is noted. */
async function note(session: Connection, lock: TargetLock, claim: Claim, batch: Batch): Promise<void> {
  const text = (value: Json) => (value === null ? null : JSON.stringify(value));
  const { rows, inTransaction } = await session.run(
    "noting the result in the marker",
    `UPDATE holdfast.effect SET cursor_text = ?, result_text = ?, done = ?, intent_hash = ?, at = UTC_TIMESTAMP(6)
      WHERE run_id = ? AND step_key = ? AND ${isHeld}`,
    [
      text(batch.cursor),
      text(batch.result),
      batch.done,
      claim.intentDigest,
      claim.run,
      claim.key,
      lock.name,
      lock.holder(),
    ],
  );
  if (!inTransaction) throw leftTransaction();
  if (rows !== 1) throw lockLost();
}

/**
 * Whatever fails in `work` fails before COMMIT was sent, so nothing of it lasts: a lost connection means rolled back, not unknown. After a
 * lock that was not given only the statement is rolled back, so the rollback is always said.
 */
async function endedBeforeCommit<T>(session: Connection, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isLost(error)) throw rolledBack(error);
    await session.run("rolling back", "ROLLBACK").catch((again: unknown) => {
      if (!isLost(again)) throw again;
    });
    throw error;
  }
}

function isLost(error: unknown): error is Fault {
  return error instanceof Fault && error.record.code === lostCode;
}

function rolledBack(fault: Fault): Fault {
  const { code, message, ...record } = fault.record;
  const still = "COMMIT had not been sent: the server rolls the transaction back.";
  const more = { ...record, still, after: "rolled-back", passing: true, exit: "unreachable" } as const;
  return new Fault(code, message, more, { cause: fault });
}
