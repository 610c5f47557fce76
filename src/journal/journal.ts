import type { Environment, Purpose } from "../core/effect.ts";
import type { RunEvent, Stamped } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import type { PayloadRef } from "../core/step.ts";

/** One row of a list of runs, made from the journal alone: no server is asked. */
export interface RunSummary {
  readonly run: RunId;
  readonly short: string;
  readonly runbook: string;
  readonly title: string;
  readonly target: string;
  readonly database: string;
  readonly environment: Environment;
  readonly purpose: Purpose;
  readonly operator: string;
  readonly openedAt: number;
  readonly lastAt: number;
  /** As the events say; `open` with `driven: false` means that its process is gone. */
  readonly status: "open" | "paused" | "done" | "abandoned";
  /** A living process holds the run lock. */
  readonly driven: boolean;
  /** `merge`, the step where it stands, with its number and the count of steps; null when closed. */
  readonly at: {
    readonly step: string;
    readonly number: number;
    readonly of: number;
    readonly unknown: boolean;
  } | null;
}

export interface VerifyReport {
  readonly intact: boolean;
  readonly runs: number;
  readonly events: number;
  /** The first entry that does not hold: which run (or `ledger`), which `seq` (or line of the ledger), and what is wrong with it. */
  readonly firstBad: { readonly run: RunId; readonly seq: number; readonly what: string } | null;
  /** Short code of the ledger's newest line, to be written down elsewhere: it stands for every line up to there. */
  readonly head: string;
  /** Only where one that was written down before was asked about: its line in the ledger; null when the ledger has none such. */
  readonly noted?: { readonly line: number | null; readonly of: number };
}

/**
 * The journal of one account. Reading needs no lock and never writes. Errors are Faults with `HF-JOURNAL-…` codes and the exit `journal`;
 * none of the calls may be retried blindly.
 */
export interface Journal {
  /** To be named, not read: where this process opens and closes it by other means, the operating system drops SQLite's locks on it. */
  readonly file: string;
  runs(): readonly RunSummary[];
  /** Runs whose id or short id begins so (case does not matter), newest first. */
  find(text: string): readonly RunId[];
  read(run: RunId): readonly Stamped[];
  /** Appends `run.opened` and gives the run lock to this process. */
  open(opened: Extract<RunEvent, { kind: "run.opened" }>): RunJournal;
  /** Takes the run lock, then proves the run's chain. Busy: Fault `HF-RUN-BUSY` (exit `busy`). Broken chain: `HF-JOURNAL-BROKEN`. */
  take(run: RunId): RunJournal;
  /** `head`: as an earlier report gave it. A ledger without it was cut, or replaced as a whole: not intact. */
  verify(run?: RunId, head?: string): VerifyReport;
  payload(run: RunId, ref: PayloadRef): Uint8Array | null;
  close(): void;
}

/** One run, while this process holds its lock. */
export interface RunJournal {
  readonly run: RunId;
  /**
   * Durable when it returns: one transaction, one sync, in the order given. Stamps come from the clock that the journal was made with.
   * `passing` batches (progress, output) are sampled, and may be synced later, with the next call that is not; of those that are not kept
   * the stamp repeats the newest `seq`. What has happened is written even on a full disk, once; `HF-JOURNAL-FULL` then refuses what begins.
   */
  append(events: readonly RunEvent[], how?: "durable" | "passing"): readonly Stamped[];
  /** Hash of the newest event. */
  head(): string;
  /** Erasable bytes beside the chain, salted; the event that names them holds only the digest. */
  storePayload(what: string, bytes: Uint8Array): PayloadRef;
  erasePayload(ref: PayloadRef): void;
  /** Gives the run lock back; the run stays as its events say. Idempotent. */
  release(): void;
}
