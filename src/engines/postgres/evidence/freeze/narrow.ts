import { isJsonObject } from "../../../../core/json.ts";
import type { LeaseState } from "../../../../core/run-state.ts";
import type { ChangedLease, StatementSearch } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { size } from "../say.ts";
import { logCanBeRead } from "../wal/can.ts";
import { mostHeldWal } from "./most-held.ts";
import { moveRowPin, rowPinWords } from "./pins.ts";
import { readSlot } from "./slots.ts";

/** The rows' pin moves forward to the oldest that took rows; the log's pin stays as long as rows may have to come out of the log. */
export async function narrowPins(
  target: PostgresTarget,
  leases: readonly LeaseState[],
  search: StatementSearch,
): Promise<readonly ChangedLease[]> {
  const useful = await logCanBeRead(await target.catalogue());
  const log = useful ? await spentPins(target, leases, false) : givenBack(leases, "It has told what it can.");
  return [...(await narrowRows(target, leases, search)), ...log];
}

/** The log's pin alone: it fills the server's disk, the rows' pin does not. */
export async function spentPins(
  target: PostgresTarget,
  leases: readonly LeaseState[],
  rescued: boolean,
): Promise<readonly ChangedLease[]> {
  if (rescued) return givenBack(leases, "The rows are rescued.");
  const connection = await target.catalogue();
  const most = await mostHeldWal(target, connection);
  const over: LeaseState[] = [];
  for (const one of logPins(leases)) if (await keepsMore(connection, one.lease.name, most)) over.push(one);
  return givenBack(over, overWords(most));
}

/** The log's pin as the runner watches it: null while it keeps no more than it may. */
export async function logPinOver(target: PostgresTarget, name: string): Promise<string | null> {
  const connection = await target.catalogue();
  const most = await mostHeldWal(target, connection);
  return (await keepsMore(connection, name, most)) ? overWords(most) : null;
}

async function keepsMore(connection: Connection, name: string, most: number): Promise<boolean> {
  const slot = await readSlot(connection, name, null);
  return slot !== null && slot.heldWal > most;
}

function overWords(most: number): string {
  return `It kept more than ${size(most)} of WAL (limits.heldWal); the rows are held on their own.`;
}

function logPins(leases: readonly LeaseState[]): readonly LeaseState[] {
  return leases.filter(({ lease, status }) => lease.kind === "wal-pin" && status === "taken");
}

function givenBack(leases: readonly LeaseState[], why: string): readonly ChangedLease[] {
  return logPins(leases).map(({ lease, facts }) => ({ lease: lease.id, words: why, facts, release: true }));
}

/** What the list leaves out (another span of time, the small ones) may be what the operator turns to next. Never back. */
async function narrowRows(
  target: PostgresTarget,
  leases: readonly LeaseState[],
  search: StatementSearch,
): Promise<readonly ChangedLease[]> {
  const pin = leases.find(({ lease, status }) => lease.kind === "row-pin" && status === "taken");
  if (!pin || !isJsonObject(pin.facts) || search.oldest === null) return [];
  const oldest = Number(search.oldest);
  if (oldest <= Number(pin.facts.xmin)) return [];
  // A crash before the next checkpoint brings the older pin back: what was held across a crash still is.
  if (!(await moveRowPin(target, pin.lease.name, oldest))) return []; // the server kept the older pin, which holds more, not less
  const words = `${rowPinWords} Rows that died before transaction ${oldest} are free again.`;
  return [{ lease: pin.lease.id, words, facts: { ...pin.facts, xmin: String(oldest) } }];
}
