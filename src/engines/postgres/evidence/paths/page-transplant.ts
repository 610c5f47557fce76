import type { Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { type Closed, closedOption } from "../closed.ts";
import { pageinspectMissing } from "../extensions.ts";
import { countRows } from "../pages/count.ts";
import { withUntold } from "../pages/untold.ts";
import { number } from "../say.ts";
import { tablesOf } from "../statement.ts";
import { scratchPart } from "../transplant/scratch.ts";
import { shapesOf } from "../transplant/shapes.ts";
import { bytesToRead, transplant } from "../transplant/transplant.ts";
import { countedOrClosed, sumOf } from "./counted.ts";
import { hasAll, lossOfPages } from "./loss.ts";
import type { RecoveryPath } from "./path.ts";
import { programsMissing } from "./programs.ts";

/** Dead rows off their pages, by a throw-away server that gets those pages. */
export const pageTransplant: RecoveryPath = {
  name: "page-transplant",
  fits: ({ kind }) => kind === "one" || kind === "group",
  option: async (context, statement, watch) => {
    const connection = await context.target.catalogue();
    const closed = await whyClosed(context.target, connection, statement);
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
          ? `${number(rows)} deleted rows are still on their pages.`
          : "No deleted row of this statement is on its page any more.",
      takesMs: await context.reading((one) => expectedMs(one, statement, rows)),
      rows,
      loses: lossOfPages(statement, counted),
      recommended: rows > 0 && hasAll(statement, counted),
    };
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

async function whyClosed(target: PostgresTarget, connection: Connection, statement: Statement): Promise<Closed | null> {
  const { unfit } = await shapesOf(connection, tablesOf(statement));
  if (unfit.length > 0)
    return { why: `Pages can't be carried over: ${unfit.join("; ")}.`, opensWith: "Another recovery path." };
  return (await pageinspectMissing(connection)) ?? programsMissing(target, connection);
}

/** Measured on two cores: 1.5 s to set up, 100 MB of pages a second, 500,000 rows a second out of it. */
async function expectedMs(connection: Connection, statement: Statement, rows: number): Promise<number> {
  const bytes = await bytesToRead(connection, statement);
  return Math.round(1500 + bytes / 100_000 + rows / 500);
}
