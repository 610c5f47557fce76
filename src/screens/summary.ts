import { utc } from "../core/clock.ts";
import { currentStep, isClosed, type RunState } from "../core/run-state.ts";
import type { RunEnd } from "../runner/session.ts";
import { rowText, row } from "./rows.ts";
import { headline, leaseGroups, restOfLeases } from "./views/result.view.ts";
import { mainOf } from "./views/heading.ts";
import { proofLine, stepsDone, uncountedLine } from "../words/outcome-words.ts";
import { resultWords } from "../words/step-words.ts";
import { placeWords } from "../words/target-words.ts";
import { goneLines, standingWords, staysLines, writtenWords } from "../words/written-words.ts";

const leasesShown = 3;

/** What is printed on the normal screen once the screens are gone: 5 to 10 lines, the command on a line of its own. */
export function summaryLines(state: RunState | null, end: RunEnd | null, resume: string): readonly string[] {
  if (state === null) return [];
  const target = mainOf(state.plan.targets);
  const fault = end?.fault;
  const leases = leaseGroups(state);
  return [
    headline(state),
    ...givenUp(state),
    `${placeWords(target)}   ${utc(state.lastAt)}`,
    `run ${state.run}`,
    [stepsDone(state), ...standing(state)].join("; "),
    ...(fault === undefined
      ? reason(state)
      : [`${fault.code}  ${fault.message}${fault.hint === undefined ? "" : `. ${fault.hint}`}`]),
    ...counts(state),
    ...leases.slice(0, leasesShown).flat(),
    ...(leases.length > leasesShown ? [`.. ${leases.length - leasesShown} more leases in the journal`] : []),
    ...restOfLeases(state),
    ...(isClosed(state) ? [] : ["Go on with:", `  ${resume}`]),
  ].map((line) => rowText(row(line)));
}

function reason(state: RunState): readonly string[] {
  return state.reason === "" ? [] : [`why: ${state.reason}`];
}

/** What stays and what is gone comes before anything else: nobody comes back to look. */
function givenUp(state: RunState): readonly string[] {
  if (state.status !== "abandoned" || state.steps.every(({ attempt }) => attempt === 0)) return [];
  return [...staysLines(state).map((line) => `stays: ${line}`), ...goneLines(state)];
}

/** The step that was begun and has not ended, as far as it is known. */
function standing(state: RunState): readonly string[] {
  const at = currentStep(state);
  if (at === null || isClosed(state)) return [];
  const name = `step ${state.steps.indexOf(at) + 1} ${at.step.title}`;
  if (at.status === "unknown" || at.status === "running")
    return [`${name}: UNKNOWN, resume finds out`, ...[writtenWords(at)].filter((words) => words !== "")];
  const words = standingWords(at);
  return words === "" ? [] : [`${name}: ${words}`];
}

/** The proof is what the run was for; the leases are counted on their own line. */
function counts(state: RunState): readonly string[] {
  const proof = proofLine(state);
  if (proof !== "") return [proof, uncountedLine(state)].filter((line) => line !== "");
  if (state.status === "abandoned") return [];
  const last = state.steps.findLast(
    ({ step, result }) => step.action !== "release-leases" && resultWords(result) !== "",
  );
  return last === undefined ? [] : [`${last.step.title}: ${resultWords(last.result)}`];
}
