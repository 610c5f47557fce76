import { Fault } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { RunState, StepState } from "../core/run-state.ts";
import type { Choice } from "../core/step.ts";
import type { RunnerParts } from "./parts.ts";

/**
 * What a resume wishes otherwise than was decided of an item goes back to what is done without a decision, as long as no step that writes
 * by it was tried. Faults come before anything is journaled, so that what was refused counts for nothing later: `HF-CHOICE-MADE` where the
 * decision stands, `HF-CHOICE-INVALID` where there is no such item or choice. The events stand in one batch with the resume's own.
 */
export function takenBack(
  actions: RunnerParts["actions"],
  state: RunState,
  choices: Readonly<Record<string, string>>,
  by: string,
): readonly RunEvent[] {
  const wished = Object.entries(choices).filter(([key, value]) => state.wishes.choices[key] !== value);
  let next = state.seq + 1; // the resume itself
  return wished.flatMap(([key, value]) => {
    refuseUnknown(state, key);
    const step = state.steps.find((one) => one.step.key === key);
    if (!step?.step.item || step.choice === undefined || step.choice.value === value) return [];
    const listed = actions.find(({ name }) => name === step.step.action)?.choices?.(step.result) ?? [];
    const choice = listed.find((one) => one.value === value);
    if (choice === undefined)
      throw invalid(
        key,
        value,
        listed.map((one) => one.value),
        state,
      );
    if (isWritten(state, step)) throw made(state, step, value, "and the run has begun to write by it");
    if (!choice.tags.includes("default"))
      throw made(state, step, value, "and only what leaves it alone can be chosen in its place");
    next += 2;
    return events(`Q${next - 1}`, step, listed, choice, by);
  });
}

/** Once a template has given way to its items, they are known. */
function refuseUnknown({ steps, ...state }: RunState, key: string): void {
  const [template = ""] = key.split(":");
  const items = steps.filter(({ step }) => step.item?.of === template).map(({ step }) => step.key);
  if (items.length === 0 || items.includes(key)) return;
  throw new Fault("HF-CHOICE-INVALID", `--choose ${key}: there is no such item`, {
    exit: "input",
    still: nothingBegun,
    hint: `There are: ${items.join(", ")}.`,
    next: [resumeWords(state.run)],
  });
}

function invalid(key: string, value: string, open: readonly string[], { run }: RunState): Fault {
  return new Fault("HF-CHOICE-INVALID", `--choose ${key}=${value}: there is no such choice`, {
    exit: "input",
    still: nothingBegun,
    hint: `There are: ${open.join(", ")}.`,
    next: [resumeWords(run)],
  });
}

const nothingBegun = "Nothing was begun by this; the run is open, and holds what it held.";

/** A step that writes, and is given the decisions about the template's items, was tried. */
function isWritten({ steps }: RunState, { step: { item } }: StepState): boolean {
  return steps.some(
    ({ step, attempt }) =>
      attempt > 0 && step.effect === "write" && JSON.stringify(step.with).includes(`\${steps.${item?.of}.result}`),
  );
}

function made({ run }: RunState, { step, choice }: StepState, wished: string, why: string): Fault {
  return new Fault("HF-CHOICE-MADE", `--choose ${step.key}=${wished}: ${choice?.value} was chosen, ${why}`, {
    exit: "refused",
    still: nothingBegun,
    hint: "Resume without it, or give the run up and begin anew.",
    next: [resumeWords(run)],
  });
}

function resumeWords(run: string): string {
  return `holdfast resume ${run}`;
}

function events(
  id: string,
  { step }: StepState,
  choices: readonly Choice[],
  { value, label, data }: Choice,
  by: string,
): readonly RunEvent[] {
  return [
    {
      kind: "question.asked",
      question: { kind: "choice", id, step: step.key, asks: step.title, facts: [], choices },
    },
    { kind: "question.answered", question: id, step: step.key, answered: { kind: "chosen", value, label, data }, by },
  ];
}
