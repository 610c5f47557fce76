import type { PlannedStep } from "../core/plan.ts";
import { type Driver, Paused } from "./driver.ts";
import { denialOf, judge } from "./guarding.ts";

const lookEveryMs = 1000;

/** Runs the work while the watched guards (stop file, free disk) are looked at each second; a denial pauses the run at the next safe point. */
export async function watchingGuards<T>(driver: Driver, step: PlannedStep, work: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const watch = look(driver, step, over.signal).catch((error: unknown) => {
    // The same lost connection ends the work and this look at once: what the work says of it is the better answer.
    if (!over.signal.aborted) driver.pausing.abort(error);
  });
  try {
    return await work();
  } finally {
    over.abort();
    await watch;
  }
}

async function look(driver: Driver, step: PlannedStep, over: AbortSignal): Promise<void> {
  for (;;) {
    await driver.parts.clock.sleep(lookEveryMs, over);
    if (over.aborted) return;
    const verdicts = await judge(driver, step, "watched");
    const denied = denialOf(verdicts);
    if (over.aborted || !denied) continue;
    driver.log.append(...verdicts);
    driver.pausing.abort(new Paused(denied.message, "refused"));
    return;
  }
}
