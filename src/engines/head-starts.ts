import type { Progress } from "../core/step.ts";
import type { Watch } from "./engine.ts";

/** Work that begins before anybody waits for it, by name. It lives in this process alone: whoever needs it later begins it anew. */
export interface HeadStarts<T> {
  /** Returns at once. Of one name only the first begins; what fails is kept until somebody waits. */
  begin(name: string, work: (watch: Watch) => Promise<T>, watch: Watch): void;
  /** From now on it tells `watch` how far it is. Null where nothing was begun; what failed may be begun anew after this told it. */
  wait(name: string, watch: Watch): Promise<T> | null;
  /** Ends all that is under way, and waits until it has ended. */
  stop(): Promise<void>;
}

interface Started<T> {
  readonly over: Promise<T>;
  readonly stop: AbortController;
  /** Who waits for it; nobody hears of it before. */
  heard: Watch | null;
  last: Progress | null;
}

export function headStarts<T>(): HeadStarts<T> {
  const all = new Map<string, Started<T>>();
  return {
    begin: (name, work, watch) => {
      if (!all.has(name)) all.set(name, start(work, watch));
    },
    wait: (name, watch) => {
      const started = all.get(name);
      if (started === undefined) return null;
      started.heard = watch;
      if (started.last !== null) watch.progress(started.last);
      const forget = () => void all.delete(name);
      started.over.then(forget, forget);
      return untilPaused(started.over, watch);
    },
    stop: async () => {
      const going = [...all.values()];
      all.clear();
      for (const { stop } of going) stop.abort(new Error("nobody waits for it any more"));
      await Promise.allSettled(going.map(({ over }) => over));
    },
  };
}

function start<T>(work: (watch: Watch) => Promise<T>, { pausing, signal }: Watch): Started<T> {
  const stop = new AbortController();
  const told: Watch = {
    pausing,
    signal: AbortSignal.any([signal, stop.signal]),
    progress: (progress) => {
      started.last = progress;
      started.heard?.progress(progress);
    },
    output: (text) => started.heard?.output(text),
  };
  const over = Promise.resolve().then(() => work(told));
  over.catch(() => undefined); // it is told to whoever waits
  const started: Started<T> = { over, stop, heard: null, last: null };
  return started;
}

/** A pause need not wait for what can be begun anew; the work itself goes on until it is stopped. */
function untilPaused<T>(over: Promise<T>, { pausing }: Watch): Promise<T> {
  const paused = Promise.withResolvers<never>();
  const onPause = () => paused.reject(pausing.reason);
  if (pausing.aborted) onPause();
  pausing.addEventListener("abort", onPause);
  return Promise.race([over, paused.promise]).finally(() => pausing.removeEventListener("abort", onPause));
}
