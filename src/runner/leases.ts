import { Fault, faultRecord } from "../core/errors.ts";
import type { StepKey } from "../core/ids.ts";
import type { LeaseKeeper } from "../core/lease.ts";
import { type LeaseState, openLeases } from "../core/run-state.ts";
import type { HoldPart } from "../engines/engine.ts";
import type { Driver } from "./driver.ts";

/**
 * Intended in the journal, then made, then journaled as taken. After a kill in between, `take` is called again and completes what
 * it finds; what is there already is not taken twice.
 */
export async function takeLease(driver: Driver, step: StepKey, part: HoldPart): Promise<LeaseState> {
  const { kind, name, where } = part.lease;
  const same = ({ lease }: LeaseState) => lease.kind === kind && lease.name === name && lease.where === where;
  const before = openLeases(driver.log.state).find(same);
  if (before?.status === "taken" && (await stillHolds(driver, before))) return before;
  const id = before?.lease.id ?? `L${driver.log.state.leases.length + 1}`;
  if (!before) driver.log.append({ kind: "lease.intended", lease: { ...part.lease, id, step } });
  driver.parts.reached(`lease.intended:${kind}`);
  const facts = await part.take();
  driver.parts.reached(`lease.made:${kind}`);
  driver.log.append({ kind: "lease.taken", lease: id, facts });
  const taken = openLeases(driver.log.state).find((lease) => lease.lease.id === id);
  if (!taken) throw new Error(`lease ${id} was taken and is not in the run's state`);
  return taken;
}

/** A crash of the server may leave the thing and take what it was for: a slot that no longer says which rows it keeps. */
async function stillHolds(driver: Driver, state: LeaseState): Promise<boolean> {
  const keeper = keeperOf(driver, state);
  return (await keeper.find(state.lease)) === "present" && ((await keeper.holds?.(state.lease)) ?? true);
}

/** Idempotent on the target; journaled once. */
export async function releaseLease(driver: Driver, { lease }: LeaseState): Promise<void> {
  const state = driver.log.state.leases.find((open) => open.lease.id === lease.id);
  if (!state || state.status === "released") return;
  const keeper = keeperOf(driver, state);
  const found = await keeper.find(withFacts(state));
  driver.parts.reached(`lease.releasing:${lease.kind}`);
  if (found === "present") await keeper.release(withFacts(state));
  driver.parts.reached(`lease.given-back:${lease.kind}`);
  driver.log.append({ kind: "lease.released", lease: lease.id, how: found === "present" ? "released" : "was-absent" });
}

/** Newest first; goes on past one that fails, and then says which could not be given back. */
export async function releaseAll(driver: Driver): Promise<void> {
  const failed: string[] = [];
  for (const lease of openLeases(driver.log.state).toReversed()) {
    await releaseLease(driver, lease).catch((error: unknown) => {
      failed.push(`${lease.lease.name}: ${faultRecord(error).message}. By hand: ${lease.lease.byHand}`);
    });
  }
  if (failed.length === 0) return;
  throw new Fault("HF-LEASE-NOT-RELEASED", `${failed.length} of what we made could not be given back`, {
    cause: failed.join(" · "),
    still: "The run stays open, so that nothing of it is forgotten.",
    hint: "Resume when the target answers again, or give them back by hand as shown.",
  });
}

/** What was learnt when the lease was taken outranks what was planned. */
function withFacts(state: LeaseState): LeaseState["lease"] {
  return state.facts === null ? state.lease : { ...state.lease, facts: state.facts };
}

/** Who knows how to find it and give it back. */
export function keeperOf(driver: Driver, { lease }: LeaseState): LeaseKeeper {
  const engines = lease.where === "machine" ? [...driver.engines.values()] : [driver.engines.get(lease.where)];
  const keepers = [...engines.map((engine) => engine?.keepers[lease.kind]), driver.parts.machineKeepers[lease.kind]];
  const found = keepers.find((keeper) => keeper !== undefined);
  if (found) return found;
  throw new Fault("HF-LEASE-NO-KEEPER", `nothing here knows how to give back a ${lease.kind} (${lease.name})`, {
    hint: `By hand: ${lease.byHand}`,
  });
}
