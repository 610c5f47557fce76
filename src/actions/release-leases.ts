import { z } from "zod";
import { utc } from "../core/clock.ts";
import { Fault, faultRecord } from "../core/errors.ts";
import type { LeaseState } from "../core/run-state.ts";
import type { Action, ActionContext, ReadContext } from "./action.ts";
import { some } from "./say.ts";

const amount = z.number().int().min(0);
const params = z.object({
  keep: z.enum(["keep", "drop"]).nullish(),
  /** Rows in a rescue area, and the proof that they are back: without it nothing is given back, since the evidence is still needed. */
  rescued: amount.nullish(),
  proved: amount.nullish(),
});
const result = z.object({ released: amount, kept: amount, keptUntil: z.string().nullable() });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

const day = 24 * 60 * 60 * 1000;

export const releaseLeases: Action<Params, Result> = {
  name: "release-leases",
  summary: "Gives back everything that was made for a while, newest first",
  effect: "hold",
  recovery: ["idempotent"],
  confirmed: "with-its-leases",
  params,
  result,
  roles: {},

  async check(_ctx, { rescued, proved }) {
    if (!rescued || typeof proved === "number") return [];
    return [
      {
        level: "stop",
        text: `${some(rescued, "rescued row")} are not proved to be back, so the evidence is still needed`,
        hint: "Resume at the step that proves them; or give the run up, which gives everything back as it is.",
      },
    ];
  },

  async preview(ctx, { keep }) {
    const { kept, released } = sorted(ctx, keep);
    return {
      summary: `Give back ${some(released.length, "lease")}${kept.length > 0 ? `, keep ${kept.length} for 24 h` : ""}`,
      lines: [
        ...released.map(({ lease }) => `${lease.id} ${lease.name}: ${lease.words}`),
        ...kept.map(({ lease }) => `${lease.id} ${lease.name} is kept; by hand: ${lease.byHand}`),
      ],
      counts: { leases: released.length },
      expects: { released: released.length, kept: kept.length, keptUntil: null },
    };
  },

  /** The dates first: a kill in between then never leaves a lease that the operator wanted to keep without one. */
  async run(ctx, { keep }) {
    const { kept, released } = sorted(ctx, keep);
    const until = ctx.clock.now() + day;
    for (const lease of kept) ctx.keepLease(lease, until);
    await releaseEach(ctx, released);
    return { released: released.length, kept: kept.length, keptUntil: kept.length > 0 ? utc(until) : null };
  },

  undo: { irreversible: "what was given back is gone; a new run takes it anew" },
};

/** One that can't be given back is no reason to leave the others; it is named, and the step fails. */
async function releaseEach(ctx: ActionContext, leases: readonly LeaseState[]): Promise<void> {
  const failed: string[] = [];
  for (const lease of leases) {
    await ctx.releaseLease(lease).catch((error: unknown) => {
      const { code, message } = faultRecord(error);
      if (code === "HF-BUG") throw error;
      failed.push(`${lease.lease.name}: ${message}. By hand: ${lease.lease.byHand}`);
    });
  }
  if (failed.length === 0) return;
  throw new Fault("HF-LEASE-NOT-RELEASED", `${some(failed.length, "lease")} could not be given back.`, {
    cause: failed.join("; "),
    still: "The run stays open, so that nothing of it is forgotten; all others were given back.",
    hint: "Retry when the target answers again, or give them back by hand as shown.",
  });
}

/** Newest first, so that what holds the evidence, taken before all else, goes last. */
function sorted(ctx: ReadContext, keep: Params["keep"]): Record<"kept" | "released", readonly LeaseState[]> {
  const keeping = keep === "keep" || ctx.wishes.keepRescue;
  const open = ctx.leases().toReversed();
  const stays = ({ lease }: LeaseState) => keeping && lease.keepable;
  return { kept: open.filter(stays), released: open.filter((lease) => !stays(lease)) };
}
