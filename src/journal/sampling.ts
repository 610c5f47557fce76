import type { PassingEvent } from "../core/event.ts";

const everyMs = 1000;

export interface Passed {
  readonly at: number;
  readonly event: PassingEvent;
}

/**
 * Picks what is kept of passing events: of each kind and step at most one a second, and the last. The newest that was not kept is held
 * back, to be written before the next event that must be durable.
 */
export interface Sampler {
  /** Takes the place of an older one of its kind and step; true: write it now. */
  hold(passed: Passed): boolean;
  /** What waits, oldest first; only what is due, or everything. */
  waiting(which: "due" | "all"): readonly Passed[];
  /** These are in the journal now. */
  kept(passed: readonly Passed[]): void;
}

/** `monotonic` in milliseconds. */
export function sampler(monotonic: () => number): Sampler {
  const held = new Map<string, Passed>();
  const keptAt = new Map<string, number>();
  const isDue = (key: string) => monotonic() - (keptAt.get(key) ?? -Infinity) >= everyMs;
  return {
    hold: (passed) => {
      const key = keyOf(passed.event);
      held.delete(key);
      held.set(key, passed);
      return isDue(key);
    },
    waiting: (which) => [...held].filter(([key]) => which === "all" || isDue(key)).map(([, passed]) => passed),
    kept: (passed) => {
      for (const { event } of passed) {
        keptAt.set(keyOf(event), monotonic());
        held.delete(keyOf(event));
      }
    },
  };
}

function keyOf({ kind, step }: PassingEvent): string {
  return `${kind} ${step}`;
}
