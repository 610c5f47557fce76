import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/errors.ts";

const retryDelays: readonly number[] = [100, 200, 400, 800];

/** Tries again only after errors that are known to have rolled back, and that pass by themselves; the last of them is thrown. */
export async function retrying<T>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<T>,
  tell: (fault: Fault, delay: number) => void,
): Promise<T> {
  for (const delay of retryDelays) {
    try {
      return await work();
    } catch (error) {
      if (!isRetriable(error) || signal.aborted) throw error;
      tell(error, delay);
      await clock.sleep(delay, signal);
    }
  }
  return await work();
}

/** A refused value or a full disk has rolled back too, but would be refused again. */
function isRetriable(error: unknown): error is Fault {
  return error instanceof Fault && error.record.after === "rolled-back" && error.record.passing === true;
}
