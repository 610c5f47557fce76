import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { RunEvent } from "../../src/core/event.ts";
import type { Lease } from "../../src/core/lease.ts";
import { writeOff } from "../../src/runner/write-off.ts";
import { opened, testJournal } from "../journal/support.ts";

const lease = (id: string, where: string): Lease => ({
  id,
  kind: "row-pin",
  name: id,
  where,
  step: "freeze",
  words: "w",
  byHand: `remove ${id}`,
  keepable: false,
  facts: null,
});

const held: readonly RunEvent[] = ["main", "machine"].flatMap((where, index): readonly RunEvent[] => [
  { kind: "lease.intended", lease: lease(`L${index + 1}`, where) },
  { kind: "lease.taken", lease: `L${index + 1}`, facts: null },
]);

test("a rehearsal's run is closed with what it held: gone with its server, or named for a person to remove", () => {
  const { journal } = testJournal();
  const run = journal.open({ ...opened(), purpose: "drill" });
  run.append(held);
  run.release();
  expect(writeOff({ journal, clock: systemClock }, run.run, "its server is gone")).toEqual(["remove L2"]);
  expect(journal.runs()).toMatchObject([{ status: "abandoned" }]);
  const kinds = journal.read(run.run).map(({ event }) => event.kind);
  expect(kinds.slice(-3)).toEqual(["lease.released", "lease.kept", "run.closed"]);
  expect(journal.verify().intact).toBe(true);
});

test.each(["live", "dry-run"] as const)("a %s run is never written off, and its lock is given back", (purpose) => {
  const { journal } = testJournal();
  const run = journal.open({ ...opened(), purpose });
  run.release();
  const before = journal.read(run.run).length;
  expect(() => writeOff({ journal, clock: systemClock }, run.run, "")).toThrow("only a rehearsal's run");
  expect(journal.read(run.run)).toHaveLength(before);
  expect(journal.runs()).toMatchObject([{ status: "open", driven: false }]);
});
