import type { Clock } from "../core/clock.ts";
import type { Recovery } from "../core/effect.ts";
import type { LeaseKeeper, LeaseDraft } from "../core/lease.ts";
import type { RunId } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type { Secret } from "../core/secret.ts";
import type { Progress } from "../core/step.ts";
import type { PlannedTarget, TargetIdentity } from "../core/target.ts";
import type { Evidence } from "./evidence.ts";
import type { Inspect } from "./inspect.ts";
import type { Lock } from "./lock.ts";
import type { Marker } from "./marker.ts";
import type { Merge } from "./merge.ts";
import type { Readiness } from "./readiness.ts";
import type { RescueArea } from "./rescue-area.ts";

/** What an engine may offer. Code outside its folder asks for one of these, never for the engine's name. */
export interface Capabilities {
  readonly inspect: Inspect;
  readonly lock: Lock;
  readonly marker: Marker;
  readonly evidence: Evidence;
  readonly rescueArea: RescueArea;
  readonly merge: Merge;
  readonly readiness: Readiness;
}
export type Capability = keyof Capabilities;
export const capabilityNames: readonly Capability[] = [
  "inspect",
  "lock",
  "marker",
  "evidence",
  "rescueArea",
  "merge",
  "readiness",
];

/**
 * One connected target. Calls throw Faults whose `after` says what is known of the effect; the server's own words are rewritten
 * first, since they may hold rows' values. Closing is idempotent and never throws.
 */
export interface Engine {
  readonly capabilities: Partial<Capabilities>;
  /** Asks the server anew at each call; reads no user table. */
  identity(): Promise<TargetIdentity>;
  /** By lease kind: how what this engine makes is found and given back. */
  readonly keepers: Readonly<Record<string, LeaseKeeper>>;
  close(): Promise<void>;
}

/** How an engine is reached and what it may use of this machine. */
export interface ConnectRequest {
  readonly target: PlannedTarget;
  readonly url: Secret;
  /** Shown by the server for each of our sessions: `holdfast:<run id without dashes>:<operator>@<host>`. */
  readonly session: { readonly run: RunId; readonly person: string };
  readonly machine: MachinePlaces;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly reached: Boundary;
  /** What a point-in-time clone may be made from; only read. */
  readonly backup?: Backup;
  /** A logical dump of the database on this machine, as the last resort; only read. */
  readonly dump?: string;
}

/** A base backup on this machine, and where the log since then is found: a folder, or a program that puts the file `%f` at `%p`. */
export interface Backup {
  readonly base: string;
  readonly log:
    | { readonly kind: "folder"; readonly folder: string }
    | { readonly kind: "command"; readonly argv: readonly string[] };
}

export interface MachinePlaces {
  /** Where throw-away servers and rescue files may live; made 0700 when needed. */
  readonly scratch: string;
  /** Server binaries by major version, from the config: `{ "18": "/usr/lib/postgresql/18/bin" }`. Others are looked for. */
  readonly serverBinaries: Readonly<Record<string, string>>;
}

export interface Limits {
  /** Rows a merge batch aims at. */
  readonly batchRows: number;
  /** Sessions in which parts of a large table may be merged side by side; 1 = one after the other. */
  readonly mergeSessions: number;
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Most WAL (bytes) that a pin may keep; null = the engine's own default. */
  readonly heldWal: number | null;
  /** Share of free disk below which nothing is begun. */
  readonly minFreeDisk: number;
}

/** Engines are made by these; `connect` imports the driver only when it is called. */
export interface EngineFactory {
  readonly engine: string;
  readonly offers: readonly Capability[];
  /** Recovery contracts that effects on this engine can keep. */
  readonly keeps: readonly Recovery[];
  connect(request: ConnectRequest): Promise<Engine>;
}

/** Named points where a crash harness may end the process; does nothing in the product. */
export type Boundary = (name: string) => void;

/** What a long call tells while it runs, and how it is stopped: `pausing` after the current part, `signal` at once. */
export interface Watch {
  progress(progress: Progress): void;
  output(text: string): void;
  readonly pausing: AbortSignal;
  readonly signal: AbortSignal;
}

/** One thing that is made under a lease: the runner journals `lease.intended`, calls `take`, then journals `lease.taken` with its facts. */
export interface HoldPart {
  readonly lease: LeaseDraft;
  take(): Promise<Json>;
}

/** A writing transaction that `once` or `batches` opened; only the engine that made it can use it. */
export interface Transaction {
  readonly marked: true;
}
