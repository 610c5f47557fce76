import { Fault, faultRecord, type FaultRecord } from "../core/errors.ts";
import type { ExitName } from "../core/exit-codes.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { StepKey } from "../core/ids.ts";
import type { Answer, Question } from "../core/question.ts";
import type { Preview } from "../core/step.ts";
import type { Role } from "../core/target.ts";
import type { Action } from "../actions/action.ts";
import type { Engine } from "../engines/engine.ts";
import type { RunJournal } from "../journal/journal.ts";
import type { RunnerParts } from "./parts.ts";
import type { RunLog } from "./run-log.ts";

/** How this process drives a run. What is true of the run itself is in `log.state`; nothing here outlives the process. */
export interface Driver {
  readonly parts: RunnerParts;
  readonly log: RunLog;
  readonly journal: RunJournal;
  readonly interactive: boolean;
  readonly yesSandbox: boolean;
  readonly engines: Map<Role, Engine>;
  /** Confirmed in this process: the preview that was, and when (monotonic). A kill forgets it, as it must. */
  readonly confirmed: Map<StepKey, Confirmed>;
  /** What was thrown that no Fault foresaw; its stack is for a file. */
  readonly bugs: unknown[];
  /** `step#attempt` that failed under the eyes of this process. */
  readonly failedHere: Set<string>;
  /** Steps that this process has tried: what another one found may be out of date. */
  readonly triedHere: Set<StepKey>;
  readonly pausing: AbortController;
  readonly signal: AbortController;
  readonly wait: (question: Question) => Promise<Answer | "lapsed">;
}

export interface Confirmed {
  readonly preview: Preview;
  readonly at: number;
}

/** The record of what was thrown; a bug is kept whole beside it. */
export function known(driver: Driver, error: unknown): FaultRecord {
  if (!(error instanceof Fault)) driver.bugs.push(error);
  return faultRecord(error);
}

/** Ends this process's part of a run; the run stays open and can be resumed. Not a failure. */
export class Paused extends Error {
  readonly reason: string;
  readonly exit: ExitName;
  constructor(reason: string, exit: ExitName = "paused") {
    super(reason);
    this.name = "Paused";
    this.reason = reason;
    this.exit = exit;
  }
}

/** The operator gave the run up; what `abandon` hands to the signal as its reason. */
export class Abandoned extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.name = "Abandoned";
    this.reason = reason;
  }
}

/** Nothing new is begun once somebody asked for a pause, or gave the run up. */
export function stopIfPausing({ pausing: { signal } }: Driver): void {
  if (signal.aborted) throw pauseReason(signal);
}

/** Why it was aborted, as what ends the run's part in this process. */
export function pauseReason({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Paused(String(reason));
}

export function actionOf(driver: Driver, step: PlannedStep): Action {
  const found = driver.parts.actions.find((action) => action.name === step.action);
  if (found) return found;
  throw new Fault("HF-ACTION-UNKNOWN", `the frozen plan names an action that this version lacks: ${step.action}`, {
    exit: "input",
    still: "Nothing was done in this step.",
    hint: "Resume with the version of Holdfast that began the run (the journal names it).",
  });
}

export function engineOf(driver: Driver, role: Role): Engine {
  const engine = driver.engines.get(role);
  if (engine) return engine;
  throw new Error(`no target is connected for the role ${role}`);
}

export function isDryRun(driver: Driver): boolean {
  return driver.log.state.purpose === "dry-run";
}
