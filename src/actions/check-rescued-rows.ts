import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { RunId } from "../core/ids.ts";
import type { Finding } from "../core/step.ts";
import type { CheckedTable, CheckedValues } from "../engines/rescue-area.ts";
import type { Action } from "./action.ts";
import { conflictsOf } from "./conflicts.ts";
import { keptWords } from "./merge-words.ts";
import { revealedRows } from "./revealed-rows.ts";
import { count, some } from "./say.ts";
import {
  type CheckedRescue,
  checkedRescueShape,
  isOfValues,
  type Rescue,
  rescuedNames,
  rescueShape,
  writesOf,
} from "./shapes.ts";

/** `rest`: the same rescue with what a clone beside added to it. */
const params = z.object({ rescue: rescueShape, rest: rescueShape.nullish() });
type Params = z.infer<typeof params>;

/** Rows of each table that are shown side by side with today's. */
const sampled = 5;

export const checkRescuedRows: Action<Params, CheckedRescue> = {
  name: "check-rescued-rows",
  summary: "Compares the rescued rows with the tables as they are now; from here on plain SQL may read them",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result: checkedRescueShape,
  roles: { main: ["rescueArea"] },

  async check() {
    return [];
  },

  async preview(ctx, wanted) {
    const rescue = wanted.rest ?? wanted.rescue;
    return {
      summary: `Compare ${some(rescue.rows, "rescued row")} with the tables`,
      lines: [isOfValues(rescue) ? lookedForInValues : lookedForInRows, ...(ctx.dryRun ? [noRows] : [])],
      counts: {},
      ...(ctx.dryRun ? { expects: expected(rescue) } : {}),
    };
  },

  async run(ctx, wanted) {
    const rescue = wanted.rest ?? wanted.rescue;
    if (ctx.dryRun) return expected(rescue);
    const names = rescuedNames(rescue);
    const tables = await ctx.capability("rescueArea").check(ctx.run, names, ctx);
    if (rescue.rows > 0 && tables.every(({ rows, identical }) => identical === rows))
      throw nothingMissing(ctx.run, rescue);
    return { tables, ...writesOf(tables), rescue, conflicts: conflictsOf(tables) };
  },

  async verify(ctx, _params, { tables }) {
    if (ctx.dryRun) return [{ level: "note", text: noRows }];
    return tables.flatMap((table) => [{ ...summary(table), until: "written" }, ...table.findings]);
  },

  /** Masked until somebody asks; then read from the rescue area, and kept nowhere. */
  async reveal(ctx, { tables }) {
    const area = ctx.capability("rescueArea");
    return revealedRows(tables, (table) => area.sample(ctx.run, table, sampled));
  },
};

const lookedForInRows = "Looked for: keys made again since, other unique keys, parents that are missing, duplicates.";
const lookedForInValues = "Looked for: rows that were changed again since, keys that were changed, rows that are gone.";

/** To go on would end as a success that brought nothing back. */
function nothingMissing(run: RunId, { rows, short = 0 }: Rescue): Fault {
  const took = short > 0 ? "could be rescued" : "it took";
  const all = rows === 1 ? `the 1 row that ${took} is` : `all ${count(rows)} rows that ${took} are`;
  const what = short > 0 ? `Nothing is left to put back: ${all}` : `Nothing is missing of this statement: ${all}`;
  const more = short > 0 ? ` ${some(short, "row")} more that it took can't come back this way.` : "";
  return new Fault("HF-NOTHING-MISSING", `${what} in the tables again, equal.${more}`, {
    exit: "refused",
    still: "Nothing was written to your tables.",
    hint: "Somebody has brought them back already, or another statement took what you miss: give this run up, begin anew and choose that one at the step statement.",
    next: [`holdfast resume ${run} --give-up`],
    wayOn: "abandon",
  });
}

const noRows = "A dry run rescues nothing: conflicts with rows made since are not counted yet.";

const noConflicts = { changedSince: 0, keyChanged: 0, gone: 0 };

/** What a dry run goes on with: every rescued row is missing, none is in conflict. */
function expected(rescue: Rescue): CheckedRescue {
  const clean = { identical: 0, remade: 0, removedSince: 0, otherUnique: 0, orphans: 0, duplicates: 0, findings: [] };
  const tables = rescue.tables
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows, values }) =>
      values === undefined
        ? { table, rows, missing: rows, willInsert: rows, ...clean }
        : { table, rows, missing: 0, willInsert: 0, ...clean, values: { willSet: rows, ...noConflicts } },
    );
  return { tables, ...writesOf(tables), rescue, conflicts: [] };
}

function valuesSummary({ table, rows, identical }: CheckedTable, values: CheckedValues): Finding {
  const text = `${table}: ${count(values.willSet)} of ${some(rows, "row")} will be set back${keptWords(identical, values, "open")}`;
  return { level: values.changedSince + values.keyChanged + values.gone > 0 ? "warn" : "ok", text };
}

function summary(checked: CheckedTable): Finding {
  if (checked.values) return valuesSummary(checked, checked.values);
  const { table, rows, willInsert, identical, remade, removedSince, otherUnique, orphans, duplicates } = checked;
  const conflicts = [
    [identical, "there already, equal"],
    [remade, "made again since"],
    [removedSince, "made again and removed since"],
    [otherUnique, "with another unique key taken"],
    [orphans, "without a parent"],
    [duplicates, "twice in the evidence"],
  ] as const;
  const aside = conflicts.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  const text = [`${table}: ${count(willInsert)} of ${some(rows, "row")} will be inserted`, ...aside].join("; ");
  return { level: remade + removedSince + otherUnique + orphans + duplicates > 0 ? "warn" : "ok", text };
}
