import type { ConflictKind } from "../../rescue-area.ts";
import { fromTable } from "../catalogue.ts";
import { isSameRow, type Keyed, keyColumns, sameKey } from "./comparison.ts";
import { rescuedWithPlace, stillThere } from "./values.ts";

/** Rescued rows (`r`) that stand in conflict, as pieces of SQL; `against`: the alias of the row of the table that stands against each. */
export interface ConflictSql {
  readonly from: string;
  readonly where: string;
  readonly against: "k" | "t" | null;
}

/** Null where rows of this table can't be in such a conflict. */
export function conflictSql(one: Keyed, kind: ConflictKind): ConflictSql | null {
  const { values } = one.area;
  if ((values === null) !== (kind === "remade" || kind === "removed-since")) return null;
  const [key] = keyColumns(one).map((column) => column.quoted);
  const byKey = `left join ${fromTable(one.area.shape)} as k on ${sameKey(one, "k")}`;
  const isOther = `k.${key} is not null and not (${isSameRow(one, "r", "k")})`;
  const { ordinal, removed } = one.area;
  const isRemoved = `k.${key} is null and r.${ordinal} in (select ${ordinal} from ${removed})`;
  if (kind === "removed-since") return { from: `${one.rescued} ${byKey}`, where: isRemoved, against: null };
  if (values === null) return { from: `${one.rescued} ${byKey}`, where: isOther, against: "k" };
  const inPlace = `left join ${fromTable(one.area.shape)} as t on ${stillThere(one, values)}`;
  const from = `${rescuedWithPlace(one)} ${inPlace} ${byKey}`;
  switch (kind) {
    case "changed-since":
      return { from, where: `t.ctid is null and ${isOther}`, against: "k" };
    case "key-changed":
      return { from, where: `t.ctid is not null and not (${sameKey(one, "t")})`, against: "t" };
    case "gone":
      return { from, where: `t.ctid is null and k.${key} is null`, against: null };
    case "remade":
      return null;
  }
}
