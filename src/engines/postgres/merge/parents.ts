import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { type Comparison, hasParent, isParent, refers } from "../rescue-area/comparison.ts";
import type { Range } from "./range.ts";

/** With foreign keys off nothing else would tell that a parent is gone; with them on it spares a refusal. */
export function withParents({ foreignKeys }: Comparison): string {
  return foreignKeys.map((key) => `and (not (${refers(key, "r")}) or ${hasParent(key, "r")})`).join("\n");
}

/**
 * With foreign keys off the server locks no parent for us: a session that is about to delete one would not be waited for. So each parent of
 * the range is locked before it is looked for, as the server does. It takes a right to UPDATE the parent's table; where there is none, a
 * session that may skip foreign keys goes without.
 */
export async function lockParents(
  connection: Connection,
  { area, foreignKeys }: Comparison,
  range: Range,
): Promise<void> {
  const bounds = `r.${area.ordinal} > $1 and r.${area.ordinal} <= $2`;
  for (const key of foreignKeys) {
    const doing = `holding parents by ${key.name}`;
    const may = "select has_table_privilege($1::regclass, 'update')::text as may";
    if ((await connection.row(doing, may, [key.parent]))["may"] !== "true") continue;
    const parents = fromTable({ name: key.parent, kind: key.parentKind });
    await connection.row(
      doing,
      `select count(*)::text as held from (select from ${parents} as p
         where exists (select from ${area.rows} as r where ${bounds} and ${isParent(key, "r")}) for key share of p) as held`,
      [range.after, range.upTo],
    );
  }
}

/**
 * A key that others name by now must not go away under them: such a row stays as it is. With foreign keys off no cascade takes them along, and
 * nothing else would tell; with them on the server would refuse the whole batch, in the name of the other table. `present`: the alias of the
 * row that is written over.
 */
export function withoutReferrers({ area }: Comparison, present: string, skips: boolean): string {
  return area.shape.referrers
    .filter(({ follows }) => skips || !follows)
    .map(({ child, childKind, pairs }) => {
      const changes = pairs.map(
        ({ parentQuoted, equals }) => `(${present}.${parentQuoted} ${equals} r.${parentQuoted}) is not true`,
      );
      const names = isParent({ pairs }, "c", present);
      return `and not ((${changes.join(" or ")}) and exists (select from ${fromTable({ name: child, kind: childKind })} as c where ${names}))`;
    })
    .join("\n");
}
