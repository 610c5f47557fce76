import { utc } from "../core/clock.ts";
import { isJsonObject } from "../core/json.ts";
import { atRest, isCounted, openLeases, type LeaseState, type RunState, type StepState } from "../core/run-state.ts";
import type { Written } from "../core/step.ts";
import { count, plural } from "./format.ts";
import { resultWords } from "./step-words.ts";

/** `4,029 of 14,108 rows`; of rows that were left out, how many. */
export function amountWords({ rows, done, total, unit }: Written): string {
  const left = done > rows ? ` (${count(done - rows)} left out)` : "";
  return `${outOf(rows, total)} ${unit}${left}`;
}

/** `4,029 of 14,108 rows written, stay`. */
export function countedWords(written: Written): string {
  return written.done === 0 ? "nothing of it is written" : `${amountWords(written)} written, stay`;
}

/**
 * How far a write is that has not ended well: `4,029 of 14,108 rows written, stay` where the target was asked, `at least ..` where only
 * progress told. Empty for what does not write, was not begun or is done.
 */
export function writtenWords(step: StepState): string {
  if (!isWrite(step) || step.status === "done" || step.status === "skipped") return "";
  const { written } = step;
  if (written !== undefined && isCounted(step)) return countedWords(written);
  const least = leastWords(step);
  return least === "" ? "" : `at least ${least} gone through`;
}

/** What a graceful stop left: `stopped after 4,029 of 14,108 rows, safe to go on later`. */
export function stoppedWords(step: StepState): string {
  const { written } = step;
  if (written === undefined) return "stopped in the middle, what is done stays; safe to go on later";
  return `stopped after ${amountWords(written)}, safe to go on later`;
}

/** What became of a step that a process died in, as the target told since; empty where none did. */
export function killedWords(step: StepState, name = "This step"): string {
  const { killedAt, settled } = step;
  if (killedAt === undefined || settled === undefined) return "";
  const begun = `${name} had begun and was killed about ${utc(killedAt).slice(11)}`;
  if (step.step.recovery === "idempotent" || step.step.effect === "read")
    return `${begun}; it is done again, which gives the same`;
  return `${begun}; the target was asked: ${foundWords(step, settled.finding)}`;
}

function foundWords(step: StepState, finding: NonNullable<StepState["settled"]>["finding"]): string {
  switch (finding) {
    case "absent":
      return "nothing of it is there";
    case "partial":
      return writtenWords(step) || "part of it is there, and stays";
    case "done":
      return writtenWords(step) || "all of it is there, and is not done again";
    case "undecided":
      return "it can't tell";
  }
}

/** The step at which a run stands, when it was begun: what is known of it. Empty where nothing was begun there. */
export function standingWords(step: StepState): string {
  const rest = atRest(step);
  if (rest.status === "stopped") return stoppedWords(rest);
  const written = writtenWords(rest);
  if (rest.status === "unknown")
    return ["its outcome is not known; resume asks the target", written].filter(Boolean).join(": ");
  return written;
}

/** What is on the target for good, whatever becomes of the run; one line for each write that was begun. */
export function staysLines(state: RunState): readonly string[] {
  if (state.purpose === "dry-run") return [];
  const lines = state.steps.map(atRest).filter(isWrite).flatMap(stays);
  return lines.length === 0 ? ["nothing: no row of your tables was written"] : lines;
}

function stays(step: StepState): readonly string[] {
  const { title } = step.step;
  if (step.attempt === 0 || step.status === "skipped") return [];
  if (step.status === "done") {
    const numbers = resultWords(step.result);
    return [`${title}: done, and stays${numbers === "" ? "" : ` (${numbers})`}`];
  }
  const { written } = step;
  if (written === undefined || !isCounted(step)) return [`${title}: ${unknownWords(step)}`];
  if (written.rows === 0) return [`${title}: no row was written`];
  const tables = written.tables.map(({ table, rows }) => `${table} ${count(rows)}`).join(", ");
  return [`${title}: ${amountWords(written)} are written, and stay${tables === "" ? "" : ` (${tables})`}`];
}

function unknownWords(step: StepState): string {
  const least = leastWords(step);
  if (least !== "") return `at least ${least} were gone through; what was written stays`;
  return "how much of it is written is not known; what was written stays";
}

/** What went with a run that was given up, and what it gave back: rescued rows and the way back first. */
export function goneLines(state: RunState): readonly string[] {
  if (state.status !== "abandoned") return [];
  const released = state.leases.filter(({ status }) => status === "released");
  const dropped = released.filter(({ lease }) => lease.keepable);
  const others = released.filter(({ lease }) => !lease.keepable);
  return [
    ...dropped.map((one) => `dropped: ${droppedWords(state, one)}`),
    ...(dropped.length > 0 ? [consequence(state)] : []),
    ...(others.length > 0 ? [`given back: ${othersWords(others, dropped.length > 0 ? "other lease" : "lease")}`] : []),
  ];
}

/** What goes with a run if it is given up now, told before anybody says so: rescued rows, and the way back from what is written. */
export function goesLines(state: RunState): readonly string[] {
  if (state.purpose === "dry-run") return [];
  const dropped = openLeases(state).filter(({ lease }) => lease.keepable);
  return dropped.length === 0 ? [] : [...dropped.map((one) => droppedWords(state, one)), consequence(state)];
}

function othersWords(leases: readonly LeaseState[], noun: string): string {
  const pinned = leases.some(({ lease }) => lease.kind.endsWith("pin"));
  return `${plural(leases.length, noun)}${pinned ? "; the evidence is no longer held, dead rows may go" : ""}`;
}

/** `rescue area holdfast_rescue_7f3k with 14,108 rescued rows and the safety copy`. */
function droppedWords({ steps }: RunState, { lease }: LeaseState): string {
  const filled = steps
    .map(({ result }) => result)
    .findLast((result) => isJsonObject(result) && result.area === lease.name);
  const rows = isJsonObject(filled) && typeof filled.rows === "number" ? filled.rows : 0;
  const copied = steps.some(({ step, status }) => step.action === "copy-table" && status === "done");
  const held = [...(rows > 0 ? [plural(rows, "rescued row")] : []), ...(copied ? ["the safety copy"] : [])].join(
    " and ",
  );
  return `${lease.kind.replaceAll("-", " ")} ${lease.name}${held === "" ? "" : ` with ${held}`}`;
}

function consequence({ steps }: RunState): string {
  const writes = steps.filter((step) => isWrite(step) && step.attempt > 0 && step.status !== "skipped");
  const wayBack = "what is written can't be taken out by the safety copy any more";
  if (writes.length > 0 && writes.every(({ status }) => status === "done")) return wayBack;
  const lost = "rescued rows that are not written are gone with it: a new run has to rescue them anew";
  return writes.length === 0 ? lost : `${lost}; ${wayBack}`;
}

function leastWords({ progress, written }: StepState): string {
  const least = Math.max(progress?.done ?? 0, written?.done ?? 0);
  const known = progress ?? written;
  return least === 0 || known === undefined ? "" : `${outOf(least, known.total)} ${known.unit}`;
}

function outOf(n: number, total: number | undefined): string {
  return total === undefined ? count(n) : `${count(n)} of ${count(total)}`;
}

function isWrite({ step }: StepState): boolean {
  return step.effect === "write" || step.effect === "destroy";
}
