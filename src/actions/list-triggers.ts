import { z } from "zod";
import type { Choice } from "../core/step.ts";
import type { Action } from "./action.ts";
import { some } from "./say.ts";
import { rescuedNames, rescueShape, tableShape } from "./shapes.ts";

const trigger = z.object({ table: tableShape, name: z.string(), words: z.string() });
const params = z.object({ rescue: rescueShape });
const result = z.object({ triggers: z.array(trigger).readonly() });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const listTriggers: Action<Params, Result> = {
  name: "list-triggers",
  summary: "Lists the triggers that putting the rows back would fire, and asks what to do with them",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["merge"] },

  async check() {
    return [];
  },

  async preview() {
    return { summary: "Look up the triggers of the tables, in the catalogue", lines: [], counts: {} };
  },

  async run(ctx, { rescue }) {
    return { triggers: await ctx.capability("merge").triggers(rescuedNames(rescue)) };
  },

  /** No default where there are triggers: nobody but the operator knows what they do. What has a way back is named first. */
  choices({ triggers }) {
    if (triggers.length === 0) return [nobodyToAsk];
    const listed = triggers.map(({ table, name, words }) => `${table}: ${name}, ${words}`);
    return [skip(listed), fire(listed)];
  },
};

const nobodyToAsk: Choice = {
  value: "none",
  label: "no trigger would fire",
  details: ["Foreign keys are checked by the server as always."],
  tags: ["default", "fire", "skip"],
  data: "fire",
};

function fire(listed: readonly string[]): Choice {
  return {
    value: "fire",
    label: `fire ${some(listed.length, "trigger")}`,
    details: [
      ...listed,
      "They run as for any INSERT: mails may go out again, and a BEFORE trigger may change values (updated_at).",
      "What they do has no way back. Foreign keys are checked by the server.",
    ],
    tags: [],
    data: "fire",
  };
}

function skip(listed: readonly string[]): Choice {
  return {
    value: "skip",
    label: `skip ${some(listed.length, "trigger")}`,
    details: [
      ...listed,
      "They do not run: the rows come back exactly as they were, and what the triggers keep (totals, audit) stays as it is.",
      "For our session alone this turns foreign-key checks off too, so each batch looks for parents by itself; all others are checked as always.",
    ],
    tags: [],
    data: "skip",
  };
}
