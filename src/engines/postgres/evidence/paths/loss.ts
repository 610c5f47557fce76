import type { RecoveredTable, Statement } from "../../../evidence.ts";
import { beyondRows } from "../pages/untold.ts";
import { number, plural } from "../say.ts";
import { sumOf } from "./counted.ts";

/** What a way that reads the pages does not bring back: by count where the evidence knows it, and never "nothing" without saying of what. */
export function lossOfPages(statement: Statement, counted: readonly RecoveredTable[]): string {
  const rows = sumOf(counted, "rows") + sumOf(counted, "older");
  const beyond = counted.reduce((sum, table) => sum + beyondRows(statement, table), 0);
  const unknown = Math.max(0, sumOf(counted, "unknown") - beyond);
  const gone = statement.rows - rows - unknown;
  const parts = [
    ...(gone > 0
      ? [`${number(gone)} of the ${number(statement.rows)} rows that it took: they do not come back this way`]
      : []),
    ...(unknown > 0 ? [`${plural(unknown, "version")} whose story can't be followed`] : []),
    ...(beyond > 0
      ? [
          `up to ${plural(beyond, "row")} more, unless it had made them itself: the log tells that they were deleted, and no page what they were`,
        ]
      : []),
  ];
  if (parts.length > 0) return `${parts.join(", and ")}.`;
  return "nothing that is still on the pages. What was cleaned up before the hold is not there, and counted by nobody.";
}

/** What can be said of such a way before anything is lost. */
export const heldByPages = {
  holds: "nothing prunes the rows: vacuum and plain reads remove them until the hold stands",
  loses: "what is cleaned up before the hold.",
} as const;

/** Whether the pages account for all that the statement can have taken. */
export function hasAll({ rows, most = rows }: Statement, counted: readonly RecoveredTable[]): boolean {
  return sumOf(counted, "rows") + sumOf(counted, "older") >= most;
}
