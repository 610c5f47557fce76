import { Fault } from "../core/errors.ts";
import type { LeaseState } from "../core/run-state.ts";
import type { Statement } from "../engines/evidence.ts";
import type { ActionContext } from "./action.ts";

/** What a recovery makes for the while, as leases; what is there already is not taken twice. */
export async function takeParts(
  ctx: ActionContext,
  statement: Statement,
  path: string,
): Promise<readonly LeaseState[]> {
  const taken: LeaseState[] = [];
  for (const part of await ctx.capability("evidence").recoveryParts(statement, path, ctx.run))
    taken.push(await ctx.lease(part));
  return taken;
}

/**
 * When the rows are durable. What can't be given back now stays a lease of the run, which tries again at its end and says so: that must
 * not make rows look lost that are not.
 */
export async function giveBackParts(ctx: ActionContext, leases: readonly LeaseState[]): Promise<void> {
  for (const lease of leases.toReversed()) {
    await ctx.releaseLease(lease).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      ctx.output(`${lease.lease.name} could not be given back yet: ${error.record.message}`);
    });
  }
}
