import type { Statement, StatementSearch } from "../../../evidence.ts";
import { plural } from "../say.ts";
import type { Found } from "./search.ts";

/** What was found, each statement with a doubt in words where its numbers are not exact. */
export function doubted({ evidence: _used, families: _too, ...search }: Found): StatementSearch {
  return { ...search, statements: search.statements.map(withDoubt) };
}

function withDoubt(statement: Statement): Statement {
  const { rows, most = rows } = statement;
  if (most <= rows) return statement;
  if (statement.values) {
    const more = `The log tells of ${plural(most - rows, "UPDATE")} more: of rows whose former versions are on no page any more, or of rows that it changed more than once.`;
    return { ...statement, doubts: [...statement.doubts, more] };
  }
  const more = `The log tells of ${plural(most - rows, "delete")} more: rows that it took too, or rows that it had made itself; no page tells which.`;
  return { ...statement, doubts: [...statement.doubts, more] };
}
