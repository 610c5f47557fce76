import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Finding } from "../core/step.ts";
import type { VerifiedTable } from "../engines/merge.ts";
import type { Action } from "./action.ts";
import { count, some, sum } from "./say.ts";
import { isOfValues, type Rescue, rescuedNames, rescueShape, verifiedTableShape } from "./shapes.ts";

const amount = z.number().int().min(0);
const params = z.object({ rescue: rescueShape });
const result = z.object({
  tables: z.array(verifiedTableShape).readonly(),
  rescued: amount,
  equal: amount,
  different: amount,
  absent: amount,
  remade: amount,
  /** Rows that the statement took and that were not rescued: they are in no table, and not in the rescue area. */
  short: amount,
  /** Rows were set back to what they were; absent: they were put back. */
  values: z.exactOptional(z.literal(true)),
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const verifyMerge: Action<Params, Result> = {
  name: "verify-merge",
  summary: "Proves row by row that what was rescued is in its table, to the digit",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["merge"] },

  async check() {
    return [];
  },

  async preview(ctx, { rescue }) {
    return {
      summary: `Compare ${some(rescue.rows, "rescued row")} with the tables, exactly`,
      lines: [],
      counts: {},
      ...(ctx.dryRun ? { expects: expected(rescue) } : {}),
    };
  },

  async run(ctx, { rescue }) {
    if (ctx.dryRun) return expected(rescue);
    const tables = await ctx.capability("merge").verify(ctx.run, rescuedNames(rescue), ctx);
    refuseUnproved(rescue, tables);
    return totals(rescue, tables);
  },

  async verify(ctx, { rescue }, { tables, short }) {
    if (ctx.dryRun) return [{ level: "note", text: "a dry run merges nothing, so there is nothing to prove" }];
    const found = tables.flatMap((table) => [
      summary(table, isOfValues(rescue)),
      ...table.findings.filter((one) => one.level !== "ok"),
    ]);
    return short === 0 ? found : [...found, notRescued(short)];
  },
};

/** Three things must hold: all rescued rows were looked at, each of them is one of three, and what is not there has a reason. */
function refuseUnproved(rescue: Rescue, tables: readonly VerifiedTable[]): void {
  for (const { table, rows } of rescue.tables.filter((one) => one.rows > 0)) {
    const found = tables.find((one) => one.table === table);
    if (found?.rescued !== rows)
      throw notProved(
        "HF-VERIFY-COUNT",
        `${table}: ${some(rows, "row")} rescued, ${count(found?.rescued ?? 0)} compared.`,
      );
    const told = found.equal + found.different + found.absent;
    if (told !== rows)
      throw notProved("HF-VERIFY-SUM", `${table}: ${some(rows, "row")} compared, ${count(told)} accounted for.`);
    if (hasNoReason(found))
      throw notProved(
        "HF-VERIFY-ABSENT",
        `${table}: ${some(found.absent, "row is", "rows are")} not there, and nothing explains it.`,
      );
  }
}

function hasNoReason({ absent, findings }: VerifiedTable): boolean {
  return absent > 0 && (findings.length === 0 || findings.some((finding) => finding.level === "stop"));
}

function notProved(code: string, message: string): Fault {
  return new Fault(code, message, {
    still: "The rescued rows are still in the rescue area; what was inserted stays.",
    hint: "Retry: rows that traffic deletes meanwhile show here too. Keep the rescue area until it is understood.",
    exit: "not-proved",
  });
}

function notRescued(short: number): Finding {
  const text = `${some(short, "row")} that the statement took ${short === 1 ? "was" : "were"} not rescued, and ${short === 1 ? "is" : "are"} not back`;
  return { level: "warn", text };
}

function summary({ table, rescued, equal, different, remade, absent }: VerifiedTable, isValues: boolean): Finding {
  const left = isValues ? "left as they are" : "made again since, with other values";
  const aside = [
    ...(remade > 0 ? [`${count(remade)} ${left}`] : []),
    ...(different > remade ? [`${count(different - remade)} back, and changed since`] : []),
    ...(absent > 0 ? [`${count(absent)} not there`] : []),
  ];
  const are = isValues ? "are as before" : "are back, equal";
  const text = [`${table}: ${count(equal)} of ${some(rescued, "row")} ${are} to the digit`, ...aside].join("; ");
  return { level: aside.length > 0 ? "warn" : "ok", text };
}

function expected(rescue: Rescue): Result {
  const tables = rescue.tables
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows }) => ({
      table,
      rescued: rows,
      equal: rows,
      different: 0,
      absent: 0,
      remade: 0,
      findings: [],
    }));
  return totals(rescue, tables);
}

function totals(rescue: Rescue, tables: Result["tables"]): Result {
  return {
    ...(isOfValues(rescue) ? { values: true as const } : {}),
    tables,
    rescued: sum(tables, (one) => one.rescued),
    equal: sum(tables, (one) => one.equal),
    different: sum(tables, (one) => one.different),
    absent: sum(tables, (one) => one.absent),
    remade: sum(tables, (one) => one.remade),
    short: rescue.short ?? 0,
  };
}
