import { expect, onTestFinished, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import type { Question } from "../../src/core/question.ts";
import { type RunState, stepOf } from "../../src/core/run-state.ts";
import { memoryServer, type MemoryServer } from "../../src/engines/memory/server.ts";
import { backUp, createTable, insert, remove, vacuum } from "../../src/engines/memory/traffic.ts";
import { doneWords } from "../../src/words/outcome-words.ts";
import { runSummaryLines } from "../../src/words/run-summary.ts";
import { memoryTarget, testAssembly, withMemory } from "../support/assembly.ts";
import { contentOf } from "../support/memory-bench.ts";
import { answering, yes } from "../support/runner.ts";

const names = ["public.orders", "public.lines"];
const choices = { statement: "largest", path: "dead-rows", triggers: "skip" };
const headless = (more: Record<string, string> = {}) => ({
  purpose: "live" as const,
  wishes: { choices: { ...choices, ...more }, keepRescue: false },
  interactive: false,
  yesSandbox: true,
});
const atKeyboard = { ...headless(), interactive: true, yesSandbox: false };

/** 20 orders and their lines were deleted; a vacuum has taken the lines since. Only a backup has all. */
function stage({ backedUp = true, vacuumed = ["public.lines"] } = {}) {
  const server = memoryServer();
  createTable(server, "public.orders", {});
  createTable(server, "public.lines", {
    columns: ["id", "order_id"],
    parents: [{ column: "order_id", table: "public.orders", cascade: true }],
  });
  if (backedUp) backUp(server);
  const ids = Array.from({ length: 30 }, (_, at) => String(at + 1));
  const before = { orders: ids.map((id) => ({ id, note: `n${id}` })), lines: ids.map((id) => ({ id, order_id: id })) };
  insert(server, "public.orders", before.orders);
  insert(server, "public.lines", before.lines);
  const content = contentOf(server, names);
  remove(server, "public.orders", ids.slice(0, 20));
  for (const name of vacuumed) vacuum(server, name);
  const assembled = testAssembly({ reachable: memoryTarget("sandbox"), seams: withMemory(server) });
  onTestFinished(() => assembled.end());
  const plan = () =>
    assembled.workbench.plan({
      runbook: "restore-after-bad-delete",
      target: "shop",
      inputs: { table: "public.orders" },
    });
  return { server, content, plan, workbench: assembled.workbench };
}

function nothingIsLeft(server: MemoryServer, state: RunState) {
  expect(state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  expect(server.read(({ holds, areas }) => [holds, areas])).toEqual([{}, {}]);
}

test("what the faster way leaves out is filled in from the clone, each row once, and the result says how many from where", async () => {
  const { server, content, plan, workbench } = stage();
  const { exit, fault, state } = await workbench.open(await plan(), headless({ beside: "clone" })).ended;
  expect([exit, fault]).toEqual(["ok", undefined]);
  expect(contentOf(server, names)).toEqual(content);
  expect(stepOf(state, "rescue").result).toMatchObject({ rows: 20 });
  expect(stepOf(state, "rescue-rest").result).toMatchObject({ rows: 40, added: 20, differing: 0, apart: 0 });
  const { tables } = stepOf(state, "rescue-rest").result as { tables: { table: string; from: object; lost: number }[] };
  expect(tables.map(({ table, from, lost }) => [table, from, lost])).toEqual([
    ["public.orders", { "dead-rows": 20, clone: 0 }, 0],
    ["public.lines", { clone: 20 }, 0],
  ]);
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 40, left: 0 });
  expect(doneWords(state)).toBe("DONE");
  nothingIsLeft(server, state);
});

/** Told before the write is confirmed, and when it is done: 20 rows back are not the end of the incident. */
function twentyAreNotBack(state: RunState): void {
  expect(stepOf(state, "merge").preview?.lines).toContain(
    "20 of the 40 rows that the statement took were not rescued, and stay missing.",
  );
  expect(doneWords(state)).toBe("DONE, BUT 20 ROWS ARE NOT BACK");
  const summary = runSummaryLines({ state }, { program: "holdfast" });
  expect(summary[0]).toMatch(/^DONE, BUT 20 ROWS ARE NOT BACK /);
  expect(summary.join("\n")).toContain("; 20 more that the statement took were not rescued");
}

