import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStore, throttle } from "../../src/screens/store.ts";
import type { Command } from "../../src/screens/model.ts";
import { letters, model, named } from "./support/look.ts";

describe("the store", () => {
  it("shows the new model to those who listen before its commands are performed", () => {
    const seen: string[] = [];
    const store = createStore(
      model(),
      () => 1,
      (command) => seen.push(command.do),
      () => seen.push("bug"),
    );
    const unsubscribe = store.subscribe(() => seen.push(store.get().routes.at(-1)!.kind));
    store.dispatch({ kind: "key", key: letters("j") });
    expect(seen).toEqual(["journal", "refresh"]);
    unsubscribe();
    store.dispatch({ kind: "key", key: named("escape") });
    expect(seen).toHaveLength(2);
  });

  it("hands a bug to its owner and keeps the model as it was", () => {
    const bugs: unknown[] = [];
    const fail = (_command: Command) => {
      throw new Error("broken");
    };
    const store = createStore(
      model(),
      () => 1,
      fail,
      (error) => bugs.push(error),
    );
    store.dispatch({ kind: "key", key: letters("q") });
    expect(bugs).toEqual([new Error("broken")]);
    const before = store.get();
    store.dispatch({ kind: "no such message" } as never);
    expect(bugs).toHaveLength(2);
    expect(store.get()).toBe(before);
  });
});

describe("throttle", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("publishes at most once per interval, never queues, and always brings the last value", () => {
    let value = 0;
    const published: number[] = [];
    const publishing = throttle(
      () => published.push(value),
      100,
      () => Date.now(),
    );
    for (let n = 1; n <= 1000; n += 1) {
      value = n;
      publishing.changed();
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(1000);
    expect(published.length).toBeGreaterThanOrEqual(10);
    expect(published.length).toBeLessThanOrEqual(11);
    expect(published.at(-1)).toBe(1000);
  });

  it("publishes a first change at once, and nothing after it was stopped", () => {
    let times = 0;
    const publishing = throttle(
      () => (times += 1),
      100,
      () => Date.now(),
    );
    publishing.changed();
    expect(times).toBe(1);
    publishing.changed();
    publishing.stop();
    vi.advanceTimersByTime(1000);
    expect(times).toBe(1);
  });

  it("publishes what waits when it is flushed", () => {
    let times = 0;
    const publishing = throttle(
      () => (times += 1),
      100,
      () => Date.now(),
    );
    publishing.changed();
    publishing.changed();
    publishing.flush();
    publishing.flush();
    expect(times).toBe(2);
  });
});
