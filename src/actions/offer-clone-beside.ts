import { z } from "zod";
import type { Choice } from "../core/step.ts";
import type { Action, ReadContext } from "./action.ts";
import { about, count, some, sum } from "./say.ts";
import { chosenPathShape, pathShape, statementShape } from "./shapes.ts";

const amount = z.number().int().min(0);
const params = z.object({ statement: statementShape, path: chosenPathShape, paths: z.array(pathShape).readonly() });
const result = z.object({
  path: z.string(),
  statement: z.string(),
  rows: amount,
  /** Rows that the statement took and that the chosen path leaves out, as far as the evidence tells. */
  short: amount,
  unknown: amount,
  clone: pathShape.nullable(),
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

/** The path that is slow and has everything: it is worth beginning before anybody knows that it is needed. */
const slow = "clone";

export const offerCloneBeside: Action<Params, Result> = {
  name: "offer-clone-beside",
  summary: "Asks whether a clone is built meanwhile, where the chosen way leaves rows out that a clone has",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["evidence"] },
  staysOpen: true,

  async check() {
    return [];
  },

  async preview() {
    return { summary: "Look whether a clone would bring back what this way leaves out", lines: [], counts: {} };
  },

  async run(ctx, { statement, path, paths }) {
    // Former values come by one way: the place of what replaced them is not told the same by two.
    const clone =
      path.path === slow || statement.values ? null : (paths.find((one) => one.path === slow && one.feasible) ?? null);
    const { rows, older, lost, unknown } = await counted(ctx, { statement, path });
    const short = Math.max(statement.rows - rows - older, lost);
    return { path: path.path, statement: statement.value, rows, short, unknown, clone };
  },

  async verify(_ctx, _params, { path, rows, short, unknown, clone }) {
    if (short + unknown === 0) return [];
    const open = clone === null ? "no clone can be made" : "a clone can fill them in: --choose beside=clone";
    const left = [
      ...(short > 0 ? [`leaves out ${count(short)} of ${some(rows + short, "row")}`] : []),
      ...(unknown > 0 ? [`can't tell of ${some(unknown, "row version")}`] : []),
    ];
    // What became of it is told by the step that rescues: with the clone, nothing may be missing.
    return [{ level: "ok", text: `${path} ${left.join(" and ")}; ${open}` }];
  },

  /** Asked only where it can matter. Nobody at the keyboard: without, since what a clone costs is the operator's to give. */
  choices(found) {
    const { clone, short, unknown, statement } = found;
    if (clone === null || short + unknown === 0)
      return [{ ...without(found), label: "nothing that a clone could add" }];
    return [
      {
        value: "clone",
        label: "build a clone meanwhile, and fill in what is missing",
        details: [
          `This way brings back ${some(found.rows, "row")}. ${missing(found)}`,
          clone.why,
          ...(clone.takesMs === null ? [] : [`${about(clone.takesMs)}, while the faster way works`]),
          ...clone.needs.map((need) => `needs: ${need}`),
        ],
        tags: ["recommended"],
        data: { starts: true, path: { ...clone, statement, ends: false } },
      },
      without(found),
    ];
  },
};

async function counted(ctx: ReadContext, { statement, path }: Pick<Params, "statement" | "path">) {
  if (path.path === slow) return { rows: statement.rows, older: 0, lost: 0, unknown: 0 };
  const tables = await ctx.capability("evidence").count(statement, path.path, ctx);
  return {
    rows: sum(tables, (table) => table.rows),
    older: sum(tables, (table) => table.older ?? 0),
    lost: sum(tables, (table) => table.lost ?? 0),
    unknown: sum(tables, (table) => table.unknown),
  };
}

function without(found: Result): Choice {
  return {
    value: "none",
    label: "go on without a clone",
    details: found.short + found.unknown === 0 ? [] : [missing(found), later],
    tags: ["default"],
    data: {
      starts: false,
      ...(found.clone === null ? {} : { path: { ...found.clone, statement: found.statement, ends: false } }),
    },
  };
}

const later =
  "They can be brought back later, by a new run that takes the path clone, as long as backup and log are kept.";

function missing({ short, unknown }: Result): string {
  const left = [
    ...(short > 0 ? [`${some(short, "row")} more that the statement took`] : []),
    ...(unknown > 0 ? [`${some(unknown, "row version")} that it can't tell of`] : []),
  ];
  return left.length === 0 ? "It leaves nothing out." : `It leaves out ${left.join(" and ")}.`;
}
