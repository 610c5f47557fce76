import type { RunEvent } from "../../core/event.ts";
import { shortDigest } from "../../core/plan.ts";
import type { Answered } from "../../core/question.ts";
import type { Finding } from "../../core/step.ts";
import type { RunState } from "../../core/run-state.ts";
import { utc } from "../../core/clock.ts";
import { count, duration } from "../../words/format.ts";
import { resultWords } from "./step-words.ts";

export interface EventWords {
  readonly what: string;
  readonly text: string;
}

/** One event as one line of a timeline. */
export function eventWords(event: RunEvent, state: RunState): EventWords {
  return {
    what: event.kind,
    text: [stepNumber(event, state), textOf(event, state)].filter((part) => part !== "").join("  "),
  };
}

function stepNumber(event: RunEvent, state: RunState): string {
  const key = event.kind === "question.asked" ? event.question.step : "step" in event ? event.step : null;
  const index = state.steps.findIndex((step) => step.step.key === key);
  return index < 0 ? "" : `step ${index + 1} ${key ?? ""}`;
}

type StepEvent = Extract<RunEvent, { readonly kind: `step.${string}` | `lease.${string}` }>;

function textOf(event: RunEvent, state: RunState): string {
  switch (event.kind) {
    case "run.opened":
      return `${event.plan.runbook.id}, ${event.purpose}, plan ${shortDigest(event.plan.digest)}, by ${event.person.operator} on ${event.person.host}`;
    case "run.resumed":
      return `by ${event.person.operator} on ${event.person.host}`;
    case "run.paused":
      return event.reason;
    case "run.closed":
      return [event.outcome, event.reason].filter((part) => part !== "").join(": ");
    case "target.identified":
      return `${event.role}: ${event.identity.database} @ ${event.identity.words}`;
    case "guard.judged":
      return `${event.guard} ${event.verdict}: ${event.reason}`;
    case "question.asked":
      return event.question.asks;
    case "question.answered":
      return `${answeredWords(event.answered)}, by ${event.by}`;
    case "values.revealed":
      return `${event.what}, to ${event.by}`;
    case "note.added":
      return `${event.by}: ${event.text}`;
    case "output.printed":
      return event.text;
    default:
      return stepText(event, state);
  }
}

function stepText(event: StepEvent, state: RunState): string {
  switch (event.kind) {
    case "step.checked":
    case "step.verified":
      return findingsWords(event.findings);
    case "step.previewed":
      return event.preview.summary;
    case "step.intended":
      return `attempt ${event.attempt}, ${event.recovery}`;
    case "step.ended":
      return endedWords(event);
    case "step.settled":
      return `${event.finding}, so ${event.decision}: ${event.evidence.join("; ")}`;
    case "step.progressed":
      return `${count(event.progress.done)}${event.progress.total === undefined ? "" : ` of ${count(event.progress.total)}`} ${event.progress.unit}`;
    case "lease.intended":
      return event.lease.words;
    default:
      return leaseWords(event, state);
  }
}

function findingsWords(findings: readonly Finding[]): string {
  if (findings.length === 0) return "nothing to say";
  return findings.map(({ level, text }) => (level === "ok" ? text : `${level.toUpperCase()} ${text}`)).join("; ");
}

function endedWords({ outcome, took, fault, result }: Extract<RunEvent, { kind: "step.ended" }>): string {
  const came = fault === undefined ? resultWords(result) : `${fault.code} ${fault.message}`;
  return [outcome, duration(took), came].filter((part) => part !== "").join("  ");
}

function leaseWords(
  event: Exclude<Extract<StepEvent, { kind: `lease.${string}` }>, { kind: "lease.intended" }>,
  state: RunState,
): string {
  const name = state.leases.find((held) => held.lease.id === event.lease)?.lease.name ?? event.lease;
  if (event.kind === "lease.kept") return `${name}, until ${utc(event.until)}`;
  return event.kind === "lease.released" && event.how === "was-absent" ? `${name} (it was not there)` : name;
}

function answeredWords(answered: Answered): string {
  switch (answered.kind) {
    case "confirmed":
    case "declined":
      return answered.kind;
    case "mistyped":
      return `mistyped: ${answered.differs}`;
    case "lapsed":
      return `lapsed: ${answered.why}`;
    case "chosen":
      return `chosen: ${answered.label}`;
    case "acted":
      return answered.act;
  }
}
