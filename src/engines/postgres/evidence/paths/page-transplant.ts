import type { Connection } from "../../connection.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import { type Closed, closedOption, closedReady, openReady, type When } from "../closed.ts";
import { pageinspectMissing } from "../extensions.ts";
import { countRows } from "../pages/count.ts";
import { withUntold } from "../pages/untold.ts";
import { number } from "../say.ts";
import { tablesOf } from "../statement.ts";
import { scratchPart } from "../transplant/scratch.ts";
import { shapesOf } from "../transplant/shapes.ts";
import { bytesToRead, transplant } from "../transplant/transplant.ts";
import { countedOrClosed, sumOf } from "./counted.ts";
import { hasAll, heldByPages, lossOfPages } from "./loss.ts";
import type { RecoveryPath } from "./path.ts";
import { programsMissing } from "./programs.ts";

/** Dead rows off their pages, by a throw-away server that gets those pages. */
export const pageTransplant: RecoveryPath = {
  name: "page-transplant",
  fits: ({ kind }) => kind === "one" || kind === "group",
  option: async (context, statement, watch) => {
    const connection = await context.target.catalogue();
    const closed = await whyClosed(context.target, connection, tablesOf(statement), "now");
    if (closed) return closedOption(base, closed);
    const found = await countedOrClosed(() => pageTransplant.count(context, statement, watch));
    if (found.closed) return closedOption(base, found.closed);
    const { counted } = found;
    const rows = sumOf(counted, "rows");
    return {
      ...base,
      feasible: rows > 0,
      why:
        rows > 0
          ? `${number(rows)} ${statement.values ? "former versions of rows" : "deleted rows"} are still on their pages.`
          : `No ${statement.values ? "former version of a row" : "deleted row"} of this statement is on its page any more.`,
      takesMs: expectedMs(await context.reading((one) => bytesToRead(one, statement)), rows),
      rows,
      loses: lossOfPages(statement, counted),
      recommended: rows > 0 && hasAll(statement, counted),
    };
  },
  ready: async ({ target }, { tables, bytes, rows }) => {
    const closed = await whyClosed(target, await target.catalogue(), tables, "ahead");
    if (closed) return closedReady(base, closed);
    return openReady(base, {
      why: "Deleted rows stay on their pages for a while.",
      ...heldByPages,
      takesMs: expectedMs(bytes, rows),
    });
  },
  count: async ({ target, reading, recent }, statement, watch) =>
    withUntold(
      await target.catalogue(),
      statement,
      await recent(statement.value, () =>
        reading(async (connection) => countRows(connection, await target.catalogue(), statement, watch)),
      ),
    ),
  parts: ({ target }, run) => [scratchPart(target, run)],
  recover: async ({ target, reading }, statement, run, watch) => {
    const recovered = await reading((connection) => transplant(target, connection, statement, run, watch));
    return { ...recovered, tables: await withUntold(await target.catalogue(), statement, recovered.tables) };
  },
};

const base = {
  path: "page-transplant",
  label: "Dead rows off their pages (page transplant)",
  needs: ["superuser and pageinspect on the target", "PostgreSQL programs of the same major version on this machine"],
  rescues: true,
} as const;

async function whyClosed(
  target: PostgresTarget,
  connection: Connection,
  tables: readonly TableName[],
  when: When,
): Promise<Closed | null> {
  const { unfit } = await shapesOf(connection, tables);
  if (unfit.length > 0)
    return { why: `Pages can't be carried over: ${unfit.join("; ")}.`, opensWith: "Another recovery path." };
  return (await pageinspectMissing(connection, when)) ?? programsMissing(target, connection);
}

/** Measured on two cores: 1.5 s to set up, 100 MB of pages a second, 500,000 rows a second out of it. */
function expectedMs(bytes: number, rows: number): number {
  return Math.round(1500 + bytes / 100_000 + rows / 500);
}
