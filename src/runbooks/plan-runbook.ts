import type { Recovery } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { type Plan, type PlannedStep, sealPlan } from "../core/plan.ts";
import { throwProblems } from "../core/problem.ts";
import type { PlannedTarget, Role } from "../core/target.ts";
import { type KnownAction, lintRunbook, rolesOf } from "./lint.ts";
import type { LoadedRunbook } from "./load.ts";
import type { RunbookStep } from "./schema.ts";

export interface PlanParts {
  /** Typed by `readInputs`, and tables in the server's own spelling. */
  readonly inputs: JsonObject;
  readonly targets: Readonly<Record<Role, PlannedTarget>>;
  readonly actions: readonly KnownAction[];
  /** Which recovery contracts the engine behind each role can keep. */
  readonly keeps: Readonly<Record<Role, readonly Recovery[]>>;
}

/** Pure: the same runbook, inputs and targets give the same digest. Faults (exit `input`): `HF-RUNBOOK-…`, `HF-PLAN-…`. */
export function planRunbook(loaded: LoadedRunbook, parts: PlanParts): Plan {
  throwProblems(lintRunbook(loaded, parts.actions));
  const { runbook, text } = loaded;
  checkTargets(Object.keys(runbook.roles), parts.targets);
  return sealPlan({
    format: 1,
    runbook: { id: runbook.id, title: runbook.title, text, digest: sha256(text) },
    inputs: parts.inputs,
    targets: parts.targets,
    steps: runbook.steps.map((step) => planStep(step, Object.keys(runbook.roles), parts)),
  });
}

function checkTargets(roles: readonly Role[], targets: PlanParts["targets"]): void {
  const missing = roles.find((role) => !Object.hasOwn(targets, role));
  if (missing !== undefined)
    throw planFault("TARGET", `no target plays the role ${missing}`, "Name a target for each role.");
  if (new Set(Object.values(targets).map((target) => target.environment)).size > 1) {
    throw planFault("ENVIRONMENTS", "the targets are of different environments", "Take targets of one environment.");
  }
}

function planStep(step: RunbookStep, granted: readonly Role[], parts: PlanParts): PlannedStep {
  const action = parts.actions.find((known) => known.name === step.do);
  if (action === undefined) throw new Error(`lint let an unknown action through: ${step.do}`);
  const on = rolesOf(step, action, granted);
  return {
    key: step.id,
    title: step.title ?? action.summary,
    why: step.why ?? "",
    action: action.name,
    effect: step.effect ?? action.effect,
    recovery: recoveryOf(step, action, Object.values(on), parts.keeps),
    on,
    with: (step.with ?? {}) as JsonObject,
    tolerance: step.tolerance ?? 0,
    ...(step.when === undefined ? {} : { when: step.when }),
    ...(step.choose === undefined ? {} : { choose: step.choose }),
    ...(step.group === undefined ? {} : { group: step.group }),
  };
}

/** The strongest contract of the action that every target it works on keeps. A read that names none can simply be done again. */
function recoveryOf(
  step: RunbookStep,
  action: KnownAction,
  roles: readonly Role[],
  keeps: PlanParts["keeps"],
): Recovery {
  const found = action.recovery.find((recovery) => roles.every((role) => keeps[role]?.includes(recovery)));
  if (found !== undefined) return found;
  if (action.effect === "read") return "idempotent";
  const message = `step ${step.id}: the target can't keep what ${action.name} needs to be settled after a kill`;
  throw planFault("RECOVERY", message, `It needs one of: ${action.recovery.join(", ")}.`);
}

function planFault(what: string, message: string, hint: string): Fault {
  return new Fault(`HF-PLAN-${what}`, message, { exit: "input", still: "Nothing was started.", hint });
}
