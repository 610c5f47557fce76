import type { Transaction } from "../engine.ts";
import type { Connection } from "./connection.ts";

/** A transaction that the marker opened: its first statement was the claim, and only the marker commits it. */
export interface PostgresTransaction extends Transaction {
  readonly connection: Connection;
}

/** The session behind a transaction of this engine. */
export function connectionOf(tx: Transaction): Connection {
  const { connection } = tx as Partial<PostgresTransaction>;
  if (connection === undefined) throw new Error("a transaction of another engine was handed to PostgreSQL");
  return connection;
}
