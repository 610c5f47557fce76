import type { FailureAct, FailureOption, FailureQuestion } from "../core/question.ts";
import type { StepState } from "../core/run-state.ts";
import { openLeases } from "../core/run-state.ts";
import { Fault, type FaultRecord } from "../core/errors.ts";
import { answered, ask, questionId } from "./ask.ts";
import { Abandoned, type Driver, Paused } from "./driver.ts";
import { settle } from "./settle.ts";

/** A step failed, or nobody knows whether it did. A person says how to go on; without one the run stops here, open. */
export async function afterFailure(driver: Driver, step: StepState, fault: FaultRecord): Promise<void> {
  if (!driver.interactive || fault.code === "HF-LOCK-LOST")
    throw new Fault(fault.code, fault.message, headless(step, fault));
  const question = failureQuestion(driver, step, fault);
  const answer = await ask(driver, question);
  const act: FailureAct =
    answer !== "lapsed" && answer.kind === "act" && isOpen(question, answer.act) ? answer.act : "leave";
  answered(driver, question, { kind: "acted", act });
  if (act === "find-out") return settle(driver, step.step);
  if (act === "abandon") throw new Abandoned(`given up after ${fault.code} in ${step.step.key}`);
  if (act !== "retry") throw new Paused(`left after ${fault.code} in ${step.step.key}`);
}

function headless(step: StepState, fault: FaultRecord): Partial<FaultRecord> {
  return { ...fault, exit: step.status === "unknown" ? "unknown" : fault.exit };
}

function isOpen(question: FailureQuestion, act: FailureAct): boolean {
  return question.options.some((option) => option.act === act && option.disabled === undefined);
}

function failureQuestion(driver: Driver, step: StepState, fault: FaultRecord): FailureQuestion {
  const { known, unknown } = knowledge(driver, step, fault);
  return {
    kind: "failure",
    id: questionId(driver),
    step: step.step.key,
    asks: `${step.step.title}: ${fault.message}`,
    facts: [
      { label: "code", text: fault.code },
      ...(fault.cause === undefined ? [] : [{ label: "cause", text: fault.cause }]),
      ...(fault.hint === undefined ? [] : [{ label: "hint", text: fault.hint }]),
    ],
    known,
    unknown,
    options: optionsFor(driver, step),
  };
}

function knowledge(driver: Driver, step: StepState, fault: FaultRecord): { known: string[]; unknown: string[] } {
  const { progress } = step;
  const known = [
    ...(fault.still === undefined ? [] : [fault.still]),
    ...(progress ? [`${progress.done.toLocaleString("en-US")} ${progress.unit} were reported done before it`] : []),
    ...(step.settled?.evidence ?? []),
    ...openLeases(driver.log.state).map(({ lease }) => `held: ${lease.words}`),
  ];
  const unknown = step.status === "unknown" ? ["whether the last thing it did took effect: not failed, not known"] : [];
  return { known, unknown };
}

function optionsFor(driver: Driver, step: StepState): readonly FailureOption[] {
  const unknown = step.status === "unknown";
  const isLast = driver.log.state.steps.at(-1)?.step.key === step.step.key;
  return [
    option(
      "find-out",
      "find out: ask the target, reads only",
      unknown ? undefined : "nothing is unknown here",
      unknown,
    ),
    option(
      "retry",
      "retry this step",
      unknown ? "not yet: what is unknown has to be found out first" : undefined,
      !unknown,
    ),
    option(
      "skip",
      "skip this step",
      isLast ? "no: it gives back what the run holds" : "no: later steps need its result",
    ),
    option("undo", "undo", "no: nothing in this step can be undone from here"),
    option("leave", "leave: the run stays open, and so does what it holds"),
    option("abandon", "give the run up: gives back what it holds; what was written stays"),
  ];
}

function option(act: FailureAct, label: string, disabled?: string, recommended = false): FailureOption {
  return { act, label, ...(disabled === undefined ? {} : { disabled }), ...(recommended ? { recommended } : {}) };
}
