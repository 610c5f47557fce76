import type { Limits } from "../../src/engines/engine.ts";

/** For tests that are about no limit; one that is about some names them. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  return {
    batchRows: 100,
    mergeSessions: 2,
    lockTimeoutMs: 1000,
    statementTimeoutMs: 60_000,
    heldWal: null,
    minFreeDisk: 0,
    ...changes,
  };
}
