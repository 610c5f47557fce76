import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Choice } from "../core/step.ts";
import type { PathOption } from "../engines/evidence.ts";
import type { Action } from "./action.ts";
import { about, rowsBetween, some } from "./say.ts";
import { giveBackSpent } from "./spent-leases.ts";
import { type ChosenPath, pathShape, statementShape } from "./shapes.ts";

const params = z.object({ statement: statementShape });
const result = z.object({ statement: z.string(), paths: z.array(pathShape).readonly() });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const surveyRecoveryPaths: Action<Params, Result> = {
  name: "survey-recovery-paths",
  summary: "Lists the ways back, each with its time and loss; closed ones with what would open them",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["evidence"] },

  async check() {
    return [];
  },

  async preview(_ctx, { statement }) {
    return {
      summary: `Find out which ways back are open for ${rowsBetween(statement)}`,
      lines: [],
      counts: {},
    };
  },

  async run(ctx, { statement }) {
    const paths = await ctx.capability("evidence").paths(statement, ctx, ctx.wishes.choice);
    await giveBackSpent(ctx, false);
    if (!paths.some((path) => path.feasible)) throw allClosed(paths);
    return { statement: statement.value, paths };
  },

  choices({ statement, paths }) {
    const best = paths.find((path) => path.feasible && path.recommended) ?? paths.find((path) => path.feasible);
    return paths.map((path) => choiceOf(path, statement, path === best));
  },
};

function allClosed(paths: readonly PathOption[]): Fault {
  const reasons = paths.map((path, nth) => `(${nth + 1}) ${path.path}: ${closedBecause(path)}`).join(" ");
  return new Fault("HF-PATHS-CLOSED", `No way back is open. ${reasons}`, {
    still: "The evidence stays frozen until this run gives it back; nothing was changed.",
    wayOn: "mend",
    hint: "Do what would open a path, then `holdfast resume`; otherwise restore the table from a backup, beside the live one.",
  });
}

function closedBecause({ why, opensWith }: PathOption): string {
  return opensWith === undefined ? why : `${why} It opens with: ${opensWith}`;
}

function choiceOf(path: PathOption, statement: string, recommended: boolean): Choice {
  const data: ChosenPath = { ...path, statement, ends: !path.rescues };
  return {
    value: path.path,
    label: path.label,
    ...(path.feasible ? { details: detailsOf(path) } : { details: [], disabled: closedBecause(path) }),
    tags: recommended ? ["recommended"] : [],
    data,
  };
}

/** Of an open one, in the order in which they decide: time and rows, loss, why, needs. What a closed one would cost helps nobody. */
function detailsOf({ why, takesMs, rows, loses, needs }: PathOption): readonly string[] {
  const time = takesMs === null ? "time not known" : about(takesMs);
  const back = rows === null ? "rows are counted when they are read" : `brings back ${some(rows, "row")}`;
  return [
    `${time}; ${back}`,
    `loses: ${loses}`,
    ...(why === "" ? [] : [why]),
    ...(needs.length === 0 ? [] : [`needs: ${needs.join("; ")}`]),
  ];
}
