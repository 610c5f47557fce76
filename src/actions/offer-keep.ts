import { z } from "zod";
import type { Choice } from "../core/step.ts";
import type { Action } from "./action.ts";
import { some } from "./say.ts";

const kept = z.object({ id: z.string(), name: z.string(), words: z.string(), byHand: z.exactOptional(z.string()) });
const amount = z.number().int().min(0);
/** Rescued rows that are not in their table after the merge: the rescue area has the only copy of them. */
const params = z.object({ absent: amount.nullish() });
const result = z.object({ leases: z.array(kept).readonly(), wished: z.boolean(), absent: amount });
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

  async run(ctx, { absent }) {
    const leases = ctx.leases().filter(({ lease }) => lease.keepable);
    const listed = leases.map(({ lease: { id, name, words, byHand } }) => ({ id, name, words, byHand }));
    return { leases: listed, wished: ctx.wishes.keepRescue, absent: absent ?? 0 };
  },

  /** One choice where there is nothing to decide: it is then taken without asking. None is the default while rows would be lost by it. */
  choices({ leases, wished, absent }) {
    if (leases.length === 0) return [drop(["Nothing of this run may outlive it."])];
    const listed = leases.map(({ name, words }) => `${name}: ${words}`);
    const kept = keep(leases);
    if (wished) return [{ ...kept, tags: ["default"] }];
    const dropped = drop(["After this the merge can NOT be taken back.", ...listed, "They are given back now."]);
    if (absent === 0) return [dropped, kept];
    const loss = `${some(absent, "rescued row is", "rescued rows are")} not back in the table: their only copy goes with it.`;
    return [
      { ...kept, tags: ["recommended"] },
      { ...dropped, details: [loss, ...dropped.details], tags: [] },
    ];
  },
};

function drop(details: readonly string[]): Choice {
  return { value: "drop", label: "give everything back now", details, tags: ["default"], data: "drop" };
}

function keep(leases: Result["leases"]): Choice {
  return {
    value: "keep",
    label: "keep it; you drop it (by hand, as listed), 24 h is our advice",
    details: [
      ...leases.flatMap(({ name, words, byHand }) => [
        `${name}: ${words}`,
        ...(byHand === undefined ? [] : [`by hand: ${byHand}`]),
      ]),
      "The rescued rows and the safety copy stay on the server, readable by its owners, and take their space until then.",
      "Nothing drops it by itself after that: `holdfast journal show` tells how to give it back by hand.",
    ],
    tags: [],
    data: "keep",
  };
}
