import type { Environment } from "./effect.ts";

/** Which target of a plan: `main`, `standby`, `clone`, … */
export type Role = string;

/** A target as the plan freezes it. The connection is a reference in the config, never here. */
export interface PlannedTarget {
  readonly name: string;
  readonly engine: string;
  readonly environment: Environment;
  readonly database: string;
  readonly tier?: string;
}

/** One fact that tells a server from another. `self`: what it says of itself. `place`: where it was reached. */
export interface IdentityFact {
  readonly name: string;
  readonly value: string;
  readonly kind: "self" | "place";
  readonly weight: number;
}

export interface TargetIdentity {
  readonly facts: readonly IdentityFact[];
  /** What the server says it is, in words for a confirmation: `db-prod-1:5432, PostgreSQL 18.4, primary`. */
  readonly words: string;
  /** The database as the server names it. */
  readonly database: string;
}

export type IdentityVerdict =
  | { readonly kind: "same" }
  | { readonly kind: "other"; readonly differs: readonly string[] }
  | { readonly kind: "moved"; readonly differs: readonly string[] };

/** `other`: a server that says it is another. `moved`: the same words at another place; it may be a copy or a failover, so stop and ask. */
export function compareIdentity(before: TargetIdentity, now: TargetIdentity): IdentityVerdict {
  const differing = before.facts.filter((fact) => {
    const found = now.facts.find((other) => other.name === fact.name);
    return found !== undefined && found.value !== fact.value;
  });
  const missing = before.facts.filter((fact) => fact.kind === "self" && !now.facts.some((o) => o.name === fact.name));
  const differs = [...differing, ...missing].map((fact) => fact.name);
  if (differing.some((fact) => fact.kind === "self") || missing.length > 0) return { kind: "other", differs };
  return differs.length > 0 ? { kind: "moved", differs } : { kind: "same" };
}
