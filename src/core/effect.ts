/** What an action does to a target: a hold makes only leases and changes no row of the user's. */
export const effects = ["read", "hold", "write", "destroy"] as const;
export type Effect = (typeof effects)[number];

/** How an intent without an outcome is settled, strongest first. */
export const recoveries = ["transactional", "cursor", "idempotent", "probe", "manual"] as const;
export type Recovery = (typeof recoveries)[number];

export const environments = ["production", "staging", "sandbox"] as const;
export type Environment = (typeof environments)[number];

export const purposes = ["live", "dry-run", "drill", "demo"] as const;
export type Purpose = (typeof purposes)[number];
