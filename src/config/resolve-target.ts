import type { PlannedTarget } from "../core/target.ts";
import { Secret } from "../core/secret.ts";
import { type ConnectionUrl, checkConnectionUrl, parseConnectionUrl } from "./connection-url.ts";
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

/** Shorter ones would be found in every other word, and what is redacted too often tells nothing any more. */
const shortestRedacted = 4;

/** What must never be shown of a URL: itself, and its password as it stands there and as it is meant. */
export function secretsIn(url: Secret): readonly Secret[] {
  const password = parseConnectionUrl(url.reveal())?.password ?? "";
  const forms = new Set([password, meant(password)]);
  return [url, ...[...forms].filter((form) => form.length >= shortestRedacted).map((form) => new Secret(form))];
}

function meant(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
