import { expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { note, opened, printed, progressed, testJournal } from "./support.ts";

function kept(journal: Journal, run: string): unknown[] {
  return journal.read(run).flatMap(({ seq, at, event }) => {
    if (event.kind === "step.progressed") return [[seq, at, event.progress.done]];
    if (event.kind === "output.printed") return [[seq, at, event.text]];
    return [];
  });
}

test("of ten updates a second the journal keeps one, and the last before the next durable event", () => {
  const { journal, clock } = testJournal();
  const run = journal.open(opened());
  const start = clock.now();
  for (let done = 0; done < 25; done += 1) {
    run.append([progressed(done)], "passing");
    clock.pass(100);
  }
  expect(kept(journal, run.run)).toEqual([
    [2, start, 0],
    [3, start + 1000, 10],
    [4, start + 2000, 20],
  ]);
  const [ended] = run.append([note("ended")]);
  expect(ended?.seq).toBe(6);
  expect(kept(journal, run.run).at(-1)).toEqual([5, start + 2400, 24]);
  expect(stepOf(foldRun(journal.read(run.run)), "merge").progress?.done).toBe(24);
});

test("every kind and every step has a second of its own", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([progressed(1), progressed(2, "freeze"), printed("a"), printed("b", "freeze")], "passing");
  expect(kept(journal, run.run)).toHaveLength(4);
  run.append([progressed(3), printed("c")], "passing");
  expect(kept(journal, run.run)).toHaveLength(4);
});

test("an event that was not kept carries the newest seq, and seq stays without gaps", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  const seqs = [1, 2, 3].map((done) => run.append([progressed(done)], "passing")[0]?.seq);
  expect(seqs).toEqual([2, 2, 2]);
  run.append([note("a")]);
  expect(journal.read(run.run).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(journal.verify().intact).toBe(true);
});

test("what was held back is written once", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([progressed(1)], "passing");
  run.append([progressed(2)], "passing");
  run.append([note("a")]);
  run.append([note("b")]);
  expect(kept(journal, run.run)).toHaveLength(2);
});

test("a durable event in a passing batch is durable, in its place", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([progressed(1)], "passing");
  run.append([progressed(2), note("a")], "passing");
  expect(journal.read(run.run).map(({ event }) => event.kind)).toEqual([
    "run.opened",
    "step.progressed",
    "step.progressed",
    "note.added",
  ]);
});
