import { type CheckedTable, type ConflictKind, conflictKinds } from "../engines/rescue-area.ts";
import type { TableName } from "../engines/inspect.ts";
import type { Merge, TriggerFact } from "../engines/merge.ts";
import { some, sum } from "./say.ts";
import type { Conflict, Decided, Rescue } from "./shapes.ts";
import { isOfValues } from "./shapes.ts";

/** In the order in which they are asked about; a kind without a row is none. */
export function conflictsOf(tables: readonly CheckedTable[]): readonly Conflict[] {
  return conflictKinds.flatMap((name) => {
    const found = tables.map((one) => ({ table: one.table, rows: rowsOf(one, name) })).filter(({ rows }) => rows > 0);
    const rows = sum(found, (one) => one.rows);
    return rows === 0 ? [] : [{ name, title: `${titles[name]}: ${some(rows, "row")}`, rows, tables: found }];
  });
}

const titles: Readonly<Record<ConflictKind, string>> = {
  remade: "Made again since",
  "removed-since": "Made again and removed since",
  "changed-since": "Changed again since",
  "key-changed": "Given another key",
  gone: "Gone since",
};

function rowsOf({ remade, removedSince, values }: CheckedTable, kind: ConflictKind): number {
  switch (kind) {
    case "remade":
      return remade;
    case "removed-since":
      return removedSince;
    case "changed-since":
      return values?.changedSince ?? 0;
    case "key-changed":
      return values?.keyChanged ?? 0;
    case "gone":
      return values?.gone ?? 0;
  }
}

/** The kinds that are written all the same. */
export function decidedKinds(decided: Decided | null | undefined): readonly ConflictKind[] {
  return (decided ?? []).filter(({ choice }) => choice?.write === true).map(({ item }) => item.name);
}

/** Which triggers the merge meets: of what it does by itself, and of what was decided. */
export function effectsOf(rescue: Rescue, kinds: readonly ConflictKind[]): readonly ("insert" | "update")[] {
  if (isOfValues(rescue)) return kinds.includes("gone") ? ["update", "insert"] : ["update"];
  return kinds.includes("remade") ? ["insert", "update"] : ["insert"];
}

/** Triggers that the merge would fire; one that fires for both effects is one. */
export async function triggersOf(
  merge: Merge,
  names: readonly TableName[],
  effects: ReturnType<typeof effectsOf>,
): Promise<readonly TriggerFact[]> {
  const all: TriggerFact[] = [];
  for (const effect of effects) {
    const known = all.map(({ table, name }) => `${table} ${name}`);
    all.push(...(await merge.triggers(names, effect)).filter(({ table, name }) => !known.includes(`${table} ${name}`)));
  }
  return all;
}

/** Rows of conflicts that will be written over others, and of former values that will be put in again; a check that was told of those removed since counts them itself. */
export function decidedRows(
  tables: readonly CheckedTable[],
  kinds: readonly ConflictKind[],
): { readonly overwritten: number; readonly again: number } {
  const of = (wanted: readonly ConflictKind[]) =>
    sum(wanted, (kind) => (kinds.includes(kind) ? sum(tables, (table) => rowsOf(table, kind)) : 0));
  return { overwritten: of(["remade", "changed-since", "key-changed"]), again: of(["gone"]) };
}
