import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Finding } from "../core/step.ts";
import type { Action } from "./action.ts";

const params = z.object({});
const result = z.object({ made: z.boolean() });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const prepareTarget: Action<Params, Result> = {
  name: "prepare-target",
  summary: "Makes our marker table on the target, which proves after a crash what was done and what was not",
  effect: "hold",
  recovery: ["probe"],
  params,
  result,
  roles: { main: ["marker"] },

  async check(ctx): Promise<readonly Finding[]> {
    const state = await ctx.capability("marker").state();
    if (state.kind !== "barred") return [{ level: "ok", text: `the marker table is ${state.kind}` }];
    return [{ level: "stop", text: state.why, hint: barredHint }];
  },

  async preview(ctx) {
    const { kind } = await ctx.capability("marker").state();
    if (kind === "present") {
      return {
        summary: "The marker table is there; nothing to make",
        lines: [],
        counts: { tables: 0 },
        expects: { made: false },
      };
    }
    return {
      summary: "Make the marker table of Holdfast on the target",
      lines: [
        "One small permanent table in a schema of our own; one row for each effect. No table of yours is touched.",
      ],
      counts: { tables: 1 },
      undo: "It stays, so that later runs know this server again. A DBA may drop it when no run is open.",
      expects: { made: true },
    };
  },

  async run(ctx) {
    const marker = ctx.capability("marker");
    const before = await marker.state();
    if (before.kind === "barred") throw barred(before.why);
    await marker.create();
    const after = await marker.state();
    if (after.kind === "present") return { made: before.kind === "absent" };
    throw new Fault("HF-MARKER-NOT-MADE", "The marker table was made and is not there.", {
      hint: "Retry. If it happens again, ask who else changes the schema of this server.",
    });
  },

  async probe(ctx) {
    const state = await ctx.capability("marker").state();
    if (state.kind === "barred") return { finding: "undecided", evidence: [state.why] };
    const evidence = [`the marker table is ${state.kind}`];
    return state.kind === "present"
      ? { finding: "done", evidence, result: { made: true } }
      : { finding: "absent", evidence };
  },

  undo: { words: "a DBA drops the marker table when no run is open" },
};

const barredHint = "Run this on the primary, or let a DBA make the marker table as the operator guide shows.";

function barred(why: string): Fault {
  return new Fault("HF-MARKER-BARRED", `No marker table may be made here: ${why}`, {
    still: "Nothing was written. What was frozen stays frozen.",
    hint: barredHint,
    exit: "refused",
  });
}
