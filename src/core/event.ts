import type { Purpose, Recovery } from "./effect.ts";
import type { FaultRecord } from "./errors.ts";
import type { LeaseId, QuestionId, RunId, StepKey } from "./ids.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Lease } from "./lease.ts";
import type { ExpandedItem, Plan } from "./plan.ts";
import type { Answered, Question } from "./question.ts";
import type { Finding, Preview, Progress, Written } from "./step.ts";
import type { Role, TargetIdentity } from "./target.ts";

export interface Person {
  readonly operator: string;
  readonly host: string;
}

export type GuardVerdict = "allow" | "deny" | "needs" | "skipped";
export type Outcome = "done" | "failed" | "skipped" | "unknown";
export type SettleFinding = "absent" | "done" | "partial" | "undecided";

/** Choices and wishes that were given when the run was opened; a resume may give more. */
export interface RunWishes {
  readonly choices: Readonly<Record<StepKey, string>>;
  readonly keepRescue: boolean;
}

/** The only way in which a run's state changes. Past tense, JSON-safe; never a secret, never a row's value. */
export type RunEvent =
  | {
      readonly kind: "run.opened";
      readonly run: RunId;
      readonly plan: Plan;
      readonly purpose: Purpose;
      readonly person: Person;
      readonly version: string;
      readonly wishes: RunWishes;
    }
  | { readonly kind: "run.resumed"; readonly person: Person; readonly version: string; readonly wishes: RunWishes }
  /** `fault`: what ended this process's part, where that was one. */
  | { readonly kind: "run.paused"; readonly reason: string; readonly fault?: FaultRecord }
  | {
      readonly kind: "run.closed";
      readonly outcome: "done" | "abandoned";
      readonly reason: string;
      readonly fault?: FaultRecord;
    }
  | { readonly kind: "target.identified"; readonly role: Role; readonly identity: TargetIdentity }
  | {
      readonly kind: "guard.judged";
      readonly step: StepKey | null;
      readonly guard: string;
      readonly verdict: GuardVerdict;
      readonly reason: string;
      readonly hint?: string;
    }
  | { readonly kind: "question.asked"; readonly question: Question }
  | {
      readonly kind: "question.answered";
      readonly question: QuestionId;
      readonly step: StepKey;
      readonly answered: Answered;
      readonly by: string;
    }
  /** The template gives way to one step for each of its items, in order; without items it is skipped. Once, before the first of them. */
  | { readonly kind: "step.expanded"; readonly step: StepKey; readonly items: readonly ExpandedItem[] }
  | { readonly kind: "step.checked"; readonly step: StepKey; readonly findings: readonly Finding[] }
  | { readonly kind: "step.previewed"; readonly step: StepKey; readonly preview: Preview }
  | {
      readonly kind: "step.intended";
      readonly step: StepKey;
      readonly attempt: number;
      readonly params: JsonObject;
      readonly recovery: Recovery;
    }
  | { readonly kind: "step.verified"; readonly step: StepKey; readonly findings: readonly Finding[] }
  | {
      readonly kind: "step.ended";
      readonly step: StepKey;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly result?: Json;
      readonly fault?: FaultRecord;
      /** Of a write that failed, where the target could be asked. */
      readonly written?: Written;
      readonly took: number;
    }
  | {
      readonly kind: "step.settled";
      readonly step: StepKey;
      readonly attempt: number;
      readonly finding: SettleFinding;
      readonly evidence: readonly string[];
      readonly result?: Json;
      readonly written?: Written;
      readonly decision: "go-on" | "redo" | "done" | "ask";
    }
  | { readonly kind: "lease.intended"; readonly lease: Lease }
  | { readonly kind: "lease.taken"; readonly lease: LeaseId; readonly facts: Json }
  /** Its hold was changed while it lives (a pin narrowed). */
  | { readonly kind: "lease.changed"; readonly lease: LeaseId; readonly words: string; readonly facts: Json }
  | { readonly kind: "lease.kept"; readonly lease: LeaseId; readonly until: number }
  | { readonly kind: "lease.released"; readonly lease: LeaseId; readonly how: "released" | "was-absent" }
  | { readonly kind: "values.revealed"; readonly what: string; readonly rows: number; readonly by: string }
  | { readonly kind: "note.added"; readonly text: string; readonly by: string }
  | PassingEvent;

/** Of these the journal keeps a sample: at most one a second of each kind and step, and the last. */
export type PassingEvent =
  | { readonly kind: "step.progressed"; readonly step: StepKey; readonly progress: Progress }
  | { readonly kind: "output.printed"; readonly step: StepKey; readonly text: string };

/** An event as the journal holds it: `seq` counts from 1 within the run, `at` is UTC in milliseconds. */
export interface Stamped {
  readonly seq: number;
  readonly at: number;
  readonly event: RunEvent;
}

export function isPassing(event: RunEvent): event is PassingEvent {
  return event.kind === "step.progressed" || event.kind === "output.printed";
}
