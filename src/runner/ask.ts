import type { Answer, Answered, ChoiceQuestion, Question } from "../core/question.ts";
import type { Choice } from "../core/step.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { StepState } from "../core/run-state.ts";
import { needsChoice, refusedWish, whyRefused } from "./choice-faults.ts";
import { actionOf, type Driver } from "./driver.ts";
import { watchingLimits } from "./watch-limits.ts";

/** Journals the question, waits, and gives the answer; the caller journals what it made of it. */
export async function ask(driver: Driver, question: Question): Promise<Answer | "lapsed"> {
  driver.log.append({ kind: "question.asked", question });
  driver.parts.reached(`question.asked:${question.kind}`);
  return watchingLimits(driver, () => driver.wait(question));
}

export function answered(driver: Driver, question: Question, what: Answered, by = driver.parts.person.operator): void {
  driver.log.append({ kind: "question.answered", question: question.id, step: question.step, answered: what, by });
}

/** Ids are counted within the run, so that the same run asks under the same names in a replay. */
export function questionId(driver: Driver): string {
  return `Q${driver.log.state.seq + 1}`;
}

/**
 * Lets the operator pick, or takes what was wished beforehand; a headless run without a wish stops here unless a choice is the default.
 * `look-anew`: what is asked for was closed when an earlier process looked, and the step has to look once more before anything is chosen.
 */
export async function chooseFor(driver: Driver, step: StepState): Promise<"chosen" | "look-anew"> {
  const choices = actionOf(driver, step.step).choices?.(step.result) ?? [];
  const settled = (choice: Choice, by: string) =>
    settleChoice(driver, choiceQuestion(driver, step, choices), choice, by);
  const wished = driver.log.state.wishes.choices[step.step.key];
  if (wished !== undefined) {
    const meant = meantBy(driver, step, choices, wished);
    if (meant?.disabled !== undefined && mayLookAnew(driver, step)) return "look-anew";
    if (meant && meant.disabled === undefined) return settled(meant, "--choose");
    if (!driver.interactive) throw refusedWish(driver, step, choices, { wished, meant });
    const why = { label: "not possible", text: `--choose ${step.step.key}=${wished}: ${whyRefused(meant)}` };
    return askedFor(driver, step, choices, [why]);
  }
  const lone = loneDefault(choices);
  const standing = driver.interactive ? lone : choices.find((choice) => choice.tags.includes("default"));
  if (standing) return settled(standing, "default");
  if (!driver.interactive) throw needsChoice(driver, step, choices);
  return askedFor(driver, step, choices);
}

async function askedFor(
  driver: Driver,
  step: StepState,
  choices: readonly Choice[],
  more: ChoiceQuestion["facts"] = [],
): Promise<"chosen" | "look-anew"> {
  for (;;) {
    const question = choiceQuestion(driver, step, choices, more);
    const answer = await ask(driver, question);
    const choice =
      answer !== "lapsed" && answer.kind === "choose" ? choices.find((one) => one.value === answer.value) : undefined;
    const chosen = choice ?? writtenIn(driver, step, answer);
    if (chosen && chosen.disabled === undefined)
      return settleChoice(driver, question, chosen, driver.parts.person.operator, true);
    answered(driver, question, { kind: "declined" });
    if (chosen && question.looksAnew) return "look-anew";
  }
}

/** Looking changes nothing, and what was in the way may be gone since; what this process found stands. */
function mayLookAnew(driver: Driver, { step }: StepState): boolean {
  return step.effect === "read" && !driver.triedHere.has(step.key);
}

/** What a resume wishes otherwise than was chosen, of the choices that the step hangs on and that their action lets stay open. */
export function chooseAnew(driver: Driver, { when }: PlannedStep): void {
  const { steps, wishes } = driver.log.state;
  for (const step of steps) {
    const { key } = step.step;
    const hangs = [when ?? []].flat().some((one) => String(one).startsWith(`\${steps.${key}.choice`));
    const wished = wishes.choices[key];
    if (!hangs || wished === undefined || step.choice === undefined || !actionOf(driver, step.step).staysOpen) continue;
    const choices = actionOf(driver, step.step).choices?.(step.result) ?? [];
    const choice = meantBy(driver, step, choices, wished);
    if (choice?.disabled !== undefined || choice === undefined)
      throw refusedWish(driver, step, choices, { wished, meant: choice });
    if (choice.value !== step.choice.value)
      settleChoice(driver, choiceQuestion(driver, step, choices), choice, "--choose");
  }
}

function writtenIn(driver: Driver, step: StepState, answer: Answer | "lapsed"): Choice | undefined {
  if (answer === "lapsed" || answer.kind !== "choose") return undefined;
  return actionOf(driver, step.step).writtenChoice?.(step.result, answer.value) ?? undefined;
}

function settleChoice(
  driver: Driver,
  question: ChoiceQuestion,
  choice: Choice,
  by: string,
  wasAsked = false,
): "chosen" {
  if (!wasAsked) driver.log.append({ kind: "question.asked", question });
  answered(driver, question, { kind: "chosen", value: choice.value, label: choice.label, data: choice.data }, by);
  return "chosen";
}

function meantBy(driver: Driver, step: StepState, choices: readonly Choice[], wished: string): Choice | undefined {
  const listed =
    choices.find((choice) => choice.value === wished) ?? choices.find((choice) => choice.tags.includes(wished));
  // A question that has only its default has nothing to choose from: the wish does not apply.
  return listed ?? actionOf(driver, step.step).writtenChoice?.(step.result, wished) ?? loneDefault(choices);
}

function loneDefault(choices: readonly Choice[]): Choice | undefined {
  return choices.length === 1 && choices[0]?.tags.includes("default") ? choices[0] : undefined;
}

function choiceQuestion(
  driver: Driver,
  step: StepState,
  choices: readonly Choice[],
  more: ChoiceQuestion["facts"] = [],
): ChoiceQuestion {
  const { writtenWords } = actionOf(driver, step.step);
  const byHand = writtenWords === undefined ? {} : { byHand: writtenWords };
  const looksAnew = mayLookAnew(driver, step) && choices.some(({ disabled }) => disabled !== undefined);
  return {
    kind: "choice",
    id: questionId(driver),
    step: step.step.key,
    asks: step.step.title,
    facts: looksAnew
      ? [...more, { label: "not possible", text: "as it was found earlier; choose it, and it is looked at anew" }]
      : more,
    choices,
    ...byHand,
    ...(looksAnew ? { looksAnew } : {}),
  };
}
