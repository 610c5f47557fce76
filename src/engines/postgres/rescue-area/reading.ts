import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";

/**
 * A session of its own that reads one moment of the database, and writes only temporary tables. Row security is off, so that rows hidden
 * from this role end it with an error and are never taken for missing ones. The signal cancels its statement.
 */
export async function readMoment<R>(
  target: PostgresTarget,
  signal: AbortSignal | null,
  work: (connection: Connection) => Promise<R>,
): Promise<R> {
  signal?.throwIfAborted();
  const settings = {
    row_security: "off",
    lock_timeout: `${target.request.limits.lockTimeoutMs}ms`,
    statement_timeout: "0",
  };
  const connection = await target.open("reading", settings);
  const cancel = () => void cancelStatement(target, connection.pid);
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    await connection.run("opening a snapshot", "begin isolation level repeatable read, read write");
    const result = await work(connection);
    await connection.run("ending a snapshot", "commit");
    return result;
  } finally {
    signal?.removeEventListener("abort", cancel);
    await connection.close();
  }
}

/** Best effort: where it fails, the statement ends when the session is closed with the program. */
async function cancelStatement(target: PostgresTarget, pid: number): Promise<void> {
  const connection = await target.catalogue().catch(() => null);
  await connection?.rows("cancelling a statement", "select pg_cancel_backend($1)", [pid]).catch(() => undefined);
}
