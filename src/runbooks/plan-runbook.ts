import type { Recovery } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import { sha256, type StepKey } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { type Plan, type PlannedStep, sealPlan, type UsedRunbook } from "../core/plan.ts";
import { throwProblems } from "../core/problem.ts";
import type { PlannedTarget, Role } from "../core/target.ts";
import { type InlinedStep, inlinedSteps } from "./inline.ts";
import { type KnownAction, lintRunbook, withUsed } from "./lint.ts";
import type { LoadedRunbook } from "./load.ts";
import { rolesOf } from "./roles.ts";

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
  const uses = usesOf(loaded);
  return sealPlan({
    format: 1,
    runbook: {
      id: runbook.id,
      title: runbook.title,
      text,
      digest: sha256(text),
      ...(uses.length === 0 ? {} : { uses }),
    },
    inputs: parts.inputs,
    targets: parts.targets,
    steps: inlinedSteps(loaded).map((inlined) => planStep(inlined, parts)),
  });
}

function usesOf(loaded: LoadedRunbook): readonly UsedRunbook[] {
  const others = withUsed(loaded).filter((one) => one !== loaded);
  return others.map(({ runbook, text }) => ({ id: runbook.id, text, digest: sha256(text) }));
}

function checkTargets(roles: readonly Role[], targets: PlanParts["targets"]): void {
  const missing = roles.find((role) => !Object.hasOwn(targets, role));
  if (missing !== undefined)
    throw planFault("TARGET", `no target plays the role ${missing}`, "Name a target for each role.");
  if (new Set(Object.values(targets).map((target) => target.environment)).size > 1) {
    throw planFault("ENVIRONMENTS", "the targets are of different environments", "Take targets of one environment.");
  }
}

function planStep({ key, step, roles, ...inlined }: InlinedStep, parts: PlanParts): PlannedStep {
  const action = parts.actions.find((known) => known.name === step.do);
  if (action === undefined) throw new Error(`lint let an unknown action through: ${step.do}`);
  const own = rolesOf(step.on, Object.keys(action.roles), Object.keys(roles));
  const on = Object.fromEntries(Object.entries(own).map(([needs, role]) => [needs, roles[role] ?? role]));
  const ofItem = step.each !== undefined && step.title?.includes("${") === true;
  return {
    key,
    title: ofItem ? action.summary : (step.title ?? action.summary),
    action: action.name,
    effect: step.effect ?? action.effect,
    recovery: recoveryOf(key, action, Object.values(on), parts.keeps),
    on,
    tolerance: step.tolerance ?? 0,
    ...inlined,
    ...(step.choose === undefined ? {} : { choose: step.choose }),
    ...(ofItem && step.title !== undefined ? { itemTitle: step.title } : {}),
  };
}

/** The strongest contract of the action that every target it works on keeps. A read that names none can simply be done again. */
function recoveryOf(key: StepKey, action: KnownAction, roles: readonly Role[], keeps: PlanParts["keeps"]): Recovery {
  const found = action.recovery.find((recovery) => roles.every((role) => keeps[role]?.includes(recovery)));
  if (found !== undefined) return found;
  if (action.effect === "read") return "idempotent";
  const message = `step ${key}: the target can't keep what ${action.name} needs to be settled after a kill`;
  throw planFault("RECOVERY", message, `It needs one of: ${action.recovery.join(", ")}.`);
}

function planFault(what: string, message: string, hint: string): Fault {
  return new Fault(`HF-PLAN-${what}`, message, { exit: "input", still: "Nothing was started.", hint });
}
