import type { RunId } from "../../src/core/ids.ts";
import type { Engine, Transaction } from "../../src/engines/engine.ts";
import type { TableName } from "../../src/engines/inspect.ts";
import type { MarkerRow } from "../../src/engines/marker.ts";

/** One disposable server that the suites of `test/contract` run against; each engine brings its own. */
export interface Bench {
  readonly run: RunId;
  readonly otherRun: RunId;
  /** A fresh session, of `run` and `ops@bastion` unless said otherwise. The suite closes it. */
  connect(as?: { readonly run?: RunId; readonly person?: string }): Promise<Engine>;
  /**
   * Makes `parent` (key `id`, text `note`) with `rows` rows, id 1 and up, and `child` with one row for each, which refers to it
   * and is deleted with it; then a committed DELETE takes the parents 1 to `taken` and what hangs on them. Notes hold quotes,
   * tabs, line ends, backslashes and nulls.
   */
  incident(size: IncidentSize): Promise<Incident>;
  /** Makes a table within this transaction, as careless work would; absent where the engine knows no such thing. */
  defineTable?(tx: Transaction): Promise<void>;
  /** Ends the session that holds the target lock, from outside, and no other. */
  endLockSession(): Promise<void>;
  close(): Promise<void>;
}

export interface IncidentSize {
  readonly rows: number;
  readonly taken: number;
  /** What is done when the tables are filled, before the accident. */
  readonly before?: () => Promise<void>;
}

export interface Incident {
  readonly table: TableName;
  readonly child: TableName;
  /** Parents and their children. */
  readonly taken: number;
  /** Adds a parent row with this id and other values, as traffic would. */
  remake(id: number): Promise<void>;
  /** Deletes a parent row, as traffic would. */
  remove(id: number): Promise<void>;
  /** Vacuums both tables, as the server would by itself. */
  vacuum(): Promise<void>;
  /** All rows of both tables as text, in key order: what the server says now. */
  content(): Promise<readonly string[]>;
  /** The same before the DELETE. */
  readonly before: readonly string[];
}

/** Values that a careless transport would change. */
export const nasty = [
  "plain",
  "it's",
  'say "no"',
  "tab\there",
  "line\nend",
  "back\\slash",
  "\\N",
  "",
  null,
  "grüße",
] as const;

export type MakeBench = () => Promise<Bench>;

/** What a call that is not of interest here may tell. */
export function unwatched() {
  const none = new AbortController().signal;
  return { progress: () => undefined, output: () => undefined, pausing: none, signal: none };
}

/** A capability that the suite is about; an engine without it should not be given to the suite. */
export function offered<T>(capability: T | undefined): T {
  if (capability === undefined) throw new Error("this engine does not offer what the suite is about");
  return capability;
}

export function claimOf(
  run: RunId,
  key: string,
): { run: RunId; key: string; planDigest: string; intentDigest: string } {
  return { run, key, planDigest: "a".repeat(64), intentDigest: "b".repeat(64) };
}

export function keysOf(rows: readonly MarkerRow[]): readonly string[] {
  return rows.map((row) => row.key).toSorted();
}
