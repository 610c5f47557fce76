import { z } from "zod";
import type { Preview } from "../core/step.ts";
import type { Action } from "./action.ts";
import { decidedKinds, decidedRows } from "./conflicts.ts";
import { perTable, some, sum } from "./say.ts";
import { checkedShape, decidedShape, rescuedNames, rescueShape, tableShape } from "./shapes.ts";

const amount = z.number().int().min(0);
const copied = z.object({ table: tableShape, keys: amount, overwritten: amount });
const params = z.object({ rescue: rescueShape, checked: checkedShape, decided: decidedShape.nullish() });
const result = z.object({ tables: z.array(copied).readonly(), keys: amount, overwritten: amount });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;
type Copied = z.infer<typeof copied>;

export const copyTable: Action<Params, Result> = {
  name: "copy-table",
  summary: "Takes the safety copy: the keys to be inserted, and the present version of what would be overwritten",
  effect: "hold",
  recovery: ["transactional"],
  params,
  result,
  roles: { main: ["rescueArea", "marker"] },

  async check() {
    return [];
  },

  async preview(ctx, { rescue, checked, decided }) {
    const kinds = decidedKinds(decided);
    const found =
      kinds.length > 0 && !ctx.dryRun
        ? await ctx.capability("rescueArea").check(ctx.run, rescuedNames(rescue), ctx, kinds)
        : checked.tables;
    const tables = found.map((one) => {
      const { overwritten, again } = decidedRows([one], kinds);
      const { table, willInsert, values } = one;
      return { table, keys: willInsert + again, overwritten: (values?.willSet ?? 0) + overwritten };
    });
    const expects = totals(tables);
    if (expects.overwritten > 0 || checked.willSet !== undefined) return ofPresent(expects);
    return {
      ...(kinds.length > 0 ? { mayShrink: ["keys"] } : {}),
      summary: `Note ${some(expects.keys, "key")} beside the rescued rows, as the way back from the merge`,
      lines: [perTable(tables.map(({ table, keys }) => ({ table, rows: keys }))), "No row will be overwritten."],
      counts: { keys: expects.keys },
      undo: "It goes with the rescue area.",
      expects,
    };
  },

  async run(ctx, { rescue, decided }) {
    const area = ctx.capability("rescueArea");
    const kinds = decidedKinds(decided);
    const tables: Copied[] = [];
    for (const table of rescuedNames(rescue)) {
      const copy = await ctx.once(table, async (tx) => ({ ...(await area.safetyCopy(tx, ctx.run, table, kinds)) }));
      tables.push({ table, keys: copy.keys, overwritten: copy.overwritten });
    }
    return totals(tables);
  },

  undo: { words: "drop the rescue area" },
};

/** What is there now of each row that will be written over: with it, and the keys of what is inserted, the merge can be taken back. */
function ofPresent(expects: Result): Preview {
  const { keys, overwritten, tables } = expects;
  const noted = keys === 0 ? "" : `, and note ${some(keys, "key")}`;
  return {
    summary: `Copy the present version of ${some(overwritten, "row")}${noted}, as the way back from the merge`,
    lines: [perTable(tables.map((one) => ({ table: one.table, rows: one.overwritten })))],
    counts: { rows: overwritten },
    mayShrink: ["rows"],
    undo: "It goes with the rescue area.",
    expects,
  };
}

function totals(tables: readonly Copied[]): Result {
  return { tables, keys: sum(tables, (one) => one.keys), overwritten: sum(tables, (one) => one.overwritten) };
}
