import { type RunId, runTag } from "../../../../core/ids.ts";
import type { LeaseKeeper } from "../../../../core/lease.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";

export type PinKind = "rows" | "wal";

/** Found again from the run alone, after a kill. */
export function slotName(kind: PinKind, run: RunId): string {
  return `holdfast_${kind}_${runTag(run)}`;
}

export interface Slot {
  readonly xmin: number | null;
  readonly restartLsn: string | null;
  readonly walStatus: string | null;
  readonly invalidation: string | null;
  readonly heldWal: number;
  /** The newest checkpoint began at or after this position of the log, which a pin's facts name. */
  readonly checkpointed: boolean;
}

/** What the server says of a slot; null = there is none. `since`: an LSN that a checkpoint must have passed. */
export async function readSlot(connection: Connection, name: string, since: string | null): Promise<Slot | null> {
  const [row] = await connection.rows(
    "reading a replication slot",
    `SELECT xmin::text, restart_lsn::text, wal_status, to_jsonb(s) ->> 'invalidation_reason' AS invalidation,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text AS held,
            coalesce((SELECT redo_lsn >= $2::text::pg_lsn FROM pg_control_checkpoint()), false)::text AS checkpointed
       FROM pg_replication_slots s WHERE slot_name = $1`,
    [name, since],
  );
  if (!row) return null;
  return {
    xmin: row.xmin == null ? null : Number(row.xmin),
    restartLsn: row.restart_lsn ?? null,
    walStatus: row.wal_status ?? null,
    invalidation: row.invalidation ?? null,
    heldWal: Number(row.held),
    checkpointed: row.checkpointed === "true",
  };
}

/** Makes the slot, or takes it as it is when an earlier try made it. Keeps no log by itself. */
export async function ensureSlot(connection: Connection, name: string): Promise<{ readonly lsn: string }> {
  const row = await connection.row(
    "making a replication slot",
    `SELECT pg_current_wal_flush_lsn()::text AS lsn,
            CASE WHEN EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) THEN ''
                 ELSE (pg_create_physical_replication_slot($1, false)).slot_name::text END AS made`,
    [name],
  );
  return { lsn: row.lsn ?? "0/0" };
}

export function slotKeeper(target: PostgresTarget): LeaseKeeper {
  return {
    find: async ({ name }) => ((await readSlot(await target.catalogue(), name, null)) ? "present" : "absent"),
    holds: async ({ name, kind }) => {
      const slot = await readSlot(await target.catalogue(), name, null);
      // One that the server invalidated can't be filled again: taking it would only hide why.
      return (
        slot !== null && (slot.invalidation !== null || (kind === "row-pin" ? slot.xmin : slot.restartLsn) !== null)
      );
    },
    release: async ({ name }) => {
      const connection = await target.open("writing");
      try {
        await dropSlot(connection, name);
      } finally {
        await connection.close();
      }
    },
  };
}

/** The name is ours alone, so whoever is attached to it is our own replication session of an earlier moment. */
async function dropSlot(connection: Connection, name: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  const mine = "FROM pg_replication_slots WHERE slot_name = $1";
  for (;;) {
    await connection.rows(
      "ending our replication session",
      `SELECT pg_terminate_backend(active_pid) ${mine} AND active_pid IS NOT NULL`,
      [name],
    );
    try {
      await connection.rows("dropping a slot", `SELECT pg_drop_replication_slot(slot_name) ${mine}`, [name]);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
