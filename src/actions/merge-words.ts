import type { Limits } from "../engines/engine.ts";
import type { CheckedValues } from "../engines/rescue-area.ts";
import type { TriggerMode } from "../engines/merge.ts";
import { mostParts } from "./merge-parts.ts";
import { count, some } from "./say.ts";
import type { Checked, Rescue } from "./shapes.ts";

/** `gone`: rows that an earlier attempt went through; no batch goes over them again. */
export function tableLine(checked: Checked["tables"][number], gone: number, batchRows: number): string {
  const { table, rows, willInsert, identical, values } = checked;
  if (rows > 0 && identical === rows) return `${table}: all ${some(rows, "row")} are back already; nothing to do`;
  const batches = some(Math.max(1, Math.ceil((rows - gone) / batchRows)), "batch", "batches");
  if (values) return `${table}: UPDATE ${some(values.willSet, "row")} in ${batches}${keptWords(identical, values)}`;
  const left = rows - willInsert - identical;
  const parts = [
    `INSERT ${some(willInsert, "row")} in ${batches}`,
    ...(identical > 0 ? [`${some(identical, "row is", "rows are")} back already`] : []),
    ...(left > 0 ? [`${some(left, "row stays", "rows stay")} out: ${reasons(checked)}`] : []),
  ];
  return `${table}: ${parts.join("; ")}`;
}

/** What a merge does not set back, by kind, each after a semicolon; empty where it sets all back. */
export function keptWords(identical: number, { changedSince, keyChanged, gone }: CheckedValues): string {
  const kinds = [
    [identical, "as before already"],
    [changedSince, "changed again since, left as they are"],
    [keyChanged, "with another key now, left as they are"],
    [gone, "not there any more"],
  ] as const;
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, what]) => `; ${count(n)} ${what}`)
    .join("");
}

/** Of one row more than one may be true, so these need not add up. */
function reasons({ remade, otherUnique, orphans, duplicates }: Checked["tables"][number]): string {
  const counted: readonly (readonly [number, string])[] = [
    [remade, "made again since"],
    [otherUnique, "another row has its unique key"],
    [orphans, "without a parent"],
    [duplicates, "rescued more than once"],
  ];
  const told = counted.filter(([n]) => n > 0).map(([n, words]) => `${count(n)} ${words}`);
  return told.length === 0 ? "each batch says why" : told.join(", ");
}

export function shortLines({ rows, short = 0 }: Rescue): readonly string[] {
  if (short === 0) return [];
  return [
    `${count(short)} of the ${some(rows + short, "row")} that the statement took ${short === 1 ? "was" : "were"} not rescued, and ${short === 1 ? "stays" : "stay"} missing.`,
  ];
}

export function sessionLines(tables: Checked["tables"], { batchRows, mergeSessions }: Limits): readonly string[] {
  const most = Math.max(...tables.map(({ rows }) => mostParts(rows, batchRows, mergeSessions)));
  return most > 1 ? [`A large table is merged by up to ${most} sessions at once (limits.mergeSessions).`] : [];
}

export function triggerLines(triggers: TriggerMode, fired: number): readonly string[] {
  if (triggers === "skip") return ["Triggers do not fire; parents are looked for in each batch."];
  return fired === 0
    ? []
    : [`${some(fired, "trigger")} of yours will fire for the rows; what they do has no way back.`];
}

export function undoWords(fired: number, isValues: boolean): string {
  const how = isValues ? "UPDATE to the values of the safety copy" : "DELETE by the keys of the safety copy";
  const back = `${how}, while the rescue area is kept`;
  return fired === 0 ? back : `${back}; not what fired triggers did`;
}
