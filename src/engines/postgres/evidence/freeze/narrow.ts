import { isJsonObject } from "../../../../core/json.ts";
import type { LeaseState } from "../../../../core/run-state.ts";
import type { ChangedLease, StatementSearch } from "../../../evidence.ts";
import type { PostgresTarget } from "../../target.ts";
import { moveRowPin, rowPinWords } from "./pins.ts";

/** The rows' pin moves forward to the oldest that took rows; the log has been read, and nothing may keep it longer than that. */
export async function narrowPins(
  target: PostgresTarget,
  leases: readonly LeaseState[],
  search: StatementSearch,
): Promise<readonly ChangedLease[]> {
  const log = leases.filter(({ lease, status }) => lease.kind === "wal-pin" && status === "taken");
  const read = log.map(({ lease, facts }) => ({ lease: lease.id, words: lease.words, facts, release: true as const }));
  return [...(await narrowRows(target, leases, search)), ...read];
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
