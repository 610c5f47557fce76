import type { Finding } from "../core/step.ts";

/** `schema.table` as the server itself quotes it: `public.orders`, `"Odd Name".t`. Two names are equal when their texts are. */
export type TableName = string;

export interface TableFact {
  readonly table: TableName;
  /** From statistics, never counted: "about". */
  readonly aboutRows: number;
  readonly bytes: number;
}

/** Reads catalogues and statistics only; never a user's table. */
export interface Inspect {
  /** The server's own spelling of what an operator wrote. Unknown: Fault `HF-TABLE-UNKNOWN` with the nearest names as hint. */
  resolveTable(written: string): Promise<TableName>;
  /** Tables whose name contains the text, largest first, at most 50. */
  suggestTables(text: string): Promise<readonly TableFact[]>;
  /** What is true of the server that a run should know (standby, replication, publications, privileges). */
  survey(): Promise<readonly Finding[]>;
}
