import { z } from "zod";
import { utc } from "../core/clock.ts";
import type { Choice } from "../core/step.ts";
import type { Action } from "./action.ts";
import { some } from "./say.ts";

const kept = z.object({ id: z.string(), name: z.string(), words: z.string(), byHand: z.exactOptional(z.string()) });
const amount = z.number().int().min(0);
/** Rescued rows that are in no table after the merge, not there or with their key used again: the rescue area has the only copy of them. */
const params = z.object({ absent: amount.nullish(), remade: amount.nullish() });
const result = z.object({
  leases: z.array(kept).readonly(),
  wished: z.boolean(),
  /** Rows whose only copy goes when the rescue area goes. */
  absent: amount,
  /** UTC: until then Holdfast counts on it. Absent in journals from before it was noted. */
  until: z.exactOptional(z.string()),
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

const day = 24 * 60 * 60 * 1000;

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

  async run(ctx, { absent, remade }) {
    const leases = ctx.leases().filter(({ lease }) => lease.keepable);
    const listed = leases.map(({ lease: { id, name, words, byHand } }) => ({ id, name, words, byHand }));
    const until = utc(ctx.clock.now() + day);
    return { leases: listed, wished: ctx.wishes.keepRescue, absent: (absent ?? 0) + (remade ?? 0), until };
  },

  async verify(_ctx, _params, { absent }) {
    return absent === 0 ? [] : [{ level: "warn", text: onlyCopy(absent) }];
  },

  /**
   * One choice where there is nothing to decide: it is then taken without asking. What loses nothing comes first. The tag `default` is for
   * runs that nobody can be asked in, and faces do not show it; there is none while rows would be lost by it.
   */
  choices({ leases, wished, absent, until }) {
    if (leases.length === 0) return [drop(["Nothing of this run may outlive it."])];
    const kept = keep(leases, until ?? "a day from now");
    if (wished) return [{ ...kept, tags: ["default"] }];
    const names = leases.map(({ name }) => name).join(", ");
    const dropped = drop(["After this the merge can NOT be taken back.", `Dropped now, with its files: ${names}`]);
    if (absent === 0) return [kept, dropped];
    return [
      { ...kept, details: [`${onlyCopy(absent)}.`, ...kept.details], tags: ["recommended"] },
      {
        ...dropped,
        irreversible: `${onlyCopy(absent)}, and nothing brings ${absent === 1 ? "it" : "them"} back`,
        label: `${dropped.label}, the only copy too`,
        details: [`${onlyCopy(absent)}, and it goes.`, ...dropped.details],
        tags: [],
      },
    ];
  },
};

function onlyCopy(absent: number): string {
  return `${some(absent, "rescued row is", "rescued rows are")} in no table: this is ${absent === 1 ? "its" : "their"} only copy`;
}

function drop(details: readonly string[]): Choice {
  return { value: "drop", label: "give everything back now", details, tags: ["default"], data: "drop" };
}

function keep(leases: Result["leases"], until: string): Choice {
  return {
    value: "keep",
    label: "keep it: loses nothing, and YOU drop it later",
    details: [
      "Nothing and nobody drops it for you: not Holdfast, not the server. When you need it no more, run",
      ...leases.flatMap(({ byHand }) => (byHand === undefined ? [] : [byHand])),
      `Holdfast counts on it until ${until}, and no longer.`,
      ...leases.map(({ name, words }) => `${name}: ${words}`),
      "It takes its space until then, and the server's owners can read it. The result shows the command again.",
    ],
    tags: [],
    data: "keep",
  };
}
