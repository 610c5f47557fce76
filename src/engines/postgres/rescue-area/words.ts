import type { Finding } from "../../../core/step.ts";
import type { TableName } from "../../inspect.ts";
import type { AreaTable } from "./area.ts";
import type { Reason } from "./blocked.ts";

/** `1 row`, `12,000 rows`. */
export function rows(count: number): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"}`;
}

/** Why rows stay out, as one finding per index or foreign key. */
export function blockedWords({ kind, name, rows: count }: Reason, table: TableName): Finding {
  const left = `${table}: ${rows(count)}`;
  switch (kind) {
    case "removed":
      return {
        level: "warn",
        text: `${left} made again since under their old key, and removed again by others`,
        hint: "Who removed them may have meant it: they stay out, unless you decide otherwise.",
      };
    case "duplicate":
      return {
        level: "stop",
        text: `HF-PG-DUPLICATES: ${left} share a key (${name}) with another recovered row`,
        hint: "The key was deleted more than once. Begin a new run that chooses one of the transactions; then give this one up, so that the evidence stays held.",
      };
    case "unique":
      return {
        level: "warn",
        text: `${left} can't be merged: another row has the place in the unique index ${name}`,
        hint: "Look at both in the rescue area, and decide by hand which one is right.",
      };
    case "parent-left-out":
      return {
        level: "warn",
        text: `${left} can't be merged: the parent by ${name} was rescued, and stays out of the merge itself`,
        hint: "See why the parent stays out. Once it is back by hand, insert these after it, from the rescue area.",
      };
    case "orphan":
      return {
        level: "warn",
        text: `${left} can't be merged: the parent by ${name} is neither in its table nor among the recovered rows`,
        hint: "Bring the parents back first, or leave these rows out.",
      };
  }
}

/** Without a key an equal row may be the lost one, put back by somebody, or another: an insert could double it. */
export function equalWords({ table, leftOut, rows: place, ordinal }: AreaTable, equal: number): Finding {
  const [are, stay] = equal === 1 ? ["is", "it stays"] : ["are", "they stay"];
  return {
    level: "warn",
    text: `HF-PG-EQUAL-ROWS: ${table}: ${rows(equal)} ${are} equal to rows that are there now, and the table has no key that would tell whether those were put back: ${stay} out`,
    hint: `Where they are missing all the same, insert them by hand while the rescue area is kept: they are those of ${place} whose ${ordinal} is in ${leftOut}.`,
  };
}
