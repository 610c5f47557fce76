import type { Clock } from "../../../../core/clock.ts";
import type { RecoveredTable } from "../../../evidence.ts";

type Counted = readonly RecoveredTable[];
export type RecentCounts = (what: string, count: () => Promise<Counted>) => Promise<Counted>;

/** Longer than the previews of neighbouring steps lie apart, shorter than an operator needs to read one. */
const recentMs = 5000;

/** Reading a large table's pages takes seconds: what is asked again within moments is not read again. */
export function recentCounts(clock: Clock, keepMs = recentMs): RecentCounts {
  let last: { readonly what: string; readonly until: number; readonly counted: Counted } | null = null;
  return async (what, count) => {
    if (last?.what === what && clock.monotonic() < last.until) return last.counted;
    const counted = await count();
    last = { what, until: clock.monotonic() + keepMs, counted };
    return counted;
  };
}
