import type { Command, Message, Model } from "./model.ts";
import { update } from "./update.ts";

export interface Store {
  readonly get: () => Model;
  readonly subscribe: (listener: () => void) => () => void;
  readonly dispatch: (message: Message) => void;
}

/** Holds the model outside React. Commands are performed after the new model is in place, so that they may dispatch in turn. A bug goes to `onBug`, never to the terminal. */
export function createStore(
  first: Model,
  now: () => number,
  perform: (command: Command) => void,
  onBug: (error: unknown) => void,
): Store {
  const listeners = new Set<() => void>();
  let model = first;
  return {
    get: () => model,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispatch(message) {
      try {
        const next = update(model, message, now());
        model = next.model;
        for (const listener of listeners) listener();
        for (const command of next.commands) perform(command);
      } catch (error) {
        onBug(error);
      }
    },
  };
}

export interface Throttle {
  /** Something changed: publishes at once if the last time is long enough ago, else when it is. The last value always arrives. */
  changed(): void;
  /** Publishes what waits, now. */
  flush(): void;
  stop(): void;
}

/** Coalesces, never queues: however often something changes, at most one publication per `everyMs`. */
export function throttle(publish: () => void, everyMs: number, now: () => number): Throttle {
  let lastAt = Number.NEGATIVE_INFINITY;
  let waiting: NodeJS.Timeout | undefined;
  const fire = () => {
    clearTimeout(waiting);
    waiting = undefined;
    lastAt = now();
    publish();
  };
  return {
    changed() {
      const left = lastAt + everyMs - now();
      if (left <= 0) fire();
      else waiting ??= setTimeout(fire, left);
    },
    flush() {
      if (waiting !== undefined) fire();
    },
    stop() {
      clearTimeout(waiting);
      waiting = undefined;
    },
  };
}
