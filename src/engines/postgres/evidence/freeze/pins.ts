import { Fault } from "../../../../core/errors.ts";
import type { RunId } from "../../../../core/ids.ts";
import type { LeaseDraft } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { lsnText } from "../log/position.ts";
import { segmentOf } from "../log/segments.ts";
import { size } from "../say.ts";
import { type FullXid, lowXid } from "../xid.ts";
import { mostHeldWal } from "./most-held.ts";
import { ensureSlot, slotName } from "./slots.ts";
import { hotStandbyFeedback, openWalsender, standbyStatus, type Walsender } from "./walsender.ts";

/** Where a lease on the target lies; an engine serves one role. */
export const here = "main";

const byHand = (name: string) => `select pg_drop_replication_slot('${name}')`;

export interface RowPin {
  readonly run: RunId;
  readonly xmin: FullXid;
  /** Relations whose running vacuums still use an older horizon, and must be cancelled. */
  readonly relations: readonly number[];
}

/** Keeps every row version that dies or died at or after `xmin`, on the whole server, until it is released. */
export function rowPin(target: PostgresTarget, pin: RowPin): HoldPart {
  const name = slotName("rows", pin.run);
  const lease: LeaseDraft = {
    kind: "row-pin",
    name,
    where: here,
    words: rowPinWords,
    protects: "Deleted rows stay on their pages: neither VACUUM nor reads remove them.",
    costs: "Dead rows pile up in every table of every database of this server until it is released.",
    byHand: byHand(name),
    keepable: false,
    facts: { xmin: String(pin.xmin) },
  };
  return {
    lease,
    take: async () => {
      const [connection, walsender] = await Promise.all([target.catalogue(), openWalsender(target)]);
      const pinnedAt = await pinRows(connection, walsender, name, pin.xmin).finally(() => walsender.close());
      const cancelled = await cancelVacuums(connection, pin.relations);
      return { xmin: String(pin.xmin), pinnedAt, cancelledVacuums: cancelled };
    },
  };
}

export const rowPinWords =
  "VACUUM can't remove rows that die from now on, in any table of any database of this server.";

async function pinRows(connection: Connection, walsender: Walsender, name: string, xmin: FullXid): Promise<string> {
  const { lsn } = await ensureSlot(connection, name);
  await walsender.attach(name, lsn);
  walsender.send(hotStandbyFeedback(xmin));
  const pinned = await until(connection, `xmin::text = $2`, [name, String(lowXid(xmin))]);
  if (pinned !== null) return pinned;
  throw new Fault("HF-PG-PIN", "the server did not take the pin on the rows", {
    cause: `slot ${name} did not show xmin ${lowXid(xmin)}`,
    hint: "Look at the server's log for the slot's name.",
  });
}

/** Moves the rows' pin forward; true when the server says that it did. */
export async function moveRowPin(target: PostgresTarget, name: string, xmin: FullXid): Promise<boolean> {
  const [connection, walsender] = await Promise.all([target.catalogue(), openWalsender(target)]);
  try {
    const { lsn } = await connection.row("asking for the log's end", "SELECT pg_current_wal_flush_lsn()::text AS lsn");
    await walsender.attach(name, lsn ?? "0/0");
    walsender.send(hotStandbyFeedback(xmin));
    return (await until(connection, `xmin::text = $2`, [name, String(lowXid(xmin))])) !== null;
  } finally {
    walsender.close();
  }
}

/** Keeps the log back to the oldest file that is still there. */
export async function walPin(target: PostgresTarget, run: RunId): Promise<HoldPart> {
  const name = slotName("wal", run);
  const keeps = await keepsWords(target, await target.catalogue());
  const lease: LeaseDraft = {
    kind: "wal-pin",
    name,
    where: here,
    words: "Keeps the write-ahead log back to the oldest file that is still on the server.",
    protects: "The log tells what the statement was, and gives back rows that VACUUM has taken off their pages.",
    costs: `${keeps}; if this program dies nothing limits it until you resume or run \`${byHand(name)}\`.`,
    byHand: byHand(name),
    keepable: false,
    facts: {},
  };
  return {
    lease,
    take: async () => {
      const [connection, walsender] = await Promise.all([target.catalogue(), openWalsender(target)]);
      const pinned = await pinWal(connection, walsender, name).finally(() => walsender.close());
      return { ...pinned };
    },
  };
}

