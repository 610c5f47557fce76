import type { RunId } from "../core/ids.ts";

/** Held on the target itself by a session of its own; the server drops it when that session dies. */
export interface Lock {
  /** Never waits inside the server: tries, and says who holds it. May be called again. */
  acquire(): Promise<{ readonly kind: "held" } | { readonly kind: "busy"; readonly holder: string }>;
  /** Fault `HF-LOCK-LOST` (exit `busy`) when the session that held it is gone. */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
  /** Sessions of this run that an earlier process left behind (its statement may still run). */
  orphans(run: RunId): Promise<readonly Orphan[]>;
  /** Ends them and waits until they are gone. Idempotent. */
  endOrphans(run: RunId): Promise<number>;
}

export interface Orphan {
  readonly session: string;
  readonly doing: string;
  readonly since: string;
}
