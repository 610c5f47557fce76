import { expect, test } from "vitest";
import type { Progress } from "../../src/core/step.ts";
import type { Watch } from "../../src/engines/engine.ts";
import { headStarts } from "../../src/engines/head-starts.ts";

function watched() {
  const [pausing, cancelling] = [new AbortController(), new AbortController()];
  const told: Progress[] = [];
  const watch: Watch = {
    pausing: pausing.signal,
    signal: cancelling.signal,
    progress: (progress) => void told.push(progress),
    output: () => undefined,
  };
  return { pausing, cancelling, told, watch };
}

/** Runs until it is let go or its signal ends it. */
function work() {
  const gate = Promise.withResolvers<string>();
  let runs = 0;
  const run = (watch: Watch) => {
    runs += 1;
    watch.signal.addEventListener("abort", () => gate.reject(watch.signal.reason));
    watch.progress({ done: 1, total: 3, unit: "MB" });
    return gate.promise;
  };
  return { ...gate, run, runs: () => runs };
}

test("begins once, and hands over to whoever waits, with where it stood", async () => {
  const ahead = headStarts<string>();
  const [first, later, built] = [watched(), watched(), work()];
  ahead.begin("a", built.run, first.watch);
  ahead.begin("a", built.run, first.watch);
  await new Promise(setImmediate);
  expect([built.runs(), first.told]).toEqual([1, []]);
  const waiting = ahead.wait("a", later.watch);
  expect(later.told).toEqual([{ done: 1, total: 3, unit: "MB" }]);
  built.resolve("clone");
  expect(await waiting).toBe("clone");
  expect(ahead.wait("a", later.watch)).toBeNull();
});

test("keeps a failure that nobody waits for yet, tells it once, and lets it be begun anew", async () => {
  const ahead = headStarts<string>();
  const { watch } = watched();
  ahead.begin("a", () => Promise.reject(new Error("no room")), watch);
  await new Promise((resolve) => setTimeout(resolve, 5)); // an unhandled rejection would end the test run
  await expect(ahead.wait("a", watch)).rejects.toThrow("no room");
  expect(ahead.wait("a", watch)).toBeNull();
  ahead.begin("a", () => Promise.resolve("built"), watch);
  expect(await ahead.wait("a", watch)).toBe("built");
});

test("a pause ends the waiting and not the work; stopping ends that, and waits until it is over", async () => {
  const ahead = headStarts<string>();
  const [waiting, built] = [watched(), work()];
  ahead.begin("a", built.run, watched().watch);
  const wait = ahead.wait("a", waiting.watch);
  waiting.pausing.abort("a pause");
  await expect(wait).rejects.toBe("a pause");
  let isOver = false;
  const over = built.promise.catch(() => void (isOver = true));
  await ahead.stop();
  expect(isOver).toBe(true);
  await over;
});

test("the signal of the run that began it ends it", async () => {
  const ahead = headStarts<string>();
  const [run, built] = [watched(), work()];
  ahead.begin("a", built.run, run.watch);
  await new Promise(setImmediate);
  const cancelled = new Error("cancelled");
  run.cancelling.abort(cancelled);
  await expect(ahead.wait("a", watched().watch)).rejects.toBe(cancelled);
});
