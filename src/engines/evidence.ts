import type { RunId } from "../core/ids.ts";
import type { LeaseState } from "../core/run-state.ts";
import type { Json } from "../core/json.ts";
import type { Finding } from "../core/step.ts";
import type { HoldPart, Watch } from "./engine.ts";
import type { TableFact, TableName } from "./inspect.ts";

/** The table and what its foreign keys reach, from the catalogue alone. */
export interface Examination {
  readonly table: TableName;
  /** The table first, then those that a delete in it cascades to or that refer to it. */
  readonly tables: readonly (TableFact & { readonly why: string })[];
  readonly findings: readonly Finding[];
  /** Who keeps the lost rows now by accident, and so must not be ended before the hold stands; absent where nobody can. */
  readonly holders?: readonly string[];
}

export interface FreezeOptions {
  readonly run: RunId;
  /** Takes an exclusive lock on the table too: an outage for it, and the only airtight stop for reads. */
  readonly lockTable: boolean;
}

/**
 * One transaction, or several that belong together, that took rows away: by DELETE, or with the table's whole file (`rewrite`: TRUNCATE,
 * VACUUM FULL, …; `drop`); or, with `values`, that changed rows which are still there. Counts come from the evidence, never from the table.
 */
export interface Statement {
  /** How it is chosen: transaction ids joined by `+`, `open:<pid>`, … */
  readonly value: string;
  /** `missing`: none that anybody knows; it stands for all rows that a dump has and the tables lack. */
  readonly kind: "one" | "group" | "open" | "prepared" | "rewrite" | "drop" | "missing";
  /** What it is about are the rows that it updated, and what comes back is what they were before; absent: those that it took. */
  readonly values?: true;
  /** Full transaction ids (64 bit) as text, with their committed subtransactions beside them. */
  readonly transactions: readonly string[];
  readonly subtransactions: readonly string[];
  /** Of a group: the transaction of each of `subtransactions`, in their order. */
  readonly parents?: readonly string[];
  /** Where the commit of each transaction lies in the server's log, in their order; absent where that is not known. */
  readonly positions?: readonly string[];
  /** When it committed, or an open one began, as the server wrote it (UTC, microseconds); null where the server does not know. */
  readonly at: string | null;
  readonly until: string | null;
  readonly rows: number;
  /** Where the evidence tells no exact number: it took `rows` at least, and so many at most. Absent where that would be the same. */
  readonly most?: number;
  /** Also those of which nobody can tell whether it took a row: `rows` is 0 there, and `most` is not. */
  readonly tables: readonly { readonly table: TableName; readonly rows: number; readonly most?: number }[];
  /** How sure the set of transactions is, in words; empty when nothing is in doubt. */
  readonly doubts: readonly string[];
  /** What was cleaned up before anybody looked, and may have been of this statement, in words; absent where its numbers are known to be whole. */
  readonly uncounted?: string;
  /** Who: application, user, pid, where the server still knows. */
  readonly who: string | null;
}

export interface StatementSearch {
  readonly table: TableName;
  readonly tables: readonly TableName[];
  readonly statements: readonly Statement[];
  /**
   * The oldest transaction seen in the tables, committed or open, that took rows, with its subtransactions: whether or not it lies in
   * the span asked for or is listed. Null where none did. What it and all later ones took must stay held until one is chosen.
   */
  readonly oldest: string | null;
  /** Of the pages read: versions that are already pruned away and can't come back this way. */
  readonly pruned: number;
  readonly pagesRead: number;
  readonly findings: readonly Finding[];
  /** A backup is named for the target: the log since then was searched too, unless a finding says why not. */
  readonly hasBackup?: boolean;
}

/** A way back. Closed ones stay in the list with the reason and what would open them. */
export interface PathOption {
  readonly path: string;
  readonly label: string;
  readonly feasible: boolean;
  /** Why it is closed, or what makes it the better one. */
  readonly why: string;
  readonly opensWith?: string;
  readonly takesMs: number | null;
  readonly rows: number | null;
  readonly loses: string;
  readonly needs: readonly string[];
  /** False where nothing has to be rescued and merged: ending an open transaction brings the rows back by itself. */
  readonly rescues: boolean;
  readonly recommended: boolean;
}

/** What came back of one table. `rows` = versions handed out; the rest is counted, never guessed. */
export interface RecoveredTable {
  readonly table: TableName;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly updated: number;
  readonly moved: number;
  readonly own: number;
  readonly unknown: number;
  /** Rows that the statement took, as the evidence proves, and that this path can't hand out; absent where the evidence can't tell. */
  readonly lost?: number;
  /** Of a group: versions of rows that it took again later, when somebody had put them back; only the newest is among the rows. Absent: none. */
  readonly older?: number;
  /** How many of the rows came from where: the name of a path each. Absent: all from the path that was asked. */
  readonly from?: Readonly<Record<string, number>>;
  /** About how many bytes its rows take as text, where that is known before they are moved. */
  readonly bytes?: number;
  /** Its rows are what rows of the table were before the statement changed them; absent: they were taken from it. */
  readonly values?: Replaced;
}

