import type { RunId } from "../../src/core/ids.ts";
import type { Backup } from "../../src/engines/engine.ts";

/** What of an effect is proved on the target. */
export interface MarkerFact {
  readonly key: string;
  readonly done: boolean;
  /** The hash of the event that the journal ended with when it was claimed. */
  readonly intent: string;
}

/** What can be seen of a target from outside: compared as text. */
export interface Seen {
  /** Every row, ordered, to the digit. */
  readonly rows: string;
  /** What is ours, or what we may change: sessions, locks, slots, options, extensions, schemas, one line each. */
  readonly footprint: readonly string[];
}

/** One runbook on one engine: the incident, the words that recover from it, and what has to be true afterwards. */
export interface CrashWorld {
  readonly engine: string;
  /** What follows `run`: the runbook, its target and inputs. */
  readonly run: readonly string[];
  readonly choices: readonly string[];
  readonly batchRows: number;
  /** What the results of these steps have to hold, over all processes of the run together. */
  readonly results: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** A text that stands in a lost row, and may stand nowhere else. */
  readonly lostValue: string;
  /** What the config names as the target's backup; null where it names none. */
  readonly backup: Backup | null;
  /** The socket folder of a server; null where there is none that could be cut off or restarted. */
  readonly socket: (() => string) | null;
  /** In the place of a server, for programs put together with a memory engine. */
  memory(): string | undefined;
  /** A fresh incident; whatever earlier trials left of their own is gone. */
  stage(): Promise<void>;
  /** As it was before the incident. */
  before(): Seen;
  /** As it is now; waits a moment for a footprint like the one before. */
  now(): Promise<Seen>;
  markers(run: RunId): Promise<readonly MarkerFact[]>;
  /** Crashes the server and starts it again. */
  restart(): Promise<void>;
  end(): Promise<void>;
}
