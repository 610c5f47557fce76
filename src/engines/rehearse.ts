import type { Secret } from "../core/secret.ts";
import type { Backup, Watch } from "./engine.ts";
import type { TableName } from "./inspect.ts";

/**
 * `delete`: a bad DELETE, its dead rows still there. `cascade`: one of parents, that goes on to three generations of children. `update`: an
 * UPDATE without its WHERE, with changes and deletes of others after it. `truncate`: the whole tables, with their files. `vacuumed`: the bad
 * DELETE again, and VACUUM has removed the dead rows since.
 */
export const incidentKinds = ["delete", "cascade", "update", "truncate", "vacuumed"] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** Those that a runbook can bring back: what is offered to an operator. */
export const offeredIncidents = [
  "delete",
  "cascade",
  "update",
  "truncate",
  "vacuumed",
] as const satisfies readonly IncidentKind[];

/** Where rehearsals live. One at a time: a second process that asks for the same place gets the Fault `HF-REHEARSAL-BUSY`. */
export interface Rehearsals {
  /** What an earlier process left: `incident` can be gone on with; anything less is of no use. No server is started to tell. */
  left(): "nothing" | "incident";
  /** Removes what is left, and starts a server of ours with nothing on it yet. */
  begin(options: { readonly rows: number; readonly incident: IncidentKind }): Promise<Rehearsal>;
  /** Starts the server that was left on its own folder again. Nothing is left: Fault `HF-REHEARSAL-GONE`. */
  goOn(): Promise<Rehearsal>;
}

/**
 * An incident on a server of ours, as a production server would have it: filled, used by others, damaged, and able to say exactly what
 * ought to be there once the rows are back. For the demo, the tests and drills. In order: seed, traffic, incident, then the recovery,
 * compare, end.
 */
export interface Rehearsal {
  readonly engine: string;
  /** All that it made on this machine. */
  readonly folder: string;
  readonly kind: IncidentKind;
  readonly database: string;
  /** The table that the bad statement names. */
  readonly table: TableName;
  url(database?: string): Secret;
  /** As a config would name it, where the server has one from before the incident, and archives its log since. */
  readonly backup?: Backup;
  /** Fills the tables, notes what every row is, and takes the backup where there is one. */
  seed(watch: Pick<Watch, "progress" | "output">): Promise<Seeded>;
  /** Others at work on rows that the incident does not take; each of their changes is noted with it, so that the proof can tell them apart. */
  traffic(): Promise<Traffic>;
  /**
   * The bad statement. After a `delete` an older report session, which began before it, keeps the dead rows from being cleaned away;
   * after the others nothing is left on the pages.
   */
  incident(): Promise<Incident>;
  /** Of an incident that was (also by an earlier process). */
  story(): Promise<Incident>;
  /** The report may end: from now on only what the recovery holds keeps the rows. Idempotent. */
  frozen(): Promise<void>;
  /** Every row against what was noted, or what traffic made of it since. Exact, traffic or not. It reads every table: only once the rows are back. */
  compare(): Promise<Proof>;
  /** Ends the sessions and the server. `keep` leaves its folder for `goOn`. Idempotent. */
  end(how: "remove" | "keep"): Promise<void>;
}

export interface Seeded {
  readonly tables: readonly { readonly table: TableName; readonly rows: number }[];
  readonly tookMs: number;
}

export interface Traffic {
  /** Waits for the change that is under way. Idempotent. */
  stop(): Promise<{ readonly changes: number; readonly reads: number }>;
}

export interface Incident {
  readonly kind: IncidentKind;
  readonly table: TableName;
  /** As it was run. */
  readonly statement: string;
  /** As it was meant. */
  readonly meant: string;
  /** UTC, milliseconds. */
  readonly at: number;
  /** Rows that it took from its own table, as the server said. */
  readonly rows: number;
  /** Null: nothing kept what it took. */
  readonly keptBy: string | null;
}

export interface Proof {
  readonly equal: boolean;
  readonly tables: readonly ProvedTable[];
}

export interface ProvedTable {
  readonly table: TableName;
  /** Rows that ought to be there. */
  readonly expected: number;
  /** Of these: changed or made by traffic since, and as traffic left them. */
  readonly byTraffic: number;
  readonly missing: number;
  readonly different: number;
  /** There, but neither noted nor of the traffic. */
  readonly unexpected: number;
  /** Of the unexpected: what a trigger wrote because it was let fire on rows that came back. These alone do not spoil the proof. */
  readonly byTriggers: number;
  /** Of the different: as they were before the incident, though others have changed them since. */
  readonly setBack: number;
  /** Of the unexpected: as they were before the incident, though others have removed them since. */
  readonly putBack: number;
  /** Order-independent, over the rows that traffic left alone: as noted, and as found. */
  readonly digests: { readonly noted: string; readonly found: string };
}
