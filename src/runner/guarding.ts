import { Fault } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { Guard, GuardView, Verdict } from "../guards/guard.ts";
import type { Driver } from "./driver.ts";

export type Judged = Extract<RunEvent, { kind: "guard.judged" }>;

/** A verdict of each guard that stands before this step's effect. One that can't be evaluated denies. */
export async function judge(driver: Driver, step: PlannedStep, only: "all" | "watched"): Promise<readonly Judged[]> {
  const asked = driver.parts.guards.filter(
    (guard) => guard.before.includes(step.effect) && (only === "all" || guard.watched),
  );
  const verdicts: Judged[] = [];
  for (const guard of asked) {
    const verdict = await verdictOf(driver, step, guard);
    verdicts.push({ kind: "guard.judged", step: step.key, guard: guard.name, ...verdict });
  }
  return verdicts;
}

/** What stands in the way: a denial, or a need that nobody has met. */
export function denialOf(verdicts: readonly Judged[]): Fault | null {
  const denied =
    verdicts.find(({ verdict }) => verdict === "deny") ?? verdicts.find(({ verdict }) => verdict === "needs");
  if (!denied) return null;
  const wants = denied.verdict === "needs" ? "needs" : "refuses";
  return new Fault("HF-GUARD-DENIED", `the guard ${denied.guard} ${wants}: ${denied.reason}`, {
    exit: denied.verdict === "needs" ? "needs-person" : "refused",
    still: "Nothing was begun in this step; what earlier steps hold is still held.",
    ...(denied.hint === undefined ? {} : { hint: denied.hint }),
  });
}

async function verdictOf(driver: Driver, step: PlannedStep, guard: Guard): Promise<Verdict> {
  if (guard.sandbox === "skipped" && environmentOf(driver) === "sandbox") {
    return { verdict: "skipped", reason: "not asked in a sandbox" };
  }
  try {
    return await guard.judge(viewOf(driver, step));
  } catch (error) {
    // No guard denies it: the lock has to be taken anew before anything else, by the way on or by a resume.
    if (error instanceof Fault && error.record.code === "HF-LOCK-LOST") throw error;
    const reason = `could not be evaluated: ${error instanceof Error ? error.message : String(error)}`;
    return {
      verdict: "deny",
      reason,
      hint: "A guard that can't be evaluated denies. Mend what it needs, then resume.",
    };
  }
}

export function environmentOf(driver: Driver): string {
  const target = Object.values(driver.log.state.plan.targets)[0];
  return target?.environment ?? "production";
}

function viewOf(driver: Driver, step: PlannedStep): GuardView {
  const { parts, log } = driver;
  const role = Object.values(step.on)[0] ?? "main";
  const lock = driver.engines.get(role)?.capabilities.lock;
  return {
    state: log.state,
    step,
    clock: parts.clock,
    policy: parts.policy,
    freeDisk: parts.freeDisk,
    readText: parts.readText,
    lockHeld: async () => {
      if (!lock) return false;
      await lock.assertHeld();
      return true;
    },
  };
}
