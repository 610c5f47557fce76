import type { ReadyServer } from "../core/readiness.ts";
import type { Watch } from "./engine.ts";

export interface ReadinessQuery {
  /** As somebody wrote them; empty: the largest. */
  readonly tables: readonly string[];
  /** Of the largest so many. */
  readonly most: number;
}

/**
 * Which recovery paths would be open now, were there a bad DELETE: by the very probes that the survey of the paths asks after one. Writes
 * nothing on the target, and reads no table of the user's: a read would remove dead rows. May be asked again.
 */
export interface Readiness {
  /** A table that is not there is listed with the reason. Faults only where the server can't be asked at all. */
  look(query: ReadinessQuery, watch: Watch): Promise<ReadyServer>;
}
