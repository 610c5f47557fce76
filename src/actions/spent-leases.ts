import type { ActionContext } from "./action.ts";

/** Gives back what the evidence needs no longer, or what has come to its limit, with the reason in the journal. */
export async function giveBackSpent(ctx: ActionContext, rescued: boolean): Promise<void> {
  const leases = ctx.leases();
  if (ctx.dryRun || leases.length === 0) return;
  const spent = (await ctx.capability("evidence").spent?.(leases, rescued)) ?? [];
  for (const { lease, words, facts } of spent) {
    const open = leases.find((one) => one.lease.id === lease);
    if (!open) continue;
    ctx.changeLease(lease, words, facts);
    await ctx.releaseLease(open);
  }
}