/** How fast it grows is told by the age of the oldest file. */
async function keepsWords(target: PostgresTarget, connection: Connection): Promise<string> {
  const row = await connection.row(
    "asking how much log there is",
    `SELECT coalesce(sum(size), 0)::text AS bytes, (coalesce(sum(size), 0) / greatest(extract(epoch FROM now() - min(modification)) / 60, 1))::bigint::text AS a_minute
       FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name <= pg_walfile_name(pg_current_wal_lsn())`,
  );
  const most = await mostHeldWal(target, connection);
  return `Keeps ${size(Number(row.bytes))} of WAL, growing about ${size(Number(row.a_minute))}/min; given back by itself at ${size(most)}`;
}

async function pinWal(connection: Connection, walsender: Walsender, name: string) {
  const oldest = await oldestWal(connection);
  const { lsn } = await ensureSlot(connection, name);
  await walsender.attach(name, lsn);
  walsender.send(standbyStatus(oldest));
  const pinnedAt = await until(connection, "restart_lsn <= $2::text::pg_lsn", [name, lsnText(oldest)]);
  if (pinnedAt !== null) return { restartLsn: lsnText(oldest), pinnedAt };
  throw new Fault("HF-PG-PIN", "the server did not take the pin on its log", {
    cause: `slot ${name} did not go back to ${lsnText(oldest)}`,
  });
}

/** Where the oldest file of the log on this timeline begins. */
async function oldestWal(connection: Connection): Promise<bigint> {
  const row = await connection.row(
    "listing the log's files",
    `SELECT min(name) AS name, pg_size_bytes(current_setting('wal_segment_size'))::text AS size FROM pg_ls_waldir()
      WHERE name ~ '^[0-9A-F]{24}$' AND left(name, 8) = left(pg_walfile_name(pg_current_wal_lsn()), 8)`,
  );
  const oldest = segmentOf(row.name ?? "", Number(row.size));
  if (oldest === null) throw new Error(`no file of the log: ${row.name ?? "none"}`);
  return oldest.start;
}

/** Waits until the slot is as told; gives a position of the log that is not before that moment, or null after 2 s. */
async function until(connection: Connection, condition: string, values: readonly string[]): Promise<string | null> {
  const sql = `SELECT pg_current_wal_insert_lsn()::text AS lsn FROM pg_replication_slots WHERE slot_name = $1 AND ${condition}`;
  for (let tries = 0; tries < 400; tries += 1) {
    const [row] = await connection.rows("looking at the pin", sql, values);
    if (row?.lsn != null) return row.lsn;
    await new Promise((resolve) => setTimeout(resolve, tries < 50 ? 2 : 5));
  }
  return null;
}

/** A VACUUM that began before the pin keeps its own, later horizon. Gives the pids that were told to stop. */
export async function cancelVacuums(connection: Connection, relations: readonly number[]): Promise<readonly number[]> {
  const rows = await allowed(
    connection.rows(
      "cancelling running vacuums",
      `SELECT pid::text, pg_cancel_backend(pid)::text AS told FROM pg_stat_progress_vacuum
      WHERE datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND relid = ANY ($1::text[]::oid[])`,
      [relations.map(String)],
    ),
  );
  return rows.map((row) => Number(row.pid));
}

/** Whoever may not end a VACUUM leaves it: the pin holds what dies from now on all the same. */
async function allowed<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Fault && error.record.code === "HF-PG-NOT-ALLOWED") return [];
    throw error;
  }
}
