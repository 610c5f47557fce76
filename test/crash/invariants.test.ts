import { beforeAll, describe, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import type { Stamped } from "../../src/core/event.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { eventHash } from "../../src/journal/chain.ts";
import { memoryTarget, testAssembly, withMemory } from "../support/assembly.ts";
import { badDelete } from "../support/memory-bench.ts";
import type { Lived } from "./drive.ts";
import { type Evidence, type RunSeen, violationsIn } from "./invariants.ts";

/** A whole run in this process, with nothing wrong. */
let sound: Evidence;
let seen: RunSeen;

beforeAll(async () => {
  const server = memoryServer();
  badDelete(server, { rows: 120, taken: 80 });
  const { workbench, end } = testAssembly({ reachable: memoryTarget("sandbox"), seams: withMemory(server) });
  const inputs = { table: "public.orders" };
  const plan = await workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs });
  const choices = { statement: "largest", path: "recommended", triggers: "skip" };
  const wishes = { choices, keepRescue: false };
  const session = workbench.open(plan, { wishes, interactive: false, yesSandbox: true, purpose: "live" });
  await session.ended;
  const events = workbench.timeline(session.run);
  await end();
  const markers = server.read(({ markers: kept }) =>
    Object.values(kept ?? {}).map(({ key, done, intentDigest }) => ({ key, done, intent: intentDigest })),
  );
  seen = { run: session.run, events, state: foldRun(events), markers };
  const seenTarget = { rows: "1\n2", footprint: ["option shop.orders"] };
  sound = {
    world: { results: { merge: { inserted: 160, left: 0 } }, lostValue: "x" },
    done: true,
    processes: [process(events.map((one) => JSON.stringify({ run: session.run, ...one })).join("\n"))],
    verified: { intact: true, runs: 1, events: events.length, firstBad: null, head: "" },
    runs: [seen],
    usualMarkers: markers.map(({ key }) => key),
    before: seenTarget,
    now: seenTarget,
    left: [],
    leaked: [],
  };
});

function process(stdout: string, more: Partial<Lived> = {}): Lived {
  const ended = { args: [], code: 0, signal: null, stdout: `${stdout}\n`, stderr: "", hung: false };
  return { ...ended, fault: null, struck: false, where: null, beside: null, ...more };
}

const hashesBy = (run: string, events: readonly Stamped[]) => {
  let before = "";
  return events.map(({ seq, at, event }) => {
    before = eventHash(run as RunSeen["run"], before, { seq, at, kind: event.kind, body: JSON.stringify(event) });
    return before;
  });
};
const broken = (evidence: Partial<Evidence>) => [
  ...new Set(violationsIn({ ...sound, ...evidence }).map(({ invariant }) => invariant)),
];
const withRun = (run: Partial<RunSeen>) => broken({ runs: [{ ...seen, ...run }] });
const withEvents = (change: (events: Stamped[]) => Stamped[]) => {
  const events = change([...seen.events]);
  return withRun({ events, state: foldRun(events) });
};
const last = () => seen.events.at(-1) as Stamped;

