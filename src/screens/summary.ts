import { utc } from "../core/clock.ts";
import { isClosed, type RunState } from "../core/run-state.ts";
import type { RunEnd } from "../runner/session.ts";
import { environmentBanner } from "../words/format.ts";
import { rowText, row } from "./rows.ts";
import { headline, leaseGroups, restOfLeases } from "./views/result.view.ts";
import { mainOf } from "./views/heading.ts";
import { committedOf, proofLine, stepsDone } from "../words/outcome-words.ts";
import { resultWords } from "../words/step-words.ts";

const leasesShown = 3;

/** What is printed on the normal screen once the screens are gone: 5 to 10 lines, the command on a line of its own. */
export function summaryLines(state: RunState | null, end: RunEnd | null, resume: string): readonly string[] {
  if (state === null) return [];
  const target = mainOf(state.plan.targets);
  const unknown = state.steps.find((step) => step.status === "unknown" || step.status === "running");
  const fault = end?.fault;
  const leases = leaseGroups(state);
  return [
    headline(state),
    `${environmentBanner(target.environment)} ${target.database} @ ${target.name}   ${utc(state.lastAt)}`,
    `run ${state.run}`,
    `${stepsDone(state)}${unknown === undefined ? "" : `; step ${state.steps.indexOf(unknown) + 1} ${unknown.step.title}: UNKNOWN, resume finds out`}${atWords(committedOf(state))}`,
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
  return state.reason === "" ? [] : [state.reason];
}

function atWords(committed: string): string {
  return committed === "" ? "" : `; ${committed}`;
}

/** The proof is what the run was for; the leases are counted on their own line. */
function counts(state: RunState): readonly string[] {
  const proof = proofLine(state);
  if (proof !== "") return [proof];
  const last = state.steps.findLast(
    ({ step, result }) => step.action !== "release-leases" && resultWords(result) !== "",
  );
  return last === undefined ? [] : [`${last.step.title}: ${resultWords(last.result)}`];
}
