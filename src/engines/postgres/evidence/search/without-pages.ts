import type { StatementQuery } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import type { Closed } from "../closed.ts";
import { familiesOf } from "../pages/untold.ts";
import { finding } from "../say.ts";
import type { Found } from "./search.ts";

/** What is left where raw pages can't be read: nothing, and why. The log since a backup may know more. */
export async function withoutPages(
  asking: Connection,
  query: StatementQuery,
  { why, opensWith }: Closed,
): Promise<Found> {
  return {
    table: query.table,
    tables: query.tables,
    statements: [],
    evidence: new Map(),
    families: await familiesOf(asking, query.tables),
    oldest: null,
    pruned: 0,
    pagesRead: 0,
    findings: [finding("note", `${why} Only the log since a base backup can be searched.`, opensWith)],
  };
}
