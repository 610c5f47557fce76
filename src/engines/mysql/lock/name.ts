import { createHash } from "node:crypto";

/** Of one database. User locks are the whole server's, have 64 characters at most, and fold case: hence a digest of the exact name. */
export function lockName(database: string): string {
  return `hf:${createHash("sha256").update(database).digest("hex").slice(0, 40)}`;
}
