import type { Limits } from "../engines/engine.ts";
import type { CheckedValues, ConflictKind } from "../engines/rescue-area.ts";
import type { TriggerMode } from "../engines/merge.ts";
import { decidedRows } from "./conflicts.ts";
import { mostParts } from "./merge-parts.ts";
import { count, some } from "./say.ts";
import type { Checked, Rescue } from "./shapes.ts";

/** `through`: rows that an earlier attempt went through; no batch goes over them again. */
export function tableLine(
  checked: Checked["tables"][number],
  through: number,
  batchRows: number,
  kinds: readonly ConflictKind[],
): string {
  const { table, rows, willInsert, identical, values } = checked;
  if (rows > 0 && identical === rows) return `${table}: all ${some(rows, "row")} are back already; nothing to do`;
  const batches = some(Math.max(1, Math.ceil((rows - through) / batchRows)), "batch", "batches");
  const { overwritten, again } = decidedRows([checked], kinds);
  if (values) {
    const inserted = again > 0 ? `, INSERT ${some(again, "row")}` : "";
    const set = `UPDATE ${some(values.willSet + overwritten, "row")}${inserted} in ${batches}`;
    return `${table}: ${set}${keptWords(identical, values, kinds)}`;
  }
  const left = rows - willInsert - identical - overwritten;
  const parts = [
    `INSERT ${some(willInsert, "row")} in ${batches}`,
    ...(overwritten > 0 ? [`${some(overwritten, "row")} made again since: overwritten`] : []),
    ...(identical > 0 ? [`${some(identical, "row is", "rows are")} back already`] : []),
    ...(left > 0 ? [`${some(left, "row stays", "rows stay")} out: ${reasons(checked, kinds)}`] : []),
  ];
  return `${table}: ${parts.join("; ")}`;
}

/** What a merge does not set back by itself, by kind, each after a semicolon; empty where it sets all back. `open`: nobody has decided yet. */
export function keptWords(
  identical: number,
  { changedSince, keyChanged, gone, fixed = 0 }: CheckedValues,
  decided: readonly ConflictKind[] | "open",
): string {
  const then = (kind: ConflictKind, written: string, left = ", left as they are") =>
    decided === "open" ? "" : decided.includes(kind) ? `, ${written}` : left;
  const kinds = [
    [identical, "as before already"],
    [changedSince, `changed again since${then("changed-since", "set back all the same")}`],
    [keyChanged, `with another key now${then("key-changed", "set back with it")}`],
    [gone, `not there any more${then("gone", "put in again", "")}`],
    [fixed, "whose identity column can't be written, left as they are"],
  ] as const;
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, what]) => `; ${count(n)} ${what}`)
    .join("");
}

/** Of one row more than one may be true, so these need not add up. */
function reasons(
  { remade, removedSince, otherUnique, orphans, duplicates }: Checked["tables"][number],
  kinds: readonly ConflictKind[],
): string {
  const counted: readonly (readonly [number, string])[] = [
    [kinds.includes("remade") ? 0 : remade, "made again since"],
    [removedSince, "made again and removed since"],
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

export function undoWords(
  fired: number,
  { insert, update }: { readonly insert: number; readonly update: number },
): string {
  const ways = [
    ...(update > 0 ? ["UPDATE to the values of the safety copy"] : []),
    ...(insert > 0 || update === 0 ? ["DELETE by the keys of the safety copy"] : []),
  ];
  const back = `${ways.join(", ")}, while the rescue area is kept`;
  return fired === 0 ? back : `${back}; not what fired triggers did`;
}
