import { utc } from "../core/clock.ts";
import type { FaultRecord } from "../core/errors.ts";
import { shortRunId } from "../core/ids.ts";
import { isClosed, openLeases, type RunState } from "../core/run-state.ts";
import { resumeCommand, type Started } from "./commands.ts";
import { faultLines } from "./fault-lines.ts";
import { cleanForTerminal, duration, environmentBanner } from "./format.ts";
import { committedOf, proofLine, rescuedLine, stepsDone } from "./outcome-words.ts";
import { resultWords } from "./step-words.ts";

/** How a run left this process: outcome, counts, what it still holds, and the command that goes on with it. */
export function runSummaryLines(
  end: { readonly state: RunState; readonly fault?: FaultRecord },
  started: Started,
): readonly string[] {
  const { state, fault } = end;
  const lines = [
    `${outcomeWords(state)}  ${shortRunId(state.run)} ${state.plan.runbook.id}  ${duration(state.lastAt - state.openedAt)}`,
    `run ${state.run}`,
    ...Object.values(state.plan.targets).map((t) => `${environmentBanner(t.environment)} ${t.database} (${t.name})`),
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
      return state.purpose === "dry-run" ? "DRY RUN DONE, nothing was changed" : "DONE";
    case "abandoned":
      if (state.purpose === "dry-run") return "DRY RUN ENDED EARLY, nothing was changed";
      return state.steps.every((step) => step.attempt === 0) ? "NOT BEGUN" : "GIVEN UP";
    case "open":
    case "paused":
      return "STOPPED, NOT DONE";
  }
}

function stepLines(state: RunState): readonly string[] {
  const doubtful = state.steps.find((step) => step.status === "unknown" || step.status === "running");
  const numbers = state.steps
    .filter((step) => step.status === "done" && step.step.effect !== "read")
    .map((step) => ({ title: step.step.title, words: resultWords(step.result) }))
    .filter(({ words }) => words !== "");
  return [
    stepsDone(state),
    ...(doubtful === undefined ? [] : [`[?] ${doubtful.step.title}: its outcome is not known; resume asks the target`]),
    ...numbers.map(({ title, words }) => `${title}: ${words}`),
    ...[committedOf(state), rescuedWords(state), proofLine(state)].filter((line) => line !== ""),
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
      `kept until ${keptUntil === undefined ? "you give it back" : utc(keptUntil)}: ${lease.words}`,
      `  by hand: ${lease.byHand}`,
    ]),
  ];
}
