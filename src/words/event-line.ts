import { utc } from "../core/clock.ts";
import type { RunEvent, Stamped } from "../core/event.ts";
import { type LeaseId, shortRunId, type StepKey } from "../core/ids.ts";
import type { Lease } from "../core/lease.ts";
import { shortDigest } from "../core/plan.ts";
import type { Question } from "../core/question.ts";
import { currentStep, type RunState } from "../core/run-state.ts";
import { cleanForTerminal, duration, plural } from "./format.ts";
import { expandedWords } from "./expanded-words.ts";
import { doneWords } from "./outcome-words.ts";
import { findingWords, previewWords, proofWords, progressWords, resultWords, stepNumber } from "./step-words.ts";
import { placeWords } from "./target-words.ts";
import { countedWords, goneLines, standingWords, staysLines } from "./written-words.ts";

type Of<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;

/**
 * One event as one line, the message first and the time last; `state` is the run's after it. Null where the line before it said
 * everything. Safe for a terminal, whatever a server put in it.
 */
export function eventLine(stamped: Stamped, state: RunState): string | null {
  const text = eventWords(stamped.event, state);
  return text === null ? null : `${cleanForTerminal(text, longestLine)}  ${utc(stamped.at)}`;
}

const longestLine = 2000;

/** What an event says where every event has a row of its own, as in a timeline. */
export function rowWords(event: RunEvent, state: RunState): string {
  return eventWords(event, state) ?? silentWords(event, state);
}

function silentWords(event: RunEvent, state: RunState): string {
  switch (event.kind) {
    case "lease.intended":
      return `LEASE INTENDED ${namedLease(event.lease)}`;
    case "step.checked":
      return `${stepNumber(state, event.step)} CHECKED nothing stands against it`;
    case "step.verified":
      return `${stepNumber(state, event.step)} VERIFIED nothing to add`;
    default:
      return event.kind;
  }
}

/** What an event says, without its time. */
export function eventWords(event: RunEvent, state: RunState): string | null {
  switch (event.kind) {
    case "run.opened":
    case "run.resumed":
    case "run.paused":
    case "run.closed":
      return runWords(event, state);
    case "lease.intended":
    case "lease.taken":
    case "lease.changed":
    case "lease.kept":
    case "lease.released":
      return leaseWords(event, state);
    case "target.identified":
      return `TARGET ${event.role}: ${event.identity.words}, database ${event.identity.database}`;
    case "guard.judged":
      return guardWords(event, state);
    case "values.revealed":
      return `SHOWN ${event.what}, to ${event.by}`;
    case "note.added":
      return `NOTE by ${event.by}: ${event.text}`;
    case "output.printed":
      return `  ${event.text}`;
    case "step.expanded":
      return expandedWords(event, state);
    default:
      return isSilent(event) ? null : `${stepNumber(state, stepOfEvent(event))} ${stepEventWords(event, state)}`;
  }
}

type RunsEvent = Of<"run.opened" | "run.resumed" | "run.paused" | "run.closed">;
type LeasesEvent = Of<"lease.intended" | "lease.taken" | "lease.changed" | "lease.kept" | "lease.released">;
type StepsEvent = Exclude<
  RunEvent,
  | RunsEvent
  | LeasesEvent
  | Of<"step.expanded" | "target.identified" | "guard.judged" | "values.revealed" | "note.added" | "output.printed">
>;

function runWords(event: RunsEvent, state: RunState): string {
  const run = `RUN ${shortRunId(state.run)}`;
  switch (event.kind) {
    case "run.opened":
      return `${run} OPENED ${openedWords(event)}`;
    case "run.resumed":
      return `${run} RESUMED by ${event.person.operator}@${event.person.host}`;
    case "run.paused":
      return [`${run} PAUSED ${event.reason}`, ...standing(state)].join("; ");
    case "run.closed": {
      const early = state.purpose === "dry-run" ? "DRY RUN ENDED EARLY" : "GIVEN UP";
      const outcome = event.outcome === "done" ? doneWords(state) : early;
      const closed = [run, outcome, event.reason].filter((part) => part !== "").join(" ");
      return [closed, ...(event.outcome === "done" ? [] : leftBehind(state))].join("; ");
    }
  }
}

function standing(state: RunState): readonly string[] {
  const at = currentStep(state);
  const words = at === null ? "" : standingWords(at);
  return at === null || words === "" ? [] : [`${at.step.title}: ${words}`];
}

/** Of a run that did nothing there is nothing to tell. */
function leftBehind(state: RunState): readonly string[] {
  if (state.steps.every(({ attempt }) => attempt === 0)) return [];
  return [...staysLines(state).map((line) => `stays: ${line}`), ...goneLines(state)];
}

function openedWords({ plan, purpose, person }: Of<"run.opened">): string {
  const targets = Object.values(plan.targets).map(placeWords);
  const kind = purpose === "live" ? "" : `${purpose}, `;
  const who = `by ${person.operator}@${person.host}`;
  const size = plural(plan.steps.length, "step");
  return `${plan.runbook.id} on ${targets.join(", ")}: ${kind}${size}, plan ${shortDigest(plan.digest)}, ${who}`;
}

function leaseWords(event: LeasesEvent, state: RunState): string | null {
  switch (event.kind) {
    case "lease.intended":
      return null;
    case "lease.taken":
      return `LEASE TAKEN ${leaseName(event.lease, state)}`;
    case "lease.changed":
      return `LEASE CHANGED ${leaseName(event.lease, state)}`;
    case "lease.kept":
      return `LEASE KEPT until ${utc(event.until)}: ${leaseName(event.lease, state)}${byHand(event.lease, state)}`;
    case "lease.released":
      return `LEASE GIVEN BACK ${bareName(event.lease, state)}${event.how === "was-absent" ? " (it was gone)" : ""}`;
  }
}

