import { z } from "zod";
import type { Action } from "./action.ts";
import { about, some } from "./say.ts";
import { besideShape, chosenPathShape, statementShape } from "./shapes.ts";
import { takeParts } from "./recovery-parts.ts";

const params = z.object({ statement: statementShape, beside: besideShape.extend({ path: chosenPathShape }) });
const result = z.object({ leases: z.number().int().min(0) });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const startClone: Action<Params, Result> = {
  name: "start-clone",
  summary: "Begins to build a clone beside the faster way; it goes on while the next steps work",
  effect: "hold",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["evidence"] },

  async check() {
    return [];
  },

  async preview(ctx, { statement, beside }) {
    const { path } = beside;
    const parts = await ctx.capability("evidence").recoveryParts(statement, path.path, ctx.run);
    return {
      summary: "Begin to build a clone, beside the faster way",
      lines: [
        ...parts.flatMap(({ lease }) => [
          `- ${lease.words}`,
          ...(lease.costs === undefined ? [] : [`  cost: ${lease.costs}`]),
        ]),
        ...path.needs.map((need) => `needs: ${need}`),
        "It needs nobody while it is built. When it fails, the faster way's rows are kept all the same.",
      ],
      counts: { leases: parts.length },
      undo: "It is ended and removed when its rows are rescued, or when the run is given up.",
      expects: { leases: parts.length },
    };
  },

  /** Only the leases outlive this process: whoever resumes begins to build anew. */
  async run(ctx, { statement, beside: { path } }) {
    const taken = await takeParts(ctx, statement, path.path);
    ctx.capability("evidence").begin?.(statement, path.path, ctx.run, ctx);
    ctx.output(
      `the clone is being built${path.takesMs === null ? "" : `, ${about(path.takesMs)}`}; going on meanwhile`,
    );
    return { leases: taken.length };
  },

  async verify(_ctx, _params, { leases }) {
    return [{ level: "ok", text: `${some(leases, "lease")} taken; what comes of the clone is told when it is needed` }];
  },

  undo: { words: "end the clone and remove its folder" },
};
