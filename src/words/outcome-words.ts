import { utc } from "../core/clock.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { RunState } from "../core/run-state.ts";
import { count, plural } from "./format.ts";

/** What a comparison of every rescued row with its table counted. */
export interface Proof {
  readonly rescued: number;
  readonly equal: number;
  /** Rows that are in their tables with other values than the rescued ones: traffic may have changed them since. */
  readonly different: number;
  readonly absent: number;
  /** Of the different ones: their key was used again, so that the rescued row is in no table. Absent in older journals. */
  readonly remade: number;
  /** Rows that the statement took and that were not rescued at all. */
  readonly short: number;
  readonly tables: readonly { readonly table: string; readonly equal: number }[];
  /** Rows were set back to what they were before: what others changed since is left as it is, and missing nowhere. */
  readonly values: boolean;
}

/** Null where no comparison has ended, and in a dry run, which compares nothing. */
export function proofOf(state: RunState): Proof | null {
  if (state.purpose === "dry-run") return null;
  const proofs = state.steps.filter((step) => step.status === "done").map((step) => proofIn(step.result));
  return proofs.findLast((proof) => proof !== null) ?? null;
}

/** `140,828 of 140,828 rows are back, proved equal (public.orders 40,144, ..)`; empty without a proof. */
export function proofLine(state: RunState): string {
  const proof = proofOf(state);
  if (proof === null) return "";
  const tables = proof.tables.map(({ table, equal }) => `${table} ${count(equal)}`).join(", ");
  const { different, remade, absent, short, values } = proof;
  const total = `${count(proof.equal)} of ${count(proof.rescued)} rows are ${values ? "as before" : "back"}, proved equal`;
  const aside = values
    ? asideOfValues(proof)
    : [
        ...(absent > 0 ? [`${count(absent)} not there`] : []),
        ...(remade > 0
          ? [`${plural(remade, "key was", "keys were")} used again since, with other values: not back`]
          : []),
        ...(different > remade ? [`${count(different - remade)} back, and changed since`] : []),
        ...(short > 0 ? [`${count(short)} more that the statement took were not rescued`] : []),
      ];
  return [`${total}${tables === "" ? "" : ` (${tables})`}`, ...aside].join("; ");
}

function asideOfValues({ different, remade, absent, short }: Proof): readonly string[] {
  return [
    ...(remade > 0 ? [`${count(remade)} changed again since, left as they are`] : []),
    ...(different > remade ? [`${count(different - remade)} set back, and changed since`] : []),
    ...(absent > 0 ? [`${count(absent)} not there any more, or under another key`] : []),
    ...(short > 0 ? [`${count(short)} more that the statement changed were not rescued`] : []),
  ];
}

/** `DONE`, or how many rows that the statement took are, or may be, in no table: nobody may take that for the end of the incident. */
export function doneWords(state: RunState): string {
  const proof = proofOf(state);
  if (proof === null) return "DONE";
  const others = proof.absent + proof.remade;
  const missing = proof.short + (proof.values ? 0 : others);
  if (missing > 0) return `DONE, BUT ${plural(missing, "ROW IS", "ROWS ARE")} NOT BACK`;
  const untold = untoldIn(state);
  if (untold > 0) return `DONE, BUT ${plural(untold, "ROW", "ROWS")} MAY BE MISSING`;
  return proof.values && others > 0 ? `DONE; ${plural(others, "ROW LEFT AS IT IS", "ROWS LEFT AS THEY ARE")}` : "DONE";
}

/** Versions of rows that were left out, since nobody can tell whether the statement took them. */
function untoldIn(state: RunState): number {
  const tables = newestRescue(state)?.tables;
  return Array.isArray(tables)
    ? tables.filter(isJsonObject).reduce((sum, { unknown }) => sum + numberIn(unknown), 0)
    : 0;
}

/**
 * `12,000 rows by page-transplant, 2,108 by wal; 3 lost`: which way gave how many, and what stayed out, as the rescue counted it. Empty where
 * the rescue told neither.
 */
export function rescuedLine(state: RunState): string {
  if (state.purpose === "dry-run") return "";
  const lines = state.steps.filter(({ status }) => status === "done").map(({ result }) => rescuedIn(result));
  return lines.findLast((line) => line !== "") ?? "";
}

/** What may be missing though all that was rescued is back, since nobody could count it; empty where everything was counted. */
export function uncountedLine(state: RunState): string {
  if (state.purpose === "dry-run") return "";
  const newest = newestRescue(state);
  return typeof newest?.uncounted === "string" ? `NOT COUNTED: ${newest.uncounted}` : "";
}

function newestRescue({ steps }: RunState): JsonObject | null {
  const told = steps.filter(({ status }) => status === "done").map(({ result }) => result);
  const newest = told.findLast((result) => isJsonObject(result) && typeof result.area === "string");
  return isJsonObject(newest) ? newest : null;
}

function rescuedIn(result: Json | undefined): string {
  if (!isJsonObject(result) || !Array.isArray(result.tables)) return "";
  const tables = result.tables.filter(isJsonObject);
  const total = (name: string) => tables.reduce((sum, table) => sum + numberIn(table[name]), 0);
  const out = [
    [total("lost"), "lost"],
    [total("unknown"), "left out, since their story can't be followed"],
  ] as const;
  const told = out.filter(([n]) => n > 0).map(([n, words]) => `${count(n)} ${words}`);
  return [waysIn(tables), ...told].filter((part) => part !== "").join("; ");
}

function waysIn(tables: readonly JsonObject[]): string {
  const ways = new Map<string, number>();
  for (const { from } of tables)
    for (const [way, n] of Object.entries(isJsonObject(from) ? from : {}))
      ways.set(way, (ways.get(way) ?? 0) + numberIn(n));
  const gave = [...ways].filter(([, n]) => n > 0);
  return gave.map(([way, n], index) => `${index === 0 ? plural(n, "row") : count(n)} by ${way}`).join(", ");
}

function numberIn(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}

/** `12 of 13 steps done, 1 not needed`: what was skipped is not called done, and what failed first not unneeded. */
export function stepsDone({ steps }: RunState): string {
  const done = steps.filter((step) => step.status === "done").length;
  const skipped = steps.filter((step) => step.status === "skipped");
  const tried = skipped.filter((step) => step.attempt > 0).length;
  const unneeded = skipped.length - tried;
  return [
    `${done} of ${steps.length} steps done`,
    ...(unneeded > 0 ? [`${unneeded} not needed`] : []),
    ...(tried > 0 ? [`${tried} skipped`] : []),
  ].join(", ");
}

function proofIn(result: Json | undefined): Proof | null {
  if (!isJsonObject(result)) return null;
  const { rescued, equal, tables } = result;
  if (typeof rescued !== "number" || typeof equal !== "number") return null;
  return {
    rescued,
    equal,
    different: numberIn(result.different),
    absent: numberIn(result.absent),
    remade: numberIn(result.remade),
    short: numberIn(result.short),
    tables: Array.isArray(tables) ? tables.filter(isJsonObject).flatMap(tableIn) : [],
    values: result.values === true,
  };
}

function tableIn({ table, equal }: JsonObject): Proof["tables"] {
  return typeof table === "string" && typeof equal === "number" ? [{ table, equal }] : [];
}

/** In front of what a run left behind: a date alone would suggest that something removes it then, and nothing does. */
export function keptWords(keptUntil: number | undefined): string {
  return keptUntil === undefined ? "kept, YOU drop it" : `kept, YOU drop it (counted on until ${utc(keptUntil)})`;
}
