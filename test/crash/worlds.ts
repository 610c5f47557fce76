import { memoryWorld } from "./memory-world.ts";
import type { PostgresCase } from "./postgres-incident.ts";
import { postgresWorld } from "./postgres-world.ts";
import type { CrashWorld } from "./world.ts";

/** Runbook, then engine: what the harness can kill. A new one is a line here, and a world. */
type Open = (which: PostgresCase) => Promise<CrashWorld> | CrashWorld;
const worlds: Readonly<Record<string, Readonly<Record<string, Open>>>> = {
  "restore-after-bad-delete": { postgres: postgresWorld, memory: () => memoryWorld() },
};

export async function openWorld(runbook: string, engine: string, which: PostgresCase): Promise<CrashWorld> {
  const engines = worlds[runbook];
  if (engines === undefined) throw new Error(`there is no incident for ${runbook}: ${Object.keys(worlds).join(", ")}`);
  const open = engines[engine];
  if (open === undefined) throw new Error(`no incident of ${runbook} on ${engine}: ${Object.keys(engines).join(", ")}`);
  return open(which);
}
