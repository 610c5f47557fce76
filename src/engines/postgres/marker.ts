import { Fault } from "../../core/errors.ts";
import type { Batch, Claim, Marker, MarkerRow } from "../marker.ts";
import { closeToOthers } from "./close-to-others.ts";
import type { Connection } from "./connection.ts";
import type { TargetLock } from "./lock.ts";
import { type MarkedWork, markedTransactions } from "./marker/marked-transaction.ts";
import { markedSessions } from "./marker/sessions.ts";
import { installationRowSql, markerColumns, markerDdl, markerRow, ourTable, ourTrustedTable } from "./marker/table.ts";
import { markerState } from "./marker/state.ts";
import type { PostgresTarget } from "./target.ts";

export function marker(target: PostgresTarget, lock: TargetLock): Marker {
  const sessions = markedSessions(target);
  const transact = markedTransactions(target, lock, sessions);
  return {
    state: async () => markerState(await target.catalogue()),
    create: () => create(target),
    read: async (run, key) => read(await target.catalogue(), run, key),
    once: async (claim, work, prepare = {}) => {
      const marked: MarkedWork<Batch> = async (tx) => ({ cursor: null, done: true, result: await work(tx) });
      const batch = await transact(claim, marked, prepare);
      // What the marker keeps of a `once` is what its work gave, or was given back from there.
      return batch.result as Awaited<ReturnType<typeof work>>;
    },
    cancel: () => cancel(target, sessions.busy()),
    advance: (claim, work, prepare = {}) => transact(claim, work, prepare),
  };
}

async function create(target: PostgresTarget): Promise<void> {
  const state = await markerState(await target.catalogue());
  if (state.kind === "present") return;
  if (state.kind === "barred") throw barred(state.why);
  const session = await target.open("writing", { lock_timeout: `${target.request.limits.lockTimeoutMs}ms` });
  try {
    for (const statement of markerDdl) {
      if (statement === installationRowSql) await assertOurOwn(session);
      await session.run("making the marker table", statement);
    }
    await closeToOthers(session, "holdfast");
  } finally {
    await session.close();
  }
}

/** `if not exists` is also content with what somebody else made in this very moment. */
async function assertOurOwn(session: Connection): Promise<void> {
  const state = await markerState(session);
  if (state.kind === "barred") throw barred(state.why);
}

function barred(why: string): Fault {
  return new Fault("HF-MARKER-BARRED", why, { exit: "refused", still: "Nothing was made." });
}

/** The server decides whether something still runs there: a session that is idle lets a cancel pass. */
async function cancel(target: PostgresTarget, pids: readonly number[]): Promise<void> {
  if (pids.length === 0) return;
  const session = await target.catalogue();
  for (const pid of pids) await session.rows("cancelling a statement", "select pg_cancel_backend($1::int)", [pid]);
}

async function read(session: Connection, run: Claim["run"], key: string): Promise<readonly MarkerRow[]> {
  const { there, trusted } = await session.row(
    "looking for the marker table",
    `select ${ourTable("effect")} is not null as there, ${ourTrustedTable("effect")} is not null as trusted`,
  );
  if (there !== "t") return [];
  if (trusted !== "t") await assertOurOwn(session);
  const rows = await session.rows(
    "reading markers",
    `select ${markerColumns} from holdfast.effect where run_id = $1 and (step_key = $2 or starts_with(step_key, $2 || ':'))
     order by step_key`,
    [run, key],
  );
  return rows.map(markerRow);
}