function leaseName(id: LeaseId, state: RunState): string {
  const found = state.leases.find(({ lease }) => lease.id === id);
  return found === undefined ? id : namedLease(found.lease);
}

/** What is given back is no longer as its words say. */
function bareName(id: LeaseId, state: RunState): string {
  const found = state.leases.find(({ lease }) => lease.id === id);
  return found === undefined ? id : `${found.lease.kind} ${found.lease.name}`;
}

/** Kind and name as the tables of leases, and the server, have them: `row-pin holdfast_rows_7f3k: ...`. */
function namedLease({ kind, name, words }: Lease): string {
  return `${kind} ${name}: ${words}`;
}

function byHand(id: LeaseId, state: RunState): string {
  const found = state.leases.find(({ lease }) => lease.id === id);
  return found === undefined ? "" : `; by hand: ${found.lease.byHand}`;
}

function guardWords(event: Of<"guard.judged">, state: RunState): string {
  const where = event.step === null ? "" : `${stepNumber(state, event.step)} `;
  const hint = event.hint === undefined || event.verdict === "allow" ? "" : ` (${event.hint})`;
  return `${where}GUARD ${event.verdict.toUpperCase()} ${event.guard}: ${event.reason}${hint}`;
}

/** Looked, and there was nothing to say. */
function isSilent(event: StepsEvent): boolean {
  return (event.kind === "step.checked" || event.kind === "step.verified") && event.findings.length === 0;
}

function stepOfEvent(event: StepsEvent): StepKey {
  return event.kind === "question.asked" ? event.question.step : event.step;
}

function stepEventWords(event: StepsEvent, state: RunState): string {
  switch (event.kind) {
    case "question.asked":
      return `WAITS ${questionWords(event.question)}`;
    case "question.answered":
      return answeredWords(event, state);
    case "step.checked":
      return `CHECKED ${findingWords(event.findings)}`;
    case "step.previewed":
      return `WILL ${previewWords(event.preview)}`;
    case "step.intended":
      return intendedWords(event, state);
    case "step.verified":
      return `VERIFIED ${proofWords(event.findings)}`;
    case "step.ended":
      return endedWords(event, state);
    case "step.settled":
      return `SETTLED ${event.finding}: ${[...writtenIn(event), ...event.evidence, decisionWords[event.decision]].join("; ")}`;
    case "step.progressed": {
      const progress = state.steps.find((step) => step.step.key === event.step)?.progress;
      return progress === undefined ? "GOES ON" : `GOES ON ${progressWords(progress)}`;
    }
  }
}

const decisionWords: Readonly<Record<Of<"step.settled">["decision"], string>> = {
  "go-on": "safe to go on from there",
  redo: "it is done again",
  done: "nothing is left to do",
  ask: "a person has to decide",
};

function actionOf(state: RunState, key: StepKey): string {
  return state.steps.find((step) => step.step.key === key)?.step.action ?? key;
}

function intendedWords(event: Of<"step.intended">, state: RunState): string {
  const step = state.steps.find((one) => one.step.key === event.step)?.step;
  const attempt = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
  return `RUNNING ${actionOf(state, event.step)}${step === undefined ? "" : `: ${step.title}`}${attempt}`;
}

function endedWords(event: Of<"step.ended">, state: RunState): string {
  const action = actionOf(state, event.step);
  const took = `in ${duration(event.took)}`;
  switch (event.outcome) {
    case "done": {
      const numbers = resultWords(event.result);
      return `DONE ${action} ${took}${numbers === "" ? "" : `: ${numbers}`}`;
    }
    case "skipped":
      return `SKIPPED ${action}: not needed here`;
    case "failed":
      return `FAILED ${action} after ${duration(event.took)}${faultWords(event)}`;
    case "unknown":
      return `UNKNOWN ${action}: not failed, not known${faultWords(event)}`;
  }
}

function faultWords(event: Of<"step.ended">): string {
  const { fault } = event;
  const told = [...(fault === undefined ? [] : [`${fault.code} ${fault.message}`]), ...writtenIn(event)];
  return told.length === 0 ? "" : `: ${told.join("; ")}`;
}

function writtenIn({ written }: Of<"step.ended" | "step.settled">): readonly string[] {
  return written === undefined ? [] : [countedWords(written)];
}

function questionWords(question: Question): string {
  switch (question.kind) {
    case "confirm":
      return `for a confirmation: ${question.asks}`;
    case "choice":
      return `for a choice: ${question.asks}`;
    case "failure":
      return `after a failure: ${question.asks}`;
  }
}

function answeredWords({ answered, by, step }: Of<"question.answered">, state: RunState): string {
  switch (answered.kind) {
    case "confirmed":
      return `CONFIRMED by ${by}`;
    case "declined":
      return waitsForAChoice(state, step)
        ? `NOT CHOSEN by ${by}: nothing was answered that can be`
        : `DECLINED by ${by}`;
    case "mistyped":
      return `NOT CONFIRMED ${answered.differs}`;
    case "lapsed":
      return `LAPSED ${answered.why}`;
    case "chosen":
      return `${by === "default" ? "NOT ASKED" : "CHOSEN"} ${answered.label} (${answered.value}), by ${by}`;
    case "acted":
      return `ANSWERED ${answered.act}, by ${by}`;
  }
}

/** A choice is not declined: what was written is none of it, and it is asked again. */
function waitsForAChoice({ steps }: RunState, key: StepKey): boolean {
  const found = steps.find(({ step }) => step.key === key);
  return found?.status === "done" && found.step.choose !== undefined && found.choice === undefined;
}
