import { randomBytes } from "node:crypto";
import type { RunId } from "../../core/ids.ts";
import type { Json } from "../../core/json.ts";
import type { TableName } from "../inspect.ts";
import type { MarkerRow } from "../marker.ts";

/** Values are text or null, as a server writes them out. */
export type Row = Readonly<Record<string, string | null>>;

export interface TableDesign {
  readonly columns: readonly string[];
  /** One column; its values tell rows apart. */
  readonly key: string;
  readonly parents: readonly { readonly column: string; readonly table: TableName; readonly cascade: boolean }[];
  /** Other columns whose values may not repeat. */
  readonly unique: readonly string[];
  readonly triggers: readonly { readonly name: string; readonly words: string }[];
}

/** A version that is gone from the table and still lies in its pages. */
export interface DeadVersion {
  readonly row: Row;
  readonly maker: number;
  readonly deleter: number;
  readonly how: "deleted" | "updated";
}

export interface TableState {
  readonly design: TableDesign;
  readonly rows: Record<string, { readonly row: Row; readonly maker: number }>;
  dead: readonly DeadVersion[];
  /** Every version that died since a backup was taken, as a clone from it has them; absent where there is none. */
  archived?: readonly DeadVersion[];
  /** Dead versions that were removed for good. */
  pruned: number;
  /** How often each trigger ran. */
  readonly fired: Record<string, number>;
  /** Where the key's sequence stands. */
  sequence: number;
}

export interface AreaTable {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly ordinal: number; readonly row: Row }[];
  /** Ordinals that a merge left out. */
  readonly left: number[];
  /** Ordinals of rows whose key was made again since, and removed again. */
  readonly removed: readonly number[];
  readonly safety: { readonly keys: readonly string[]; readonly overwritten: readonly Row[] } | null;
}

export interface Hold {
  readonly kind: string;
  readonly name: string;
  /** Of a row pin: versions whose deleter is not older than this stay. */
  readonly xmin: number | null;
  readonly facts: Json;
}

export interface Session {
  readonly pid: number;
  readonly run: RunId;
  readonly person: string;
  readonly doing: string;
  readonly since: string;
}

/** All of a server: JSON, so that it can outlive the process that holds it. */
export interface MemoryState {
  readonly id: string;
  readonly database: string;
  nextXid: number;
  readonly tables: Record<TableName, TableState>;
  readonly commits: Record<string, { readonly at: string; readonly who: string }>;
  readonly open: Record<
    string,
    {
      readonly at: string;
      readonly who: string;
      readonly takes: readonly { readonly table: TableName; readonly key: string }[];
    }
  >;
  readonly holds: Record<string, Hold>;
  readonly areas: Record<string, Record<TableName, AreaTable>>;
  markers: Record<string, MarkerRow> | null;
  /** Why no marker table may be made here. */
  barred: string | null;
  lock: { readonly session: string; readonly holder: string } | null;
  readonly sessions: Record<string, Session>;
}

export function emptyState(database: string): MemoryState {
  return {
    id: randomBytes(6).toString("hex"),
    database,
    nextXid: 700,
    tables: {},
    commits: {},
    open: {},
    holds: {},
    areas: {},
    markers: null,
    barred: null,
    lock: null,
    sessions: {},
  };
}

export function keyOf({ design }: TableState, row: Row): string {
  return row[design.key] ?? "";
}

export function sameRow(a: Row, b: Row, columns: readonly string[]): boolean {
  return columns.every((column) => (a[column] ?? null) === (b[column] ?? null));
}

/** Keys in the order in which a person counts: 2 before 10. */
export function byKey(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Removes what no pin holds: what a vacuum does, and what a read of the table does too. */
export function prune(state: MemoryState, table: TableState): void {
  const pins = Object.values(state.holds).flatMap((hold) => (hold.xmin === null ? [] : [hold.xmin]));
  const kept = table.dead.filter((version) => pins.some((xmin) => xmin <= version.deleter));
  table.pruned += table.dead.length - kept.length;
  table.dead = kept;
}
