import { Fault } from "../../core/errors.ts";
import type { Batch, Claim, Marker, MarkerRow } from "../marker.ts";
import type { Connection } from "./connection.ts";
import type { TargetLock } from "./lock.ts";
import { markedSessions } from "./marker/sessions.ts";
import { markerState } from "./marker/state.ts";
import { installationRowSql, markerColumns, markerDdl, markerRow } from "./marker/table.ts";
import { type MarkedWork, markedTransactions } from "./marker/transaction.ts";
import type { MysqlTarget } from "./target.ts";

export function marker(target: MysqlTarget, lock: TargetLock): Marker {
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

async function create(target: MysqlTarget): Promise<void> {
  const state = await markerState(await target.catalogue());
  if (state.kind === "present") return;
  if (state.kind === "barred")
    throw new Fault("HF-MARKER-BARRED", state.why, { exit: "refused", still: "Nothing was made." });
  const session = await target.open("writing");
  try {
    for (const statement of [...markerDdl, installationRowSql]) await session.run("making the marker table", statement);
  } finally {
    await session.close();
  }
}

/** The server decides whether something still runs there: a session that is idle lets a cancel pass. */
async function cancel(target: MysqlTarget, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  const session = await target.catalogue();
  for (const id of ids) await session.run("cancelling a statement", `KILL QUERY ${id}`);
}

async function read(session: Connection, run: Claim["run"], key: string): Promise<readonly MarkerRow[]> {
  if ((await markerState(session)).kind !== "present") return [];
  const rows = await session.rows(
    "reading markers",
    `SELECT ${markerColumns} FROM holdfast.effect
      WHERE run_id = ? AND (step_key = ? OR LEFT(step_key, LENGTH(?) + 1) = CONCAT(?, ':')) ORDER BY holdfast.effect.step_key`,
    [run, key, key, key],
  );
  return rows.map(markerRow);
}
