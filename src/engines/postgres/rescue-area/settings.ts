import type { Connection } from "../connection.ts";

/** For the rest of the transaction (or of the savepoint that it is rolled back to). Said in full: it runs under a path of the user's too. */
export async function setLocally(connection: Connection, settings: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(settings);
  const calls = entries.map((_entry, at) => `pg_catalog.set_config($${2 * at + 1}, $${2 * at + 2}, true)`);
  await connection.rows("setting the limits of a transaction", `select ${calls.join(", ")}`, entries.flat());
}
