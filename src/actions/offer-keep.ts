import { z } from "zod";
import type { Choice } from "../core/step.ts";
import type { Action } from "./action.ts";
import { some } from "./say.ts";

const kept = z.object({ id: z.string(), name: z.string(), words: z.string() });
const params = z.object({});
const result = z.object({ leases: z.array(kept).readonly(), wished: z.boolean() });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const offerKeep: Action<Params, Result> = {
  name: "offer-keep",
  summary: "Asks whether the rescue area is dropped now or kept for a day",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: {},

  async check() {
    return [];
  },

  async preview() {
    return { summary: "Look which leases may outlive this run", lines: [], counts: {} };
  },

  async run(ctx) {
    const leases = ctx.leases().filter(({ lease }) => lease.keepable);
    const listed = leases.map(({ lease: { id, name, words } }) => ({ id, name, words }));
    return { leases: listed, wished: ctx.wishes.keepRescue };
  },

  /** One choice where there is nothing to decide: it is then taken without asking. */
  choices({ leases, wished }) {
    if (leases.length === 0) return [drop(["Nothing of this run may outlive it."])];
    const listed = leases.map(({ name, words }) => `${name}: ${words}`);
    if (wished) return [{ ...keep(listed), tags: ["default"] }];
    return [drop([...listed, "They are given back now. The way back from the merge goes with them."]), keep(listed)];
  },
};

function drop(details: readonly string[]): Choice {
  return { value: "drop", label: "give everything back now", details, tags: ["default"], data: "drop" };
}

function keep(listed: readonly string[]): Choice {
  return {
    value: "keep",
    label: `keep ${some(listed.length, "lease")} for 24 h`,
    details: [
      ...listed,
      "The rescued rows and the safety copy stay on the server, readable by its owners, and take their space until then.",
      "Nothing drops it by itself after that: `holdfast journal show` tells how to give it back by hand.",
    ],
    tags: [],
    data: "keep",
  };
}
