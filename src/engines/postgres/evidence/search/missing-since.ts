import type { Statement, StatementQuery, StatementSearch } from "../../../evidence.ts";

/**
 * Where no statement was found and a dump is named, what the tables lack of it can be asked for all the same: nobody knows then who took
 * which row, and that is said.
 */
export function withMissing(query: StatementQuery, found: StatementSearch, dump: string | undefined): StatementSearch {
  if (dump === undefined || found.statements.length > 0) return found;
  return { ...found, statements: [missingOf(query)] };
}

function missingOf({ tables }: StatementQuery): Statement {
  return {
    value: "missing",
    kind: "missing",
    transactions: [],
    subtransactions: [],
    at: null,
    until: null,
    rows: 0,
    tables: tables.map((table) => ({ table, rows: 0 })),
    doubts: [
      "No statement was found. This stands for all rows that the dump has and these tables lack now, whoever took them and when",
    ],
    who: null,
  };
}
