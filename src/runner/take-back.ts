import { Fault } from "../core/errors.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { StepState } from "../core/run-state.ts";
import { wishedAnew } from "./ask.ts";
import type { Driver } from "./driver.ts";

/**
 * What a resume wishes otherwise than was decided of an item, where the step takes the decisions up and has left nothing on the target
 * (`isBegun` no): it goes back to what is done without one. To nothing else, since what came between was found with the decision in mind.
 */
export function takeBack(driver: Driver, step: PlannedStep, isBegun: boolean): void {
  for (const decided of decisionsIn(driver, step)) {
    const wished = driver.log.state.wishes.choices[decided.step.key];
    if (wished === undefined || wished === decided.choice?.value) continue;
    const { choice, settle } = wishedAnew(driver, decided, wished);
    if (choice.value === decided.choice?.value) continue;
    if (isBegun || !choice.tags.includes("default")) throw standsFast(decided, wished, isBegun);
    settle();
  }
}

/** Of the items whose template the step names in what it is given. */
function decisionsIn({ log: { state } }: Driver, step: PlannedStep): readonly StepState[] {
  const given = JSON.stringify(step.with);
  return state.steps.filter(
    ({ step: one, choice }) => one.item && choice !== undefined && given.includes(`\${steps.${one.item.of}.result}`),
  );
}

function standsFast({ step, choice }: StepState, wished: string, isBegun: boolean): Fault {
  const why = isBegun
    ? "and the run has begun to write by it"
    : "and only what leaves it alone can be chosen in its place";
  return new Fault("HF-CHOICE-MADE", `--choose ${step.key}=${wished}: ${choice?.value} was chosen, ${why}`, {
    exit: "needs-person",
    still: "The run is open and holds what it held; nothing was written by this.",
    hint: "Resume without it, or give the run up and begin anew.",
  });
}
