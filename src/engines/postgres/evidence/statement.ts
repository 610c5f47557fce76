import type { Statement } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { lowXid } from "./xid.ts";

/** The tables that it took rows from. */
export function tablesOf({ tables }: Pick<Statement, "tables">): readonly TableName[] {
  return tables.map(({ table }) => table);
}

/** What of a statement's doing is to be undone: the rows that it took, or those that it changed. */
export type Asked = "rows" | "values";

/** What of it is to be undone. */
export function askedOf({ values }: Pick<Statement, "values">): Asked {
  return values ? "values" : "rows";
}

/** The 32-bit ids of the statement's transactions and their committed subtransactions. */
export function membersOf(statement: Pick<Statement, "transactions" | "subtransactions">): ReadonlySet<number> {
  return new Set([...statement.transactions, ...statement.subtransactions].map((xid) => lowXid(Number(xid))));
}
