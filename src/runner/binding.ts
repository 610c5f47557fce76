import type { Action } from "../actions/action.ts";
import { Fault } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { RunState } from "../core/run-state.ts";
import type { Driver } from "./driver.ts";
import type { BindScope } from "./parts.ts";

/** What references stand for now; `expected` stands in for results that a dry run or a group's preview does not have yet. */
export function scopeOf(state: RunState, expected: JsonObject = {}): BindScope {
  const steps = state.steps.map((step) => {
    const key = step.step.key;
    const result = expected[key] ?? step.result;
    return [
      key,
      {
        ...(result === undefined ? {} : { result }),
        ...(step.choice === undefined ? {} : { choice: step.choice.data }),
      },
    ];
  });
  return { inputs: state.plan.inputs, steps: Object.fromEntries(steps) };
}

/** The step's parameters, bound and proved to be what its action takes. */
export function paramsOf(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  scope = scopeOf(driver.log.state),
): JsonObject {
  const parsed = action.params.safeParse(driver.parts.bind(step.with, scope));
  if (parsed.success) return parsed.data as JsonObject;
  const cause = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new Fault("HF-PARAMS-INVALID", `the step ${step.key} was given what its action does not take`, {
    exit: "input",
    cause,
    still: "Nothing was begun in this step.",
    hint: "The runbook and the actions do not fit each other: run holdfast lint.",
  });
}

/** A step with a `when:` runs unless that is bound to false, null or nothing. */
export function isWanted(driver: Driver, step: PlannedStep): boolean {
  if (step.when === undefined) return true;
  const bound = driver.parts.bind({ when: step.when }, scopeOf(driver.log.state)).when;
  return bound !== undefined && bound !== null && bound !== false;
}
