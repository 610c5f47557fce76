import type { Statement } from "../engines/evidence.ts";
import type { ActionContext } from "./action.ts";
import type { RescuedTable } from "./shapes.ts";

/**
 * Before the evidence is let go of: which of the rescued rows somebody made again since, and removed again. Nothing of it is journaled; it is
 * noted beside the rows.
 */
export async function noteRemoved(
  ctx: ActionContext,
  statement: Statement,
  tables: readonly Pick<RescuedTable, "table" | "rows" | "values">[],
): Promise<void> {
  const evidence = ctx.capability("evidence");
  const wanted = tables.filter(({ rows, values }) => rows > 0 && values === undefined);
  if (evidence.removedSince === undefined || wanted.length === 0) return;
  await ctx.once("removed-since", async (tx) => {
    let noted = 0;
    for (const { table } of wanted) {
      const keys = (await evidence.removedSince?.(statement, table, ctx)) ?? [];
      noted += await ctx.capability("rescueArea").noteRemoved(tx, ctx.run, table, keys);
    }
    return { noted };
  });
}
