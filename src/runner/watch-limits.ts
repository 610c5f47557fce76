import { openLeases } from "../core/run-state.ts";
import type { Driver } from "./driver.ts";
import { keeperOf, releaseLease } from "./leases.ts";

const lookEveryMs = 10_000;

/** While an answer is waited for, gives back what has come to its limit: nobody may be there to see it fill a disk. */
export async function watchingLimits<T>(driver: Driver, wait: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const watch = look(driver, over.signal);
  try {
    return await wait();
  } finally {
    over.abort();
    await watch;
  }
}

async function look(driver: Driver, over: AbortSignal): Promise<void> {
  for (;;) {
    await driver.parts.clock.sleep(lookEveryMs, over);
    if (over.aborted) return;
    // A connection that is lost meanwhile is told by the first thing that needs it.
    await giveBackOver(driver).catch(() => undefined);
  }
}

async function giveBackOver(driver: Driver): Promise<void> {
  for (const state of openLeases(driver.log.state)) {
    if (state.status !== "taken") continue;
    const why = (await keeperOf(driver, state).over?.(state.lease)) ?? null;
    if (why === null) continue;
    driver.log.append({ kind: "lease.changed", lease: state.lease.id, words: why, facts: state.facts });
    await releaseLease(driver, state);
  }
}