test("headless nothing is built unless it was said; the rest is not back, and that is told", async () => {
  const { server, plan, workbench } = stage();
  const { exit, state } = await workbench.open(await plan(), headless()).ended;
  expect(exit).toBe("ok");
  expect(stepOf(state, "beside").choice?.value).toBe("none");
  expect([stepOf(state, "start-clone").status, stepOf(state, "rescue-rest").status]).toEqual(["skipped", "skipped"]);
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 20 });
  const warned = (step: string) => stepOf(state, step).verified.map(({ level, text }) => `${level} ${text}`);
  expect(warned("beside")[0]).toContain("ok dead-rows leaves out 20 of 40 rows; a clone can fill them in");
  expect(warned("rescue")).toContain("warn 20 of the 40 rows that the statement took can't come back this way.");
  twentyAreNotBack(state);
  nothingIsLeft(server, state);
});

test("it is asked only where a clone has more, and one go lets through the clone and all that follows it", async () => {
  for (const { given, asks } of [
    { given: {}, asks: true },
    { given: { vacuumed: [] }, asks: false },
    { given: { backedUp: false }, asks: false },
  ]) {
    const { plan, workbench } = stage(given);
    const asked: Question[] = [];
    const session = answering(
      workbench.open(await plan(), atKeyboard),
      (question) => (asked.push(question), yes(question)),
    );
    expect((await session.ended).exit).toBe("ok");
    expect(asked.some((one) => one.step === "beside" && one.kind === "choice" && one.choices.length > 1)).toBe(asks);
    const covered = asked.flatMap((one) => (one.kind === "confirm" ? [one.covers.join(" ")] : []));
    expect(covered).toContain(asks ? "prepare start-clone rescue rescue-rest" : "prepare rescue");
  }
});

test("the clone is built while the faster way works, which does not wait for it", async () => {
  const { server, plan, workbench } = stage();
  const built = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  server.cloning = () => (began.resolve(), built.promise);
  const session = workbench.open(await plan(), headless({ beside: "clone" }));
  const rescued = Promise.withResolvers<void>();
  session.subscribe(() => {
    if (stepOf(session.state, "rescue").status === "done") rescued.resolve();
  });
  await Promise.all([began.promise, rescued.promise]);
  expect(stepOf(session.state, "rescue-rest").status).not.toBe("done");
  built.resolve();
  expect((await session.ended).exit).toBe("ok");
});

test("a dry run shows the joined numbers of the run that follows, and makes nothing", async () => {
  const { server, plan, workbench } = stage();
  const target = () => JSON.stringify(server.read(({ sessions: _sessions, ...state }) => state));
  const before = target();
  const dry = await workbench.open(await plan(), { ...headless({ beside: "clone" }), purpose: "dry-run" }).ended;
  expect([dry.exit, dry.fault]).toEqual(["ok", undefined]);
  expect(target()).toBe(before);
  const run = await workbench.open(await plan(), headless({ beside: "clone" })).ended;
  for (const step of ["start-clone", "rescue", "rescue-rest", "merge"])
    expect(stepOf(run.state, step).preview?.counts).toEqual(stepOf(dry.state, step).preview?.counts);
});

test("a clone that fails is told when it is needed; the faster way's rows are safe, and the run goes on without it when told to", async () => {
  const { server, plan, workbench } = stage();
  server.cloning = () => Promise.reject(new Fault("HF-TEST-ROOM", "no room for the clone", { hint: "Make room." }));
  const { exit, fault, state } = await workbench.open(await plan(), headless({ beside: "clone" })).ended;
  expect(exit).toBe("failed");
  expect(fault).toMatchObject({ code: "HF-TEST-ROOM", still: expect.stringContaining("are in the rescue area") });
  expect(fault?.hint).toContain("resume with --choose beside=none");
  const { wishes } = headless({ beside: "none" });
  const resumed = await workbench.resume(state.run, { wishes, interactive: false, yesSandbox: true }).ended;
  expect([resumed.exit, resumed.fault]).toEqual(["ok", undefined]);
  expect(stepOf(resumed.state, "merge").result).toMatchObject({ inserted: 20 });
  twentyAreNotBack(resumed.state);
  nothingIsLeft(server, resumed.state);
});

