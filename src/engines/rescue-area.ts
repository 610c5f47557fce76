import type { RunId } from "../core/ids.ts";
import type { Finding } from "../core/step.ts";
import type { HoldPart, Transaction, Watch } from "./engine.ts";
import type { TableName } from "./inspect.ts";

/** Where recovered rows wait: our own schema on the target, logged, every table with a key of ours (an ordinal in key order). */
export interface RescueArea {
  /** The same for the same run; quoted as the server does. */
  name(run: RunId): string;
  /** Makes the schema and one table per name, columns typed as the table's own, without its constraints. A lease. */
  part(run: RunId, tables: readonly { readonly table: TableName; readonly columns: readonly string[] }[]): HoldPart;
  /** Streams rows (COPY text, in key order) into the area within a marked transaction. */
  fill(
    tx: Transaction,
    run: RunId,
    table: TableName,
    columns: readonly string[],
    rows: NodeJS.ReadableStream,
  ): Promise<Filled>;
  /** Rows that can't be merged as they are: duplicates among themselves, parents missing, another unique key taken. Reads the table: only after `fill`. */
  check(run: RunId, tables: readonly TableName[], watch: Watch): Promise<readonly CheckedTable[]>;
  /** A few rescued rows as text, with today's row of the same key beside them: for the eye only, never for an event. */
  sample(run: RunId, table: TableName, rows: number): Promise<readonly SampleRow[]>;
  /** Notes the keys that a merge would insert and the present version of what it would overwrite. */
  safetyCopy(
    tx: Transaction,
    run: RunId,
    table: TableName,
  ): Promise<{ readonly keys: number; readonly overwritten: number }>;
}

export interface Filled {
  readonly rows: number;
  readonly bytes: number;
  /** Order-independent content digest, as text. */
  readonly digest: string;
}

export interface CheckedTable {
  readonly table: TableName;
  readonly rows: number;
  /** Not in the table now: what a merge will insert, if no other conflict stands against it. */
  readonly missing: number;
  /** There already, equal to the digit. */
  readonly identical: number;
  /** The key is there with other values: made again since; never overwritten. */
  readonly remade: number;
  /** Another unique key is taken by a different row. */
  readonly otherUnique: number;
  /** A parent is neither in its table nor among the rescued rows. */
  readonly orphans: number;
  readonly duplicates: number;
  /** What the merge will insert. */
  readonly willInsert: number;
  readonly findings: readonly Finding[];
}

export interface SampleRow {
  readonly rescued: Readonly<Record<string, string | null>>;
  readonly present: Readonly<Record<string, string | null>> | null;
}
