import { Fault } from "../core/errors.ts";
import type { Answer, Answered, ChoiceQuestion, Question } from "../core/question.ts";
import type { Choice } from "../core/step.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { StepState } from "../core/run-state.ts";
import { actionOf, type Driver, isDryRun } from "./driver.ts";
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

/** Lets the operator pick, or takes what was wished beforehand; a headless run without a wish stops here unless a choice is the default. */
export async function chooseFor(driver: Driver, step: StepState): Promise<void> {
  const action = actionOf(driver, step.step);
  const choices = action.choices?.(step.result) ?? [];
  const wished = driver.log.state.wishes.choices[step.step.key];
  if (wished !== undefined)
    return settleChoice(
      driver,
      choiceQuestion(driver, step, choices),
      picked(driver, step, choices, wished),
      "--choose",
    );
  const lone = choices.length === 1 && choices[0]?.tags.includes("default") ? choices[0] : undefined;
  const standing = driver.interactive ? lone : choices.find((choice) => choice.tags.includes("default"));
  if (standing) return settleChoice(driver, choiceQuestion(driver, step, choices), standing, "default");
  if (!driver.interactive) throw needsChoice(driver, step, choices);
  for (;;) {
    const question = choiceQuestion(driver, step, choices);
    const answer = await ask(driver, question);
    const choice =
      answer !== "lapsed" && answer.kind === "choose" ? choices.find((one) => one.value === answer.value) : undefined;
    const chosen = choice ?? writtenIn(driver, step, answer);
    if (chosen && chosen.disabled === undefined)
      return settleChoice(driver, question, chosen, driver.parts.person.operator, true);
    answered(driver, question, { kind: "declined" });
  }
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
    const choice = picked(driver, step, choices, wished);
    if (choice.value !== step.choice.value)
      settleChoice(driver, choiceQuestion(driver, step, choices), choice, "--choose");
  }
}

function writtenIn(driver: Driver, step: StepState, answer: Answer | "lapsed"): Choice | undefined {
  if (answer === "lapsed" || answer.kind !== "choose") return undefined;
  return actionOf(driver, step.step).writtenChoice?.(step.result, answer.value) ?? undefined;
}

function settleChoice(driver: Driver, question: ChoiceQuestion, choice: Choice, by: string, wasAsked = false): void {
  if (!wasAsked) driver.log.append({ kind: "question.asked", question });
  answered(driver, question, { kind: "chosen", value: choice.value, label: choice.label, data: choice.data }, by);
}

function picked(driver: Driver, step: StepState, choices: readonly Choice[], wished: string): Choice {
  const listed =
    choices.find((choice) => choice.value === wished) ?? choices.find((choice) => choice.tags.includes(wished));
  // A question that has only its default has nothing to choose from: the wish does not apply.
  const lone = choices.length === 1 && choices[0]?.tags.includes("default") ? choices[0] : undefined;
  const choice = listed ?? actionOf(driver, step.step).writtenChoice?.(step.result, wished) ?? lone;
  if (choice && choice.disabled === undefined) return choice;
  const next = choices
    .filter((one) => one.disabled === undefined)
    .map((one) => `--choose ${step.step.key}=${one.value}`);
  throw new Fault(
    "HF-CHOICE-INVALID",
    `--choose ${step.step.key}=${wished}: ${choice?.disabled ?? "there is no such choice"}`,
    {
      exit: "input",
      still: stillWords(driver),
      hint: isDryRun(driver) ? "Start it again with one of these." : "Resume with one of these.",
      next,
    },
  );
}

function choiceQuestion(driver: Driver, step: StepState, choices: readonly Choice[]): ChoiceQuestion {
  const { writtenWords } = actionOf(driver, step.step);
  const byHand = writtenWords === undefined ? {} : { byHand: writtenWords };
  return {
    kind: "choice",
    id: questionId(driver),
    step: step.step.key,
    asks: step.step.title,
    facts: [],
    choices,
    ...byHand,
  };
}

function needsChoice(driver: Driver, step: StepState, choices: readonly Choice[]): Fault {
  return new Fault("HF-NEEDS-CHOICE", `the step ${step.step.key} needs a choice, and nobody can be asked here`, {
    exit: "needs-person",
    still: stillWords(driver),
    hint: `${isDryRun(driver) ? "Start it again" : "Resume"} in a terminal, or with one of these.`,
    next: choices.filter((one) => one.disabled === undefined).map((one) => `--choose ${step.step.key}=${one.value}`),
  });
}

function stillWords(driver: Driver): string {
  return isDryRun(driver)
    ? "It was a dry run: nothing was changed, and nothing is held."
    : "The run is open and holds what it held; nothing was written.";
}