test("what the clone brought stays, though a resume would rather go without it: its marker says that it is there", async () => {
  const { server, content, plan, workbench } = stage();
  server.faults.push({ when: "after-commit", key: "rescue-rest" });
  const { exit, state } = await workbench.open(await plan(), headless({ beside: "clone" })).ended;
  expect([exit, stepOf(state, "rescue-rest").status]).toEqual(["unknown", "unknown"]);
  server.cloning = () => Promise.reject(new Error("it was built again"));
  const { wishes } = headless({ beside: "none" });
  const resumed = await workbench.resume(state.run, { wishes, interactive: false, yesSandbox: true }).ended;
  expect([resumed.exit, resumed.fault]).toEqual(["ok", undefined]);
  expect(stepOf(resumed.state, "rescue-rest").result).toMatchObject({ rows: 40, added: 20 });
  expect(contentOf(server, names)).toEqual(content);
  nothingIsLeft(server, resumed.state);
});

test("a clone that failed is built anew by a resume that says nothing else", async () => {
  const { server, content, plan, workbench } = stage();
  server.cloning = () => Promise.reject(new Fault("HF-TEST-ROOM", "no room for the clone"));
  const { state } = await workbench.open(await plan(), headless({ beside: "clone" })).ended;
  server.cloning = () => Promise.resolve();
  const { wishes } = headless({ beside: "clone" });
  const resumed = await workbench.resume(state.run, { wishes, interactive: false, yesSandbox: true }).ended;
  expect(resumed.exit).toBe("ok");
  expect(contentOf(server, names)).toEqual(content);
  nothingIsLeft(server, resumed.state);
});

test("a pause need not wait for the clone, and whoever resumes builds it anew", async () => {
  const { server, content, plan, workbench } = stage();
  let ended = 0;
  server.cloning = ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject((ended += 1) && signal.reason)));
  const session = workbench.open(await plan(), headless({ beside: "clone" }));
  session.subscribe(() => {
    if (stepOf(session.state, "rescue-rest").status === "running") session.pause("enough for now");
  });
  const { exit, state, bug } = await session.ended;
  expect([exit, ended, bug]).toEqual(["paused", 1, undefined]);
  expect(stepOf(state, "rescue-rest")).toMatchObject({ status: "todo" });
  expect(stepOf(state, "rescue-rest").fault).toBeUndefined();
  server.cloning = () => Promise.resolve();
  const { wishes } = headless();
  const resumed = await workbench.resume(state.run, { wishes, interactive: false, yesSandbox: true }).ended;
  expect([resumed.exit, resumed.fault]).toEqual(["ok", undefined]);
  expect(contentOf(server, names)).toEqual(content);
  nothingIsLeft(server, resumed.state);
});

test("giving up while the clone is built ends it before its lease is given back: nothing builds where nothing is left", async () => {
  const { server, plan, workbench } = stage();
  const heldWhenEnded: boolean[] = [];
  const isHeld = () => server.read(({ holds }) => Object.values(holds).some(({ kind }) => kind === "clone"));
  server.cloning = ({ signal }) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        heldWhenEnded.push(isHeld());
        reject(signal.reason);
      }),
    );
  const session = workbench.open(await plan(), headless({ beside: "clone" }));
  session.subscribe(() => {
    if (stepOf(session.state, "rescue").status === "done") session.abandon("not today");
  });
  const { exit, state } = await session.ended;
  expect([exit, heldWhenEnded]).toEqual(["abandoned", [true]]);
  nothingIsLeft(server, state);
});
