import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";

/** The session that holds the exclusive lock; raw pages must be read through it, since the lock stops every other session. */
export interface LockHolder {
  session: Connection | null;
}

/** Lends a session that reads raw pages, and closes it if it was opened for that. */
export type Reading = <T>(work: (connection: Connection) => Promise<T>) => Promise<T>;

export function readerOf(target: PostgresTarget, holder: LockHolder): Reading {
  return (work) => withReader(target, holder, work);
}

/** While we hold the exclusive lock only the session that holds it can read pages; else each reading has one of its own. */
async function withReader<T>(
  target: PostgresTarget,
  holder: LockHolder,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  if (holder.session) return work(holder.session);
  const connection = await target.open("reading", { statement_timeout: "0", lock_timeout: "10s" });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
