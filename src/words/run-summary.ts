import type { FaultRecord } from "../core/errors.ts";
import { shortRunId } from "../core/ids.ts";
import { atRest, currentStep, isClosed, openLeases, type RunState } from "../core/run-state.ts";
import { handLines, resumeCommand, type Started } from "./commands.ts";
import { faultLines } from "./fault-lines.ts";
import { cleanForTerminal, duration, stepMark } from "./format.ts";
import { doneWords, keptWords, proofLine, rescuedLine, stepsDone, uncountedLine } from "./outcome-words.ts";
import { resultWords } from "./step-words.ts";
import { placeWords } from "./target-words.ts";
import { goneLines, standingWords, staysLines } from "./written-words.ts";

/** How a run left this process: outcome, counts, what it still holds, and the command that goes on with it. */
export function runSummaryLines(
  end: { readonly state: RunState; readonly fault?: FaultRecord },
  started: Started,
): readonly string[] {
  const { state, fault } = end;
  const lines = [
    `${outcomeWords(state)}  ${shortRunId(state.run)} ${state.plan.runbook.id}  ${duration(state.lastAt - state.openedAt)}`,
    ...givenUpLines(state),
    `run ${state.run}`,
    ...Object.values(state.plan.targets).map(placeWords),
    ...stepLines(state),
    ...leaseLines(state),
  ];
  return [
    ...lines.map((line) => cleanForTerminal(line)),
    ...(fault === undefined ? [] : faultLines(fault, started)),
    ...(isClosed(state)
      ? []
      : ["The run is open. Go on with:", `  ${resumeCommand(state.run, fitting(state, started))}`]),
  ];
}

/** What only a sandbox takes is not printed for another environment. */
function fitting(state: RunState, started: Started): Started {
  const sandbox = Object.values(state.plan.targets).every(({ environment }) => environment === "sandbox");
  const wishes = (started.wishes ?? []).filter((wish) => sandbox || wish !== "--yes-sandbox");
  return { ...started, wishes };
}

function outcomeWords(state: RunState): string {
  switch (state.status) {
    case "done":
      return state.purpose === "dry-run" ? "DRY RUN DONE, nothing was changed" : doneWords(state);
    case "abandoned":
      if (state.purpose === "dry-run") return "DRY RUN ENDED EARLY, nothing was changed";
      return state.steps.every((step) => step.attempt === 0) ? "NOT BEGUN" : "GIVEN UP";
    case "open":
    case "paused":
      return "STOPPED, NOT DONE";
  }
}

/** What stays and what is gone comes before anything else: nobody comes back to look. */
function givenUpLines(state: RunState): readonly string[] {
  if (outcomeWords(state) !== "GIVEN UP") return [];
  return [...staysLines(state).map((line) => `stays: ${line}`), ...goneLines(state)];
}

/** Where the run stands, when that step was begun: how far it is, and whether that is known. */
function standingLines(state: RunState): readonly string[] {
  const at = currentStep(state);
  const words = at === null || isClosed(state) ? "" : standingWords(at);
  return at === null || words === "" ? [] : [`${stepMark(atRest(at).status)} ${at.step.title}: ${words}`];
}

function stepLines(state: RunState): readonly string[] {
  const isTold = (effect: string) => effect === "read" || (effect !== "hold" && state.status === "abandoned");
  const numbers = state.steps
    .filter((step) => step.status === "done" && !isTold(step.step.effect))
    .map((step) => ({ title: step.step.title, words: resultWords(step.result) }))
    .filter(({ words }) => words !== "");
  return [
    stepsDone(state),
    ...standingLines(state),
    ...numbers.map(({ title, words }) => `${title}: ${words}`),
    ...[rescuedWords(state), proofLine(state), uncountedLine(state)].filter((line) => line !== ""),
  ];
}

function rescuedWords(state: RunState): string {
  const line = rescuedLine(state);
  return line === "" ? "" : `rescued ${line}`;
}

function leaseLines(state: RunState): readonly string[] {
  const kept = state.leases.filter((lease) => lease.status === "kept");
  return [
    ...openLeases(state).map(({ lease }) => `still held: ${lease.words}`),
    ...kept.flatMap(({ lease, keptUntil }) => [
      `${keptWords(keptUntil)}: ${lease.words}`,
      ...handLines(lease.byHand).map((line) => `  ${line}`),
    ]),
  ];
}
