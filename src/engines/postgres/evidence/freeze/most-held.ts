import { mostWalKept } from "../../../../core/limits.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";

/** What the log's pin may keep: what the config says, else twice what the server itself aims at, and no more than 8 GB. */
export async function mostHeldWal(target: PostgresTarget, connection: Connection): Promise<number> {
  const { limits } = target.request;
  if (limits.heldWal !== null) return limits.heldWal;
  const sql = "SELECT pg_size_bytes(current_setting('max_wal_size'))::text AS bytes";
  const { bytes } = await connection.row("asking for max_wal_size", sql);
  return Math.min(2 * Number(bytes), mostWalKept);
}
