import type { Effect, Recovery } from "./effect.ts";
import type { StepKey } from "./ids.ts";
import { sha256 } from "./ids.ts";
import { canonicalJson, type Json, type JsonObject } from "./json.ts";
import type { PlannedTarget, Role } from "./target.ts";

/** A step as the plan freezes it. `with` still holds whole-value references (`${steps.find.result.statement}`), bound when the step runs. */
export interface PlannedStep {
  readonly key: StepKey;
  readonly title: string;
  readonly why: string;
  readonly action: string;
  readonly effect: Effect;
  readonly recovery: Recovery;
  /** The action's role → the plan's role. */
  readonly on: Readonly<Record<Role, Role>>;
  readonly with: JsonObject;
  /** A whole-value reference; the step is skipped unless it is bound to something other than false, null or absent. */
  readonly when?: string;
  /** The operator picks one of the action's choices after it ran. */
  readonly choose?: "one";
  /** Neighbouring steps of one group share a preview and are confirmed once. */
  readonly group?: string;
  /** By how much the effect's counts may leave the preview before the confirmation lapses: a share, 0 = not at all. */
  readonly tolerance: number;
}

export interface Plan {
  readonly format: 1;
  readonly runbook: { readonly id: string; readonly title: string; readonly text: string; readonly digest: string };
  readonly inputs: JsonObject;
  readonly targets: Readonly<Record<Role, PlannedTarget>>;
  readonly steps: readonly PlannedStep[];
  /** Over text of the runbook, inputs, targets and steps: what a confirmation, an approval and a marker bind to. */
  readonly digest: string;
}

export function sealPlan(plan: Omit<Plan, "digest">): Plan {
  return { ...plan, digest: sha256(canonicalJson(plan as unknown as Json)) };
}

/** `9c1e 44a0 7b21`: enough of a digest to compare by eye. */
export function shortDigest(digest: string): string {
  return [digest.slice(0, 4), digest.slice(4, 8), digest.slice(8, 12)].join(" ");
}
