import type { TableName } from "../inspect.ts";
import { keyOf, type MemoryState, type Row, sameRow } from "./state.ts";
import { tableOf } from "./traffic.ts";

/** What a merge would make of a rescued row: insert it, or leave it and why. */
export type Fate = "insert" | "identical" | "remade" | "otherUnique" | "orphan";

/** `coming` names the keys of a parent table that are not in it yet and will be before this row. */
export function fateOf(
  state: MemoryState,
  name: TableName,
  row: Row,
  coming: (parent: TableName) => ReadonlySet<string> = () => new Set(),
): Fate {
  const table = tableOf(state, name);
  const present = table.rows[keyOf(table, row)];
  if (present !== undefined) return sameRow(present.row, row, table.design.columns) ? "identical" : "remade";
  const others = Object.values(table.rows);
  const taken = table.design.unique.some(
    (column) => row[column] !== null && others.some((one) => one.row[column] === row[column]),
  );
  if (taken) return "otherUnique";
  const hasParents = table.design.parents.every(({ column, table: parent }) => {
    const key = row[column] ?? null;
    return key === null || tableOf(state, parent).rows[key] !== undefined || coming(parent).has(key);
  });
  return hasParents ? "insert" : "orphan";
}
