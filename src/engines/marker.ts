import type { RunId } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type { Transaction } from "./engine.ts";

/** Binds an effect to the run, the step (with the item where there is one), the plan and the intent that led to it. */
export interface Claim {
  readonly run: RunId;
  /** `merge`, `merge:public.orders`: never a row's value; the same for every attempt. */
  readonly key: string;
  readonly planDigest: string;
  readonly intentDigest: string;
}

export interface MarkerRow {
  readonly key: string;
  readonly planDigest: string;
  readonly intentDigest: string;
  readonly cursor: Json;
  readonly result: Json;
  readonly done: boolean;
  readonly at: string;
}

/** One batch of a long effect. `cursor` holds an ordinal, never a key. */
export interface Batch {
  readonly cursor: Json;
  readonly done: boolean;
  /** Sums so far, over all batches: kept in the marker row, so a resume has them back. */
  readonly result: Json;
}

/**
 * Our table on the target that proves effects. The marker row is the first statement of the same transaction as the effect; the
 * transaction runs only while the target lock is ours, and COMMIT only if it is still the transaction that was opened.
 * A lost connection around COMMIT is a Fault with `after: 'unknown'`; calling again with the same claim is always safe.
 * A marker of another plan: Fault `HF-MARKER-FOREIGN`, nothing is done.
 */
export interface Marker {
  state(): Promise<{ readonly kind: "present" | "absent" } | { readonly kind: "barred"; readonly why: string }>;
  /** Makes the table and its installation row; idempotent; permanent. */
  create(): Promise<void>;
  /** Markers of the run whose key is `key` or begins with `key` and a colon. Empty when there is no table. */
  read(run: RunId, key: string): Promise<readonly MarkerRow[]>;
  /** Runs `work` once, ever; a later call gives the result that is kept in the marker. */
  once<R extends Json>(claim: Claim, work: (tx: Transaction) => Promise<R>, prepare?: Prepare): Promise<R>;
  /** Cancels the statement that `once` or `advance` is running now, on the server; nothing runs: does nothing. */
  cancel(): Promise<void>;
  /** One batch in one transaction: the cursor so far in (null at first), the new one out. Done already: returned as it stands. */
  advance(
    claim: Claim,
    work: (tx: Transaction, before: Batch | null) => Promise<Batch>,
    prepare?: Prepare,
  ): Promise<Batch>;
}

/** Settings for the session, before BEGIN, on each fresh connection: `{ session_replication_role: "replica" }`. */
export type Prepare = Readonly<Record<string, string>>;
