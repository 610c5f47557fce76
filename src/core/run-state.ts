import type { Purpose } from "./effect.ts";
import type { FaultRecord } from "./errors.ts";
import type { GuardVerdict, Person, RunWishes, SettleFinding } from "./event.ts";
import type { RunId, StepKey } from "./ids.ts";
import type { Json } from "./json.ts";
import type { Lease } from "./lease.ts";
import type { Plan, PlannedStep } from "./plan.ts";
import type { Question } from "./question.ts";
import type { Finding, Preview, Progress, Written } from "./step.ts";
import type { Role, TargetIdentity } from "./target.ts";

/**
 * `unknown` is an intent without an outcome: neither done nor failed, until the target has been asked. `stopped` was begun, and the target
 * was asked: part of it is done and stays, and it goes on from there.
 */
export type StepStatus =
  "todo" | "checking" | "waiting" | "running" | "stopped" | "done" | "skipped" | "failed" | "unknown";

export interface StepState {
  readonly step: PlannedStep;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly startedAt?: number;
  /** Milliseconds, over all attempts that ended. */
  readonly took: number;
  readonly findings: readonly Finding[];
  readonly preview?: Preview;
  readonly verified: readonly Finding[];
  readonly result?: Json;
  /** `by`: who chose it; `default` where nobody was asked. */
  readonly choice?: { readonly value: string; readonly label: string; readonly data: Json; readonly by: string };
  readonly fault?: FaultRecord;
  readonly progress?: Progress & { readonly at: number; readonly since: number; readonly from: number };
  /** As of the attempt after which the target was asked. */
  readonly written?: Written & { readonly attempt: number };
  /** About when the process died that was at it, until it begins again. */
  readonly killedAt?: number;
  readonly settled?: { readonly finding: SettleFinding; readonly evidence: readonly string[] };
}

export type LeaseStatus = "intended" | "taken" | "kept" | "released";
export interface LeaseState {
  readonly lease: Lease;
  readonly status: LeaseStatus;
  readonly facts: Json;
  /** Since when it is there, or perhaps there. */
  readonly since?: number;
  readonly keptUntil?: number;
}

export interface JudgedGuard {
  readonly step: StepKey | null;
  readonly guard: string;
  readonly verdict: GuardVerdict;
  readonly reason: string;
  readonly hint?: string;
}

export interface OutputLine {
  readonly at: number;
  readonly step: StepKey;
  readonly text: string;
}

export interface RunState {
  readonly run: RunId;
  readonly plan: Plan;
  readonly purpose: Purpose;
  readonly openedBy: Person;
  readonly person: Person;
  readonly version: string;
  readonly wishes: RunWishes;
  readonly openedAt: number;
  readonly lastAt: number;
  readonly seq: number;
  /** `open` says nothing of a living process: the run lock does. */
  readonly status: "open" | "paused" | "done" | "abandoned";
  readonly reason: string;
  readonly resumes: number;
  readonly identities: Readonly<Record<Role, TargetIdentity>>;
  readonly guards: readonly JudgedGuard[];
  readonly steps: readonly StepState[];
  readonly question: Question | null;
  readonly leases: readonly LeaseState[];
  readonly notes: readonly { readonly at: number; readonly by: string; readonly text: string }[];
  /** The newest lines, at most `outputKept`. */
  readonly output: readonly OutputLine[];
}

export const outputKept = 200;

export function stepOf(state: RunState, key: StepKey): StepState {
  const found = state.steps.find((step) => step.step.key === key);
  if (!found) throw new Error(`the plan has no step ${key}`);
  return found;
}

/** The step that the run is at: the first that has not ended well. */
export function currentStep(state: RunState): StepState | null {
  return state.steps.find((step) => !isSettled(step)) ?? null;
}

/** Done with everything that it needs, its choice included. */
export function isSettled(step: StepState): boolean {
  if (step.status === "skipped") return true;
  return step.status === "done" && (step.step.choose === undefined || step.choice !== undefined);
}

/** What it is while no process is at it: what was in the air is unknown, what was only looked at is what it was before. */
export function atRest(step: StepState): StepState {
  if (step.status === "running") return { ...step, status: "unknown" };
  if (step.status !== "checking" && step.status !== "waiting") return step;
  if (step.fault !== undefined) return { ...step, status: "failed" };
  return { ...step, status: isPartlyDone(step) ? "stopped" : "todo" };
}

function isPartlyDone({ written, settled }: StepState): boolean {
  if (written !== undefined) return written.done > 0;
  return settled?.finding === "partial" || settled?.finding === "done";
}

/** Whether `written` is all that it has written, and not only the least. */
export function isCounted({ status, attempt, written }: StepState): boolean {
  return written?.attempt === attempt && status !== "running" && status !== "unknown";
}

/** Taken, or perhaps taken: what the run still has to give back. */
export function openLeases(state: RunState): readonly LeaseState[] {
  return state.leases.filter((lease) => lease.status === "intended" || lease.status === "taken");
}

export function isClosed(state: RunState): boolean {
  return state.status === "done" || state.status === "abandoned";
}
