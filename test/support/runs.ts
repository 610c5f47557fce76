import type { RunEvent, Stamped } from "../../src/core/event.ts";
import { newRunId } from "../../src/core/ids.ts";
import { type Plan, type PlannedStep, sealPlan } from "../../src/core/plan.ts";

/** A step as a plan freezes it, with what a test does not care about filled in. */
export function aStep(key: string, changes: Partial<PlannedStep> = {}): PlannedStep {
  return {
    key,
    title: key,
    why: `why ${key}`,
    action: key,
    effect: "read",
    recovery: "idempotent",
    on: { main: "main" },
    with: {},
    tolerance: 0,
    ...changes,
  };
}

export function aPlan(steps: readonly PlannedStep[], changes: Partial<Omit<Plan, "digest">> = {}): Plan {
  return sealPlan({
    format: 1,
    runbook: { id: "a-runbook", title: "A runbook", text: "holdfast: 1", digest: "0".repeat(64) },
    inputs: { table: "public.orders" },
    targets: { main: { name: "shop", engine: "memory", environment: "sandbox", database: "shop" } },
    steps,
    ...changes,
  });
}

export function opened(
  plan: Plan,
  changes: Partial<Extract<RunEvent, { kind: "run.opened" }>> = {},
): Extract<RunEvent, { kind: "run.opened" }> {
  return {
    kind: "run.opened",
    run: newRunId(1_700_000_000_000),
    plan,
    purpose: "live",
    person: { operator: "ops", host: "bastion" },
    version: "0.1.0",
    wishes: { choices: {}, keepRescue: false },
    ...changes,
  };
}

/** As a journal would have stamped them: one a second. */
export function stamp(events: readonly RunEvent[], from = 1_700_000_000_000): Stamped[] {
  return events.map((event, index) => ({ seq: index + 1, at: from + index * 1000, event }));
}
