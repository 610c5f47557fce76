import type { Statement } from "../../../evidence.ts";
import { number, plural } from "../say.ts";

/** What a way that reads the pages does not bring back: by count where the evidence knows it, and never "nothing" without saying of what. */
export function lossOfPages(statement: Statement, rows: number, unknown: number): string {
  const gone = statement.rows - rows - unknown;
  const parts = [
    ...(gone > 0
      ? [`${number(gone)} of the ${number(statement.rows)} rows that it took: they do not come back this way`]
      : []),
    ...(unknown > 0 ? [`${plural(unknown, "version")} whose story can't be followed`] : []),
  ];
  if (parts.length > 0) return `${parts.join(", and ")}.`;
  return "nothing that is still on the pages. What was cleaned up before the hold is not there, and counted by nobody.";
}
