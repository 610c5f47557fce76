import type { PlannedTarget } from "../core/target.ts";
import { type ConnectionUrl, checkConnectionUrl } from "./connection-url.ts";
import type { TargetConfig } from "./load-config.ts";
import { resolveSecret } from "./secrets.ts";

/** A target's URL, resolved now and proved. Faults `HF-SECRET-…` and `HF-URL-…`, exit `input`. */
export async function resolveTarget(target: TargetConfig, env: NodeJS.ProcessEnv): Promise<ConnectionUrl> {
  return checkConnectionUrl(await resolveSecret(target.url, env), target.database ?? undefined);
}

/** The target as a plan freezes it: nothing in it leads to the server without the config. */
export function plannedTarget(target: TargetConfig, database: string): PlannedTarget {
  const { name, engine, environment, tier } = target;
  return { name, engine, environment, database, ...(tier === null ? {} : { tier }) };
}