describe("an invariant that is broken is named", () => {
  test("none is, of a run with nothing wrong", () => {
    expect(violationsIn(sound)).toEqual([]);
  });

  test("I1, by a journal that does not verify, and by a gap in a run's numbers", () => {
    expect(broken({ verified: { ...sound.verified, intact: false } })).toEqual(["I1"]);
    expect(withEvents((events) => events.filter(({ event }) => event.kind !== "step.verified"))).toContain("I1");
  });

  test("I2, by a marker that names no entry of the journal, or one from before its intent", () => {
    const [marker, ...others] = seen.markers;
    if (marker === undefined) throw new Error("no marker");
    expect(withRun({ markers: [{ ...marker, intent: "0000" }, ...others] })).toEqual(["I2"]);
    const merge = seen.markers.filter(({ key }) => key.startsWith("merge"));
    const early = merge.map((one) => ({ ...one, intent: marker.intent }));
    expect(withRun({ markers: [...seen.markers.filter(({ key }) => !key.startsWith("merge")), ...early] })).toEqual([
      "I2",
    ]);
  });

  test("none is by the markers of an item of each:, whose step has a colon in its key", () => {
    const [item, step] = ["merge:east", "merge"];
    const renamed = (text: string) => (text === step ? item : text);
    const events = seen.events.map((one) =>
      "step" in one.event && typeof one.event.step === "string"
        ? ({ ...one, event: { ...one.event, step: renamed(one.event.step) } } as Stamped)
        : one,
    );
    const steps = seen.state.steps.map((one) => ({ ...one, step: { ...one.step, key: renamed(one.step.key) } }));
    const hash = hashesBy(seen.run, events);
    const old = hashesBy(seen.run, seen.events);
    const markers = seen.markers.map(({ key, done, intent }) => ({
      key: key.replace(/^merge:/, `${item}:`),
      done,
      intent: hash[old.indexOf(intent)] ?? "",
    }));
    const found = violationsIn({ ...sound, runs: [{ ...seen, events, markers, state: { ...seen.state, steps } }] });
    expect(found.filter(({ invariant }) => invariant === "I2" || invariant === "I3")).toEqual([]);
    const begun = markers.map((one) => (one.key.startsWith(item) ? { ...one, done: false } : one));
    const undone = violationsIn({
      ...sound,
      runs: [{ ...seen, events, markers: begun, state: { ...seen.state, steps } }],
    });
    expect(undone.map(({ invariant }) => invariant)).toContain("I3");
  });

  test("I3, by an outcome without its marker", () => {
    const markers = seen.markers.filter(({ key }) => !key.startsWith("safety-copy"));
    expect(broken({ runs: [{ ...seen, markers }], usualMarkers: null })).toEqual(["I3"]);
    expect(withRun({ markers: seen.markers.map((one) => ({ ...one, done: false })) })).toEqual(["I3"]);
  });

  test("I4, by an effect that was counted otherwise, and by a marker too many", () => {
    expect(broken({ world: { ...sound.world, results: { merge: { inserted: 80 } } } })).toEqual(["I4"]);
    expect(broken({ usualMarkers: sound.usualMarkers?.slice(1) ?? [] })).toEqual(["I4"]);
  });

  test("I5, by two outcomes of one attempt, by a second end, and by a second run that is done", () => {
    const outcome = seen.events.find(({ event }) => event.kind === "step.ended" && event.attempt > 0) as Stamped;
    expect(withEvents((events) => [...events, { ...outcome, seq: last().seq + 1 }])).toContain("I5");
    expect(withEvents((events) => [...events, { ...last(), seq: last().seq + 1 }])).toContain("I5");
    expect(broken({ runs: [seen, seen] })).toContain("I5");
  });

  test("I6, by an event that was told and is not there", () => {
    const told = JSON.stringify({ run: seen.run, ...last(), seq: last().seq + 1 });
    expect(broken({ processes: [process(told)] })).toEqual(["I6"]);
  });

  test("I7, by a run that is never done, by a process that hangs, by a bug and by an exit that no table has", () => {
    const open = seen.events.slice(0, -1);
    const runs = [{ ...seen, events: open, state: foldRun(open) }];
    expect(broken({ done: false, runs, processes: [] })).toEqual(["I7"]);
    for (const end of [{ hung: true }, { code: 1 }, { code: 77 }, { code: null, signal: "SIGSEGV" as const }])
      expect(broken({ processes: [process("", end)] })).toEqual(["I7"]);
    expect(broken({ processes: [process("", { code: 7, stderr: "x HF-BUG  EACCES" })] })).toEqual(["I7"]);
    expect(broken({ processes: [process("", { code: null, signal: "SIGKILL" })] })).toEqual([]);
  });

  test("I8, by a row that is missing, new or different", () => {
    for (const rows of ["1", "1\n2\n2b", "1\n3"]) expect(broken({ now: { ...sound.now, rows } })).toEqual(["I8"]);
  });

  test("I8, by a row that is there twice", () => {
    expect(broken({ now: { ...sound.now, rows: "1\n2\n2" } })).toEqual(["I8"]);
  });

  test("I9, by an effect that nobody confirmed, or confirmed only in an earlier process", () => {
    const unasked = withEvents((events) => events.filter(({ event }) => event.kind !== "question.answered"));
    expect(unasked).toContain("I9");
    const at = seen.events.findIndex(({ event }) => event.kind === "step.intended" && event.step === "merge");
    const { state } = seen;
    const { person, version, wishes } = state;
    const resumed: Stamped = { seq: at, at: 0, event: { kind: "run.resumed", person, version, wishes } };
    expect(withEvents((events) => events.toSpliced(at, 0, resumed))).toContain("I9");
  });

  test("I10, by what is left on the server, gone from it, left on this machine, or not given back", () => {
    const { footprint } = sound.now;
    expect(broken({ now: { ...sound.now, footprint: [...footprint, "slot holdfast_1"] } })).toEqual(["I10"]);
    expect(broken({ now: { ...sound.now, footprint: [] } })).toEqual(["I10"]);
    expect(broken({ left: ["still runs: postgres"] })).toEqual(["I10"]);
    const kept = withEvents((events) => events.filter(({ event }) => event.kind !== "lease.released"));
    expect(kept).toContain("I10");
  });

  test("I11, by a second process that got to drive", () => {
    const beside = process(JSON.stringify({ run: seen.run, ...last() }));
    expect(broken({ processes: [process("", { beside })] })).toEqual(["I11"]);
    expect(broken({ processes: [process("", { beside: process("", { code: 9 }) })] })).toEqual([]);
    expect(broken({ processes: [process("", { beside, where: "journal.lock:taken" })] })).toEqual(["I11"]);
    expect(broken({ processes: [process("", { beside, where: "journal.open:before" })] })).toEqual([]);
  });

  test("I12, by a secret in a file", () => {
    expect(broken({ leaked: ["the password is in journal.sqlite"] })).toEqual(["I12"]);
  });
});
