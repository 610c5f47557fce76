import type { Clock } from "../core/clock.ts";
import type { GuardVerdict } from "../core/event.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { RunState } from "../core/run-state.ts";

export interface Verdict {
  readonly verdict: GuardVerdict;
  readonly reason: string;
  readonly hint?: string;
}

/** What a guard may look at. It changes nothing. */
export interface GuardView {
  readonly state: RunState;
  readonly step: PlannedStep;
  readonly clock: Clock;
  readonly policy: GuardPolicy;
  /** Free share of the disk that holds the folder, 0 to 1, and its free bytes. */
  freeDisk(folder: string): Promise<{ readonly share: number; readonly bytes: number }>;
  readText(file: string): Promise<string | null>;
  /** The target lock, asked of the server. */
  lockHeld(): Promise<boolean>;
}

export interface GuardPolicy {
  readonly stopFile: string;
  readonly folders: readonly string[];
  readonly minFreeDisk: number;
  readonly ticket: "required" | "optional" | "none";
}

/**
 * Policy that gives a verdict before a step; one that can't be evaluated (it throws) denies. `before`: which effects it stands in front of.
 * In a sandbox a guard with `sandbox: 'skipped'` is not asked: it is said and journaled as skipped.
 */
export interface Guard {
  readonly name: string;
  readonly summary: string;
  readonly before: readonly PlannedStep["effect"][];
  readonly sandbox: "skipped" | "asked";
  /** Looked at again while a step runs, each second. */
  readonly watched: boolean;
  judge(view: GuardView): Promise<Verdict>;
}