/** How the versions that replaced the recovered ones are known: by their place in the table's file, and by who made them. */
export interface Replaced {
  /** The table's file when the evidence was read, as the engine names it: in another one the places mean nothing. */
  readonly file: string;
  /** The statement's own transactions and what belongs to them, as the engine writes them on a row. */
  readonly makers: readonly string[];
}

/** Rows on their way from the evidence into a rescue area. Close it when done; it gives no lease back. */
export interface Recovered {
  readonly tables: readonly RecoveredTable[];
  /**
   * Row text in the server's own COPY format, in ascending order of the key; may be read again. Of a table with `values` each line begins
   * with one more field: the place of the version that replaced the row, as the engine writes it.
   */
  rows(table: TableName): Promise<NodeJS.ReadableStream>;
  close(): Promise<void>;
}

/** The evidence of lost rows. Nothing here reads a damaged table by SQL, unless its rows are named one by one and held, as a path may do. */
export interface Evidence {
  readonly traits: { readonly readsDestroy: boolean; readonly heldBy: "pin" | "copy" | "nothing" };
  examine(table: TableName): Promise<Examination>;
  /** In order; the first keeps the rows and must be taken before anything else looks at the server. */
  freeze(table: TableName, options: FreezeOptions): Promise<readonly HoldPart[]>;
  /** Asks the server whether each hold still holds; a lost one is a finding `stop`. */
  held(leases: readonly LeaseState[]): Promise<readonly Finding[]>;
  search(query: StatementQuery, watch: Watch): Promise<StatementSearch>;
  /** Moves the pins forward to the search's `oldest`, and no further; gives what changed of which lease. */
  narrow(leases: readonly LeaseState[], search: StatementSearch): Promise<readonly ChangedLease[]>;
  /**
   * What is given back early, and why: once `rescued` rows are durable, what only another try would need; before that, what has come
   * to its limit. Absent: nothing ever is.
   */
  spent?(leases: readonly LeaseState[], rescued: boolean): Promise<readonly ChangedLease[]>;
  /** `named`: a path that will be taken, if it is open; what takes long to count of the others is left for when it is asked for. */
  paths(statement: Statement, watch: Watch, named?: string): Promise<readonly PathOption[]>;
  /** Counts exactly what the path would hand out, without a write on the target; scratch space on this machine is allowed. */
  count(statement: Statement, path: string, watch: Watch): Promise<readonly RecoveredTable[]>;
  /** What the recovery makes for the while, in order: a scratch server on this machine, an extension on the target. */
  recoveryParts(statement: Statement, path: string, run: RunId): Promise<readonly HoldPart[]>;
  /**
   * Begins what `recover` will do, after its parts were taken, and returns at once; once more is nothing. `recover` then waits for it, and
   * throws what came of it; a pause ends the waiting with its reason. It ends with the parts, with the connection and with the process:
   * whoever recovers after that begins anew. Absent, or nothing done: the path is fast enough to be begun when it is needed.
   */
  begin?(statement: Statement, path: string, run: RunId, watch: Watch): void;
  /** After its parts were taken. */
  recover(statement: Statement, path: string, run: RunId, watch: Watch): Promise<Recovered>;
  /**
   * Keys of rows that somebody made again after the statement and deleted again, as text in the order of the key's columns: to put back the
   * rows that the statement took under them would undo a deletion that was meant. Whatever can't be told is left out. Absent: never told.
   */
  removedSince?(statement: Statement, table: TableName, watch: Watch): Promise<readonly RowKeyText[]>;
  /** Ends another's transaction (an effect of its own); what it was doing, for the record. */
  cancel(statement: Statement): Promise<{ readonly ended: string }>;
  /** Asks the server now, whatever the statement said when it was found: `open` while any of it is, `aborted` when none of it stands. */
  fate(statement: Statement): Promise<Fate>;
}

/** A row's key as the server writes its values, in the order of the key's columns. */
export type RowKeyText = readonly string[];

/** What became of a transaction; `unknown` where the server keeps its end no longer. */
export type Fate = "open" | "aborted" | "committed" | "unknown";

export interface StatementQuery {
  readonly table: TableName;
  readonly tables: readonly TableName[];
  /** RFC 3339 instants. */
  readonly since?: string;
  readonly until?: string;
}

/** `release`: it has done its work and is given back now. */
export interface ChangedLease {
  readonly release?: true;
  readonly lease: string;
  readonly words: string;
  readonly facts: Json;
}
