import type { RunId } from "../core/ids.ts";
import type { Finding } from "../core/step.ts";
import type { HoldPart, Transaction, Watch } from "./engine.ts";
import type { Replaced, RowKeyText } from "./evidence.ts";
import type { TableName } from "./inspect.ts";

/** Where recovered rows wait: our own schema on the target, logged, every table with a key of ours (an ordinal in key order). */
export interface RescueArea {
  /** The same for the same run; quoted as the server does. */
  name(run: RunId): string;
  /** Where the same rows are written once more, in files on this machine; absent where no files are. */
  folder?(run: RunId): string;
  /** Makes the schema and one table per name, columns typed as the table's own, without its constraints. A lease. */
  part(run: RunId, tables: readonly AreaWanted[]): HoldPart;
  /** Streams rows (COPY text, in key order) into the area within a marked transaction. */
  fill(
    tx: Transaction,
    run: RunId,
    table: TableName,
    columns: readonly string[],
    rows: NodeJS.ReadableStream,
  ): Promise<Filled>;
  /**
   * Streams rows of another path (COPY text) into the area within a marked transaction, and keeps of them what is not there: by the table's
   * key or, without one, by the whole row. Where a row of one key is there with other values it stays as it is, or gives way. Makes a place
   * for a table that the area lacks.
   */
  add(
    tx: Transaction,
    run: RunId,
    table: TableName,
    columns: readonly string[],
    rows: NodeJS.ReadableStream,
    differing: "stays" | "gives-way",
  ): Promise<Added>;
  /**
   * After `fill` and `add`, before `check`: notes which of the rescued rows have one of these keys (by the key that tells the table's rows
   * apart, as `removedSince` gives them), from empty each time; gives how many. Without a key it is none. A merge leaves them out, unless
   * `removed-since` was decided.
   */
  noteRemoved(tx: Transaction, run: RunId, table: TableName, keys: readonly RowKeyText[]): Promise<number>;
  /**
   * Rows that can't be merged as they are: duplicates among themselves, parents missing, another unique key taken. Reads the table: only
   * after `fill`. `decided`: of those removed since it is known that they are put in; they count as such, and so does what waits for them.
   */
  check(
    run: RunId,
    tables: readonly TableName[],
    watch: Watch,
    decided?: readonly ConflictKind[],
  ): Promise<readonly CheckedTable[]>;
  /**
   * A few rescued rows as text, with today's row of the same key beside them: for the eye only, never for an event. `conflict`: of those in
   * conflict of this kind the first, each with the row that stands against it.
   */
  sample(run: RunId, table: TableName, rows: number, conflict?: ConflictKind): Promise<readonly SampleRow[]>;
  /**
   * Notes the keys that a merge would insert and the present version of what it would overwrite; `decided` as for the merge. What is there now
   * and is left alone counts as removed since, should it go before the merge comes to it.
   */
  safetyCopy(
    tx: Transaction,
    run: RunId,
    table: TableName,
    decided?: readonly ConflictKind[],
  ): Promise<{ readonly keys: number; readonly overwritten: number }>;
}

/**
 * What a merge leaves as it is, and could write all the same: a person decides, one kind at a time. `remade`: rows that were taken, whose key
 * is there again with other values; `removed-since`: those whose key was made again and is gone again. The others are of former values: rows that somebody changed since, rows whose key the statement itself
 * changed, rows that are not there any more.
 */
export type ConflictKind = (typeof conflictKinds)[number];
export const conflictKinds = ["remade", "removed-since", "changed-since", "key-changed", "gone"] as const;

export interface AreaWanted {
  readonly table: TableName;
  readonly columns: readonly string[];
  /** Of what rows were before: each comes with the place of the version that replaced it. */
  readonly values?: Replaced;
}

export interface Filled {
  readonly rows: number;
  readonly bytes: number;
  /** Order-independent content digest, as text. */
  readonly digest: string;
}

/** `rows`, `bytes` and `digest` are of all that the area has of the table now. */
export interface Added extends Filled {
  /** Of the rows that came: new ones, which were added; the others were there. */
  readonly added: number;
  readonly there: number;
  /** Of those there: they came with other values than the area had. */
  readonly differing: number;
}

export interface CheckedTable {
  readonly table: TableName;
  readonly rows: number;
  /** Not in the table now: what a merge will insert, if no other conflict stands against it. */
  readonly missing: number;
  /** There already, equal to the digit. */
  readonly identical: number;
  /** The key is there with other values: made again since; overwritten only where that was decided. */
  readonly remade: number;
  /** The key was made again since and is gone again: left out, unless that was decided. */
  readonly removedSince: number;
  /** Another unique key is taken by a different row. */
  readonly otherUnique: number;
  /** A parent is neither in its table nor among the rescued rows. */
  readonly orphans: number;
  readonly duplicates: number;
  /** What the merge will insert. */
  readonly willInsert: number;
  /** Where the rescued rows are what rows of the table were before; absent: they were taken from it. */
  readonly values?: CheckedValues;
  readonly findings: readonly Finding[];
}

/** What became of the rows that the statement changed. Those that are as they were before count as identical. */
export interface CheckedValues {
  /** Not changed since: the merge sets them back. */
  readonly willSet: number;
  /** Changed by somebody since. */
  readonly changedSince: number;
  /** The statement changed their key itself. */
  readonly keyChanged: number;
  /** Deleted since, or under another key by now. */
  readonly gone: number;
  /** The statement changed what the server alone can write: they stay as they are, whatever was decided. Absent: none. */
  readonly fixed?: number;
}

export interface SampleRow {
  readonly rescued: Readonly<Record<string, string | null>>;
  readonly present: Readonly<Record<string, string | null>> | null;
}
