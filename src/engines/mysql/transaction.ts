import { Fault } from "../../core/errors.ts";
import { leftTransaction } from "../effect-faults.ts";
import type { Transaction } from "../engine.ts";
import type { Connection } from "./connection.ts";

/** A transaction that the marker opened: its first statement was the claim, and only the marker commits it. */
export interface MysqlTransaction extends Transaction {
  readonly connection: Connection;
}

/** The session behind a transaction of this engine. */
export function connectionOf(tx: Transaction): Connection {
  const { connection } = tx as Partial<MysqlTransaction>;
  if (connection === undefined) throw new Error("a transaction of another engine was handed to MySQL");
  return connection;
}

/** All others may commit what stands in the transaction without being asked to, the marker with it. */
const staysWithin = /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|BINLOG|DO|SHOW)\b/i;

/** Lets nothing through that ends the transaction, and proves by the server's answer that nothing did. */
export function guarded(session: Connection): Connection {
  const refuse = (sql: string) => {
    if (!staysWithin.test(sql)) throw implicitCommit();
  };
  return {
    ...session,
    rows: async (doing, sql, values) => (refuse(sql), session.rows(doing, sql, values)),
    row: async (doing, sql, values) => (refuse(sql), session.row(doing, sql, values)),
    run: async (doing, sql, values) => {
      refuse(sql);
      const done = await session.run(doing, sql, values);
      if (!done.inTransaction) throw leftTransaction();
      return done;
    },
  };
}

function implicitCommit(): Fault {
  return new Fault("HF-MARKER-DDL", "a statement that commits by itself was refused within an effect", {
    exit: "bug",
    after: "rolled-back",
    still: "It was not sent, and nothing of this transaction lasts.",
    hint: "This is a fault of Holdfast. Report it.",
  });
}
