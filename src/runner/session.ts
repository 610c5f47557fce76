import type { ExitName } from "../core/exit-codes.ts";
import type { Stamped } from "../core/event.ts";
import type { FaultRecord } from "../core/errors.ts";
import type { QuestionId, RunId, StepKey } from "../core/ids.ts";
import type { Answer } from "../core/question.ts";
import type { RunState } from "../core/run-state.ts";
import type { RevealedRow } from "../core/step.ts";

export type Unsubscribe = () => void;

/** How a run left this process. The journal holds the rest. */
export interface RunEnd {
  readonly exit: ExitName;
  readonly state: RunState;
  readonly fault?: FaultRecord;
  /** A fault of Holdfast itself, whole: for a file with its stack, never for a journal or a screen. */
  readonly bug?: unknown;
}

/**
 * One run, as a face sees it: a snapshot that changes by events, and the few things a person can do. Faces hold no state of a run.
 * `answer` to a question that is no longer asked is ignored.
 */
export interface Session {
  readonly run: RunId;
  /** Immutable; another object after every event, so it can be compared by identity. */
  readonly state: RunState;
  subscribe(listener: () => void): Unsubscribe;
  /** Every event as it is journaled (or passes), in order, from the moment of subscribing. */
  events(listener: (stamped: Stamped) => void): Unsubscribe;
  answer(question: QuestionId, answer: Answer): void;
  /** Stops at the next safe point: after the current batch. */
  pause(reason: string): void;
  /** Cancels the running statement; the step's outcome is then unknown until settled. */
  cancel(): void;
  note(text: string): void;
  /** Gives the leases back and closes the run; what was written stays written. */
  abandon(reason: string): void;
  /** The step has rows to show, its target is connected, and a question waits: nothing of the run is in the air meanwhile. */
  canReveal(step: StepKey): boolean;
  /**
   * Row values for the eye; that they were shown is journaled, the values never are. Empty where there is nothing to show. An answer that is
   * given meanwhile counts once they are read.
   */
  reveal(step: StepKey): Promise<readonly RevealedRow[]>;
  /** Settles when this process has let go of the run. Never rejects. */
  readonly ended: Promise<RunEnd>;
}

/** Of the steps that have rows to show the newest; rows that are about one decision are shown while that is being made. */
export function newestToShow(session: Session): StepKey | null {
  const { steps, question } = session.state;
  const keys = steps
    .filter(({ status, step }) => status === "done" && (step.choose === undefined || step.key === question?.step))
    .map(({ step }) => step.key);
  return keys.findLast((key) => session.canReveal(key)) ?? null;
}
