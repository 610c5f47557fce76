import { Fault } from "../../../core/errors.ts";
import type { Json } from "../../../core/json.ts";
import { leftTransaction, lockLost, markerBlocked, markerForeign } from "../../effect-faults.ts";
import type { Transaction } from "../../engine.ts";
import type { Batch, Claim, MarkerRow, Prepare } from "../../marker.ts";
import type { Connection } from "../connection.ts";
import type { TargetLock } from "../lock.ts";
import { lockedBy } from "../lock/keys.ts";
import type { PostgresTarget } from "../target.ts";
import type { PostgresTransaction } from "../transaction.ts";
import { commit, endedBeforeCommit } from "./commit.ts";
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
export function markedTransactions(target: PostgresTarget, lock: TargetLock, sessions: MarkedSessions): Transact {
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
  target: PostgresTarget,
  lock: TargetLock,
  session: Connection,
  claim: Claim,
  work: MarkedWork<Batch>,
): Promise<Batch | "blocked"> {
  const { reached } = target.request;
  const ended = await endedBeforeCommit(session, async () => {
    await session.run("opening a transaction", "begin transaction isolation level read committed, read write");
    const claimed = await claimMarker(session, claim);
    if (claimed === "blocked") return claimed;
    reached("marker.claimed");
    if (claimed.row?.done) return { kept: batchOf(claimed.row) };
    await assertOurs(session, lock, claimed.xid);
    const tx: PostgresTransaction = { marked: true, connection: session };
    const batch = await work(tx, claimed.row && batchOf(claimed.row));
    reached("marker.worked");
    await note(session, claim, batch);
    await assertOurs(session, lock, claimed.xid);
    return { worked: batch };
  });
  if (ended === "blocked" || ended.worked === undefined) {
    await session.run("ending a transaction that wrote nothing", "rollback");
    return ended === "blocked" ? ended : ended.kept;
  }
  reached("marker.before-commit");
  await commit(session);
  reached("marker.after-commit");
  return ended.worked;
}

function batchOf({ cursor, done, result }: MarkerRow): Batch {
  return { cursor, done, result };
}

type Claimed = { readonly xid: string; readonly row: MarkerRow | null };

/** First statement of the transaction. Taken already: the row is read under its lock, so nobody moves its cursor beside us. */
async function claimMarker(session: Connection, claim: Claim): Promise<Claimed | "blocked"> {
  try {
    const [made] = await session.rows(
      "claiming the marker",
      `insert into holdfast.effect (run_id, step_key, plan_hash, intent_hash) values ($1, $2, $3, $4)
       on conflict do nothing returning xid::text as xid`,
      [claim.run, claim.key, claim.planDigest, claim.intentDigest],
    );
    if (made) return { xid: made.xid ?? "", row: null };
    const found = await session.row(
      "reading the marker",
      `select ${markerColumns}, pg_current_xact_id()::text as xid from holdfast.effect where run_id = $1 and step_key = $2 for update`,
      [claim.run, claim.key],
    );
    const row = markerRow(found);
    if (row.planDigest !== claim.planDigest) throw markerForeign(claim);
    return { xid: found.xid ?? "", row };
  } catch (error) {
    if (error instanceof Fault && error.record.code === "HF-PG-LOCK-TIMEOUT") return "blocked";
    throw error;
  }
}

/** In the transaction itself: it is still the one that was opened (nothing in it committed or rolled back), and the lock is ours. */
async function assertOurs(session: Connection, lock: TargetLock, xid: string): Promise<void> {
  const found = await session.row(
    "asking whether the transaction is still ours",
    `select pg_current_xact_id_if_assigned()::text as xid, ${lockedBy("$1::int")} as locked`,
    [lock.holder()],
  );
  if (found.xid !== xid) throw leftTransaction();
  if (found.locked !== "t") throw lockLost();
}

async function note(session: Connection, claim: Claim, batch: Batch): Promise<void> {
  const text = (value: Json) => (value === null ? null : JSON.stringify(value));
  const noted = await session.run(
    "noting the result in the marker",
    `update holdfast.effect set cursor = $3::jsonb, result = $4::jsonb, done = $5, intent_hash = $6,
       xid = pg_current_xact_id(), at = clock_timestamp() where run_id = $1 and step_key = $2`,
    [claim.run, claim.key, text(batch.cursor), text(batch.result), batch.done, claim.intentDigest],
  );
  if (noted !== 1) throw leftTransaction();
}
