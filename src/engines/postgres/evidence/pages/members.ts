import type { Statement } from "../../../evidence.ts";
import { lowXid } from "../xid.ts";

/** The 32-bit ids of the statement's transactions and their committed subtransactions. */
export function membersOf(statement: Pick<Statement, "transactions" | "subtransactions">): ReadonlySet<number> {
  return new Set([...statement.transactions, ...statement.subtransactions].map((xid) => lowXid(Number(xid))));
}
