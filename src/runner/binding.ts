import type { Action } from "../actions/action.ts";
import { Fault } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { RunState, StepState } from "../core/run-state.ts";
import type { Driver } from "./driver.ts";
import type { BindScope } from "./parts.ts";

/**
 * What references stand for now; `expected` stands in for results that a dry run or a group's preview does not have yet. A template
 * that gave way to its items gives the list of `{ name, item, result, choice }`, in order, without those that were skipped.
 */
export function scopeOf(state: RunState, expected: JsonObject = {}): BindScope {
  const steps: Record<string, { readonly result?: Json; readonly choice?: Json }> = {};
  const lists: Record<string, Json[]> = {};
  for (const step of state.steps) {
    const { key, item } = step.step;
    const result = expected[key] ?? step.result;
    const given = {
      ...(result === undefined ? {} : { result }),
      ...(step.choice === undefined ? {} : { choice: step.choice.data }),
    };
    if (item === undefined) steps[key] = given;
    else (lists[item.of] ??= []).push(...entryOf(step, item, given));
  }
  for (const [key, result] of Object.entries(lists)) steps[key] = { result };
  return { inputs: state.plan.inputs, steps };
}

function entryOf(
  { status }: StepState,
  { name, value }: NonNullable<PlannedStep["item"]>,
  given: { readonly result?: Json; readonly choice?: Json },
): readonly JsonObject[] {
  return status === "skipped" ? [] : [{ name, item: value, ...given }];
}

/** The step's parameters, bound and proved to be what its action takes. */
export function paramsOf(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  scope = scopeOf(driver.log.state),
): JsonObject {
  const parsed = action.params.safeParse(driver.parts.bind(step.with, withItem(scope, step)));
  if (parsed.success) return parsed.data as JsonObject;
  const cause = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new Fault("HF-PARAMS-INVALID", `the step ${step.key} was given what its action does not take`, {
    exit: "input",
    cause,
    still: "Nothing was begun in this step.",
    hint: "The runbook and the actions do not fit each other: run holdfast lint.",
  });
}

/**
 * A step with a `when:` runs unless a part of it is bound to false, null or nothing. Of a template only what does not ask for the item
 * is looked at; each of its items is asked for the whole.
 */
export function isWanted(driver: Driver, step: PlannedStep): boolean {
  if (step.when === undefined) return true;
  if (step.when === false) return false;
  const parts = typeof step.when === "string" ? [step.when] : step.when;
  const scope = withItem(scopeOf(driver.log.state), step);
  return parts
    .filter((when) => step.each === undefined || !asksForItem(when))
    .every((when) => {
      const bound = driver.parts.bind({ when }, scope).when;
      return bound !== undefined && bound !== null && bound !== false;
    });
}

function asksForItem(reference: string): boolean {
  return /^\$\{item[.}]/.test(reference);
}

function withItem(scope: BindScope, { item }: PlannedStep): BindScope {
  return item === undefined ? scope : { ...scope, item: item.value };
}
