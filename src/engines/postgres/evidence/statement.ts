import type { Statement } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { lowXid } from "./xid.ts";

/** The tables that it took rows from. */
export function tablesOf({ tables }: Pick<Statement, "tables">): readonly TableName[] {
  return tables.map(({ table }) => table);
}

/** The 32-bit ids of the statement's transactions and their committed subtransactions. */
export function membersOf(statement: Pick<Statement, "transactions" | "subtransactions">): ReadonlySet<number> {
  return new Set([...statement.transactions, ...statement.subtransactions].map((xid) => lowXid(Number(xid))));
}
