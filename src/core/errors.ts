import type { ExitName } from "./exit-codes.ts";

/**
 * What is known of an effect when its call failed.
 * `none`: nothing began. `rolled-back`: the server said so; trying again is safe. `unknown`: nobody knows yet, and only the target can tell.
 */
export type AfterFault = "none" | "rolled-back" | "unknown";

/** An expected failure, JSON-safe: what the journal keeps and every face shows. Never holds a row's value or a secret. */
export interface FaultRecord {
  /** Stable, `HF-AREA-WHAT`. */
  readonly code: string;
  /** One sentence: what happened. */
  readonly message: string;
  /** What is still true (what was kept, what was not begun). */
  readonly still?: string;
  /** What to do next, in the imperative. */
  readonly hint?: string;
  /** Commands that can be pasted as they stand. */
  readonly next?: readonly string[];
  /** Of which step a choice is needed, and what can be had: one for each line of `next`. */
  readonly choices?: OpenChoices;
  /** What it is about, where a program has to know: the table whose constraint refused, `schema.table` unquoted. */
  readonly subject?: string;
  /** The other side's own words, rewritten so that no row's value travels. */
  readonly cause?: string;
  readonly after: AfterFault;
  /** It passes by itself (a lock, a deadlock, a lost connection): trying again may help. */
  readonly passing?: true;
  /** What helps where trying the same again does not: what the hint says is done first; the run is left, or given up. Absent: a retry may. */
  readonly wayOn?: "mend" | "leave" | "abandon";
  /** UTC, milliseconds: no attempt goes out before that. */
  readonly retryAt?: number;
  readonly exit: ExitName;
}

export interface OpenChoices {
  readonly step: string;
  readonly open: readonly { readonly value: string; readonly label: string }[];
}

type FaultDraft = Omit<FaultRecord, "after" | "exit" | "code" | "message"> & { after?: AfterFault; exit?: ExitName };

/** An expected failure: throw it, never log and pass over. Whatever else is thrown is a bug. */
export class Fault extends Error {
  readonly record: FaultRecord;
  constructor(code: string, message: string, draft: FaultDraft = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = "Fault";
    this.record = { code, message, after: "none", exit: "failed", ...draft };
  }
}

/** The record of anything that was thrown; a bug gets the code `HF-BUG` and its message, so that it is never silent. */
export function faultRecord(error: unknown): FaultRecord {
  if (error instanceof Fault) return error.record;
  // Its own words may quote a value (a parser, a schema); they go with its stack into a file, never into a journal.
  const message = `a fault of Holdfast itself (${error instanceof Error ? error.name : typeof error})`;
  return { code: "HF-BUG", message, hint: "This is a fault of Holdfast. Report it.", after: "unknown", exit: "bug" };
}
