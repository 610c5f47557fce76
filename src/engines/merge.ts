import type { RunId } from "../core/ids.ts";
import type { Finding } from "../core/step.ts";
import type { Transaction, Watch } from "./engine.ts";
import type { TableName } from "./inspect.ts";
import type { Prepare } from "./marker.ts";
import type { ConflictKind } from "./rescue-area.ts";

export type TriggerMode = "fire" | "skip";

export interface TriggerFact {
  readonly table: TableName;
  readonly name: string;
  /** `AFTER INSERT, calls shop.note_change()`. */
  readonly words: string;
}

export interface MergeTable {
  readonly run: RunId;
  readonly table: TableName;
  readonly triggers: TriggerMode;
  /** The rescued rows are what rows of the table were before: it sets them back. Absent: it inserts what is missing. */
  readonly values?: true;
  /** Conflicts that are written all the same, by their kind; the safety copy was told of them. */
  readonly decided?: readonly ConflictKind[];
  /** Last ordinal of the part that is merged; absent: all that are left. */
  readonly upTo?: number;
}

/** Why a merge can't go that way; absent: it can. */
export interface ClosedModes {
  readonly fire?: string;
  readonly skip?: string;
}

/**
 * The one write. Only what is missing is inserted, and nothing that is there is changed; or, of former values, only rows are set back that are
 * still as the statement left them. What stands against that is written only where it was decided, and where it is as the safety copy has it.
 */
export interface Merge {
  /** User triggers that an INSERT into these tables, or an UPDATE of them, would fire; empty = nobody needs to be asked. */
  triggers(tables: readonly TableName[], effect?: "insert" | "update"): Promise<readonly TriggerFact[]>;
  /** Told before anything is written: what stands against firing them (a circle of foreign keys, …), or against skipping them (a right, …). */
  closedModes(tables: readonly TableName[], effect?: "insert" | "update"): Promise<ClosedModes>;
  /** Parents before children. Where they refer to each other in a circle: a Fault, unless `skip` turns foreign keys off. */
  order(tables: readonly TableName[], triggers?: TriggerMode): Promise<readonly TableName[]>;
  /** What the merge session must be told before BEGIN. */
  prepare(triggers: TriggerMode): Prepare;
  /** Statements as they will run, for the preview. */
  statements(request: MergeTable): Promise<readonly string[]>;
  /**
   * Whether ranges of ordinals may be merged beside each other, each by a session of its own. Not where the order of rows means anything:
   * parents among them, triggers of the user that fire.
   */
  divisible(request: MergeTable): Promise<boolean>;
  /**
   * Rows after ordinal `after` up to `after + size`; done when none is left. Retried safely when it says `rolled-back`. Of `decided` a kind that
   * this table can't have is passed over; what was noted as removed since stays out unless that is among them. Where the merge turns the
   * server's own checks off, it looks for parents, and for what names a key that would go, by itself.
   */
  batch(tx: Transaction, request: MergeTable, after: number, size: number): Promise<MergedBatch>;
  /** Sequences behind the table's columns, forward only. */
  sequences(
    tx: Transaction,
    request: MergeTable,
  ): Promise<readonly { readonly sequence: string; readonly from: string; readonly to: string }[]>;
  /** Exact, by anti-join against the rescue area. */
  verify(run: RunId, tables: readonly TableName[], watch: Watch): Promise<readonly VerifiedTable[]>;
}

/** `inserted`: rows that it wrote; `left`: those that it left out. */
export interface MergedBatch {
  readonly upTo: number;
  readonly inserted: number;
  readonly left: number;
  readonly done: boolean;
}

export interface VerifiedTable {
  readonly table: TableName;
  readonly rescued: number;
  /** In the table now, equal to the digit. */
  readonly equal: number;
  /** In the table with other values (made again, or changed by triggers or traffic since). */
  readonly different: number;
  /** Of those: the merge left them out, since their key was used again. The rescued values are in no table. */
  readonly remade: number;
  /** Still not there, each with a reason in the findings. */
  readonly absent: number;
  readonly findings: readonly Finding[];
}
