import type { ActionContext, ReadContext } from "../actions/action.ts";
import { Fault } from "../core/errors.ts";
import type { PlannedStep } from "../core/plan.ts";
import { openLeases } from "../core/run-state.ts";
import type { Role } from "../core/target.ts";
import type { Capabilities, Capability } from "../engines/engine.ts";
import type { Claim } from "../engines/marker.ts";
import { type Driver, engineOf, isDryRun, stopIfPausing } from "./driver.ts";
import { releaseLease, takeLease } from "./leases.ts";
import { retrying } from "./retry.ts";

/** What an action may do: reads, and, outside a dry run, leases and the two doors to a writing transaction. */
export function actionContext(driver: Driver, step: PlannedStep): ActionContext {
  return {
    ...readContext(driver, step),
    ...leaseDoors(driver, step),
    ...effectDoors(driver, step),
    payload: (what, bytes) => driver.journal.storePayload(what, bytes),
  };
}

export function readContext(driver: Driver, step: PlannedStep): ReadContext {
  const { log, parts } = driver;
  return {
    run: log.state.run,
    step: step.key,
    clock: parts.clock,
    limits: parts.limits,
    dryRun: isDryRun(driver),
    wishes: wishesOf(driver, step),
    pausing: driver.pausing.signal,
    signal: driver.signal.signal,
    capability: (name, role) => capabilityOf(driver, step, name, role),
    leases: () => openLeases(log.state),
    markers: async (key) => capabilityOf(driver, step, "marker").read(log.state.run, key ?? step.key),
    progress: (progress) => log.pass({ kind: "step.progressed", step: step.key, progress }),
    output: (text) => log.pass({ kind: "output.printed", step: step.key, text }),
  };
}

function wishesOf({ log }: Driver, { key }: PlannedStep): ReadContext["wishes"] {
  const { keepRescue, choices } = log.state.wishes;
  const choice = choices[key];
  return choice === undefined ? { keepRescue } : { keepRescue, choice };
}

function capabilityOf<K extends Capability>(
  driver: Driver,
  step: PlannedStep,
  name: K,
  role: Role = "main",
): Capabilities[K] {
  const found = engineOf(driver, step.on[role] ?? role).capabilities[name];
  if (found) return found as Capabilities[K];
  throw new Fault("HF-CAPABILITY-MISSING", `the target lacks what this step needs: ${name}`, { exit: "input" });
}

function leaseDoors(
  driver: Driver,
  step: PlannedStep,
): Pick<ActionContext, "lease" | "changeLease" | "releaseLease" | "keepLease"> {
  return {
    lease: (part) => takeLease(driver, step.key, part),
    changeLease: (lease, words, facts) => driver.log.append({ kind: "lease.changed", lease, words, facts }),
    releaseLease: (lease) => releaseLease(driver, lease),
    keepLease: (lease, until) => driver.log.append({ kind: "lease.kept", lease: lease.lease.id, until }),
  };
}

function effectDoors(driver: Driver, step: PlannedStep): Pick<ActionContext, "once" | "batches"> {
  const { parts, log } = driver;
  const marker = () => capabilityOf(driver, step, "marker");
  const claim = (item: string): Claim => ({
    run: log.state.run,
    key: item === "" ? step.key : `${step.key}:${item}`,
    planDigest: log.state.plan.digest,
    intentDigest: driver.journal.head(),
  });
  const again = <T>(work: () => Promise<T>) =>
    retrying(parts.clock, driver.signal.signal, work, (fault, delay) =>
      log.pass({ kind: "output.printed", step: step.key, text: `${fault.message}; rolled back, again in ${delay} ms` }),
    );
  return {
    once: (item, work, prepare) => {
      stopIfPausing(driver);
      const claimed = claim(item);
      return again(() => marker().once(claimed, work, prepare));
    },
    batches: async (item, work, prepare) => {
      const claimed = claim(item);
      for (;;) {
        stopIfPausing(driver);
        const batch = await again(() => marker().advance(claimed, work, prepare));
        parts.reached("batch.done");
        if (batch.done) return batch;
      }
    },
  };
}
