import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import type { Environment } from "../../src/core/effect.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { memoryTarget, testAssembly, withMemory } from "../support/assembly.ts";
import { doneWords } from "../../src/words/outcome-words.ts";
import { badDelete, contentOf } from "../support/memory-bench.ts";
import { answering, yes } from "../support/runner.ts";

const wishes = { choices: { statement: "largest", path: "recommended" }, keepRescue: false };
const open = { purpose: "live" as const, wishes, interactive: true, yesSandbox: false };

function stage(environment: Environment) {
  const server = memoryServer();
  const incident = badDelete(server, { rows: 300, taken: 200 });
  const test = testAssembly({ reachable: memoryTarget(environment), seams: withMemory(server) });
  onTestFinished(() => test.end());
  const plan = () =>
    test.workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs: { table: "public.orders" } });
  return { ...test, server, incident, plan };
}

test("the rows of a bad DELETE and of its cascade come back, the journal verifies, and nothing of ours is left", async () => {
  const { workbench, incident, plan, server } = stage("production");
  const session = answering(workbench.open(await plan(), open), yes);
  const end = await session.ended;
  expect([end.exit, end.fault]).toEqual(["ok", undefined]);
  expect(await incident.content()).toEqual(incident.before);
  expect(end.state.leases.every((lease) => lease.status === "released")).toBe(true);
  expect(server.read((state) => [state.holds, state.areas])).toEqual([{}, {}]);
  expect(workbench.verify()).toMatchObject({ intact: true, runs: 1 });
});

test("a dry run changes nothing on the target, and its counts are those of the run that follows", async () => {
  const { workbench, plan, server } = stage("production");
  const target = () => JSON.stringify(server.read(({ sessions: _sessions, ...state }) => state));
  const before = target();
  const dry = await workbench.open(await plan(), { ...open, purpose: "dry-run", interactive: false }).ended;
  expect([dry.exit, dry.fault]).toEqual(["ok", undefined]);
  expect(target()).toBe(before);
  const run = await answering(workbench.open(await plan(), open), yes).ended;
  for (const step of ["rescue", "merge"]) {
    expect(stepOf(run.state, step).preview?.counts).toEqual(stepOf(dry.state, step).preview?.counts);
  }
  expect(stepOf(run.state, "merge").result).toMatchObject({ inserted: 400 });
});

test("headless in a sandbox is a whole run; in production it stops at the first hold, and a person goes on from there", async () => {
  const sandbox = stage("sandbox");
  const headless = { ...open, interactive: false, yesSandbox: true };
  expect((await sandbox.workbench.open(await sandbox.plan(), headless).ended).exit).toBe("ok");
  expect(await sandbox.incident.content()).toEqual(sandbox.incident.before);
  const production = stage("production");
  const stopped = await production.workbench.open(await production.plan(), headless).ended;
  expect(stopped.exit).toBe("needs-person");
  expect(stopped.state.leases).toEqual([]);
  const resumed = await answering(production.workbench.resume(stopped.state.run, open), yes).ended;
  expect(resumed.exit).toBe("ok");
  expect(contentOf(production.server, ["public.orders", "public.lines"])).toEqual(production.incident.before);
});

test("headless, a rescued row whose key was used again keeps the rescue area: it is the row's only copy", async () => {
  const { workbench, incident, plan, server } = stage("sandbox");
  await incident.remake(1);
  const headless = { ...open, interactive: false, yesSandbox: true };
  const stopped = await workbench.open(await plan(), headless).ended;
  expect([stopped.exit, stopped.fault?.code]).toEqual(["needs-person", "HF-NEEDS-CHOICE"]);
  expect(stopped.fault?.next).toEqual(["--choose keep=keep", "--choose keep=drop"]);
  expect(server.read((state) => Object.keys(state.areas))).toHaveLength(1);
  const wishes = { ...open.wishes, choices: { ...open.wishes.choices, keep: "keep" } };
  const { state, exit } = await workbench.resume(stopped.state.run, { ...headless, wishes }).ended;
  expect(exit).toBe("ok");
  expect(state.leases.filter(({ status }) => status === "kept").map(({ lease }) => lease.kind)).toEqual([
    "rescue-area",
  ]);
  expect(doneWords(state)).toBe("DONE, BUT 1 ROW IS NOT BACK");
  expect(stepOf(state, "keep").verified).toEqual([
    { level: "warn", text: "1 rescued row is in no table: this is its only copy" },
  ]);
});

test("the typed name is asked exactly once in production, for the safety copy and the merge together", async () => {
  const { workbench, plan } = stage("production");
  const typed: string[] = [];
  const session = answering(workbench.open(await plan(), open), (question) => {
    if (question.kind === "confirm" && question.way.kind === "type") typed.push(question.covers.join(" "));
    return yes(question);
  });
  expect((await session.ended).exit).toBe("ok");
  expect(typed).toEqual(["safety-copy merge"]);
});

test("rescued values are shown to who asks, while the run is open; the journal says that they were, and holds none", async () => {
  const { workbench, plan } = stage("production");
  const session = workbench.open(await plan(), open);
  const shown: number[] = [];
  answering(session, (question) => {
    if (question.step !== "safety-copy" || shown.length > 0) return yes(question);
    // The answer comes while they are read, and counts once they are there.
    void session.reveal("check").then((rows) => shown.push(rows.length));
    session.answer(question.id, yes(question));
    expect(session.canReveal("check")).toBe(false);
    return null;
  });
  expect((await session.ended).exit).toBe("ok");
  expect(shown).toEqual([10]);
  expect(session.canReveal("check")).toBe(false);
  expect(await session.reveal("check")).toEqual([]);
  const journal = JSON.stringify(workbench.timeline(session.run));
  expect(journal).toContain('"values.revealed","what":"check","rows":10');
  expect(journal).not.toContain("grüße");
});

test("a stop file that is a pipe, which nobody could read to its end, stops the run at once", async () => {
  const { workbench, plan, folder } = stage("sandbox");
  await execa("mkfifo", [path.join(folder, "STOP")]);
  const end = await workbench.open(await plan(), { ...open, interactive: false, yesSandbox: true }).ended;
  expect([end.exit, end.state.leases]).toEqual(["refused", []]);
  expect(end.fault?.message).toContain("not a regular file");
});

test("a stop file that is a link stops the run too, wherever it leads, and nothing is read there", async () => {
  const { workbench, plan, folder } = stage("sandbox");
  const secret = path.join(folder, "secret");
  writeFileSync(secret, "postgres://ops:canary-4711@db/shop");
  for (const to of [secret, path.join(folder, "nowhere")]) {
    symlinkSync(to, path.join(folder, "STOP"));
    const end = await workbench.open(await plan(), { ...open, interactive: false, yesSandbox: true }).ended;
    expect([end.exit, end.state.leases]).toEqual(["refused", []]);
    expect(end.fault?.message).toContain("is a link");
    expect(JSON.stringify(workbench.timeline(end.state.run))).not.toContain("canary-4711");
    rmSync(path.join(folder, "STOP"));
  }
});
