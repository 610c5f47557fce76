import { Fault, type OpenChoices } from "../core/errors.ts";
import type { StepState } from "../core/run-state.ts";
import type { Choice } from "../core/step.ts";
import { actionOf, type Driver, isDryRun } from "./driver.ts";

/** Nobody can be asked, and nothing was wished. */
export function needsChoice(driver: Driver, step: StepState, choices: readonly Choice[]): Fault {
  const anew = isDryRun(driver) ? "Start it again" : "Resume";
  return new Fault("HF-NEEDS-CHOICE", `the step ${step.step.key} needs a choice, and nobody can be asked here`, {
    exit: "needs-person",
    still: stillWords(driver),
    hint: `${anew} in a terminal, or with one of these.${byHand(driver, step)}`,
    ...offered(step, choices),
  });
}

/** What was wished is closed, or there is no such thing. A run that is open is not "nothing was started". */
export function refusedWish(
  driver: Driver,
  step: StepState,
  choices: readonly Choice[],
  { wished, meant }: { readonly wished: string; readonly meant: Choice | undefined },
): Fault {
  const anew = isDryRun(driver) ? "Start it again" : "Resume";
  const opens =
    meant?.disabled === undefined || isDryRun(driver)
      ? ""
      : " Where what closes it has been mended, resume with the same one: it is looked at anew.";
  return new Fault("HF-CHOICE-INVALID", `--choose ${step.step.key}=${wished}: ${whyRefused(meant)}`, {
    exit: isDryRun(driver) ? "input" : "needs-person",
    still: stillWords(driver),
    hint: `${anew} with one of these.${byHand(driver, step)}${opens}`,
    ...offered(step, choices),
  });
}

export function whyRefused(meant: Choice | undefined): string {
  return meant?.disabled ?? "there is no such choice";
}

function offered({ step: { key } }: StepState, choices: readonly Choice[]): { next: string[]; choices: OpenChoices } {
  const open = choices.filter(({ disabled }) => disabled === undefined);
  return {
    next: open.map(({ value }) => `--choose ${key}=${value}`),
    choices: { step: key, open: open.map((one) => ({ value: one.value, label: labelOf(one) })) },
  };
}

/** As the list on a screen begins: its label, the tags that are words, and its first detail. */
function labelOf({ label, details, tags }: Choice): string {
  const words = tags.filter((tag) => tag !== "default" && /^[a-z]/.test(tag));
  const tagged = words.length === 0 ? label : `${label} [${words.join(", ")}]`;
  return [tagged, ...details.slice(0, 1)].join("; ");
}

function byHand(driver: Driver, step: StepState): string {
  const { writtenWords } = actionOf(driver, step.step);
  return writtenWords === undefined ? "" : ` It takes ${writtenWords} as well.`;
}

function stillWords(driver: Driver): string {
  return isDryRun(driver)
    ? "It was a dry run: nothing was changed, and nothing is held."
    : "The run is open and holds what it held; this step wrote nothing.";
}
