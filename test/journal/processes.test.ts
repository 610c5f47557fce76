import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type RunId, shortRunId } from "../../src/core/ids.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { faultOf, note, opened, temporaryFolder, testJournal } from "./support.ts";

interface Child {
  readonly pid: number;
  readonly lines: () => readonly string[];
  /** Settles with the signal that ended it, or null. */
  readonly ended: Promise<NodeJS.Signals | null>;
  kill(signal: NodeJS.Signals): void;
}

function start(...args: readonly string[]): Child {
  const program = path.join(import.meta.dirname, "process.ts");
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  return {
    pid: child.pid ?? 0,
    lines: () => said.split("\n").slice(0, -1),
    ended: once(child, "close").then(([, signal]) => signal as NodeJS.Signals | null),
    kill: (signal) => void child.kill(signal),
  };
}

function released(journal: Journal): { readonly run: RunId } {
  const held = journal.open(opened());
  held.release();
  return { run: held.run };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(5);
}

test.each([[3], [40], [150]])("killed after %d acknowledged entries, a run has every one of them", async (count) => {
  const { journal, folder } = testJournal();
  const { run } = journal.open(opened());
  journal.close();
  const child = start("append", folder, run);
  await until(() => child.lines().length > count);
  child.kill("SIGKILL");
  expect(await child.ended).toBe("SIGKILL");
  const acknowledged = child.lines().filter((line) => line.startsWith("seq ")).length;
  const { journal: after } = testJournal({ folder });
  expect(acknowledged).toBeGreaterThanOrEqual(count);
  expect(after.read(run).length - 1).toBeGreaterThanOrEqual(acknowledged);
  expect(after.runs()[0]).toMatchObject({ driven: false });
  expect(after.verify().intact).toBe(true);
  const next = after.take(run);
  next.append([note("goes on")]);
  expect(after.verify().intact).toBe(true);
});

test.each([
  ["journal.lock:taken", 0],
  ["journal.append:before", 0],
  ["journal.append:inside", 0],
  ["journal.append:after", 1],
])("killed at %s, the journal has %d entries of it and the run can be taken", async (boundary, added) => {
  const { journal, folder } = testJournal();
  const { run } = journal.open(opened());
  journal.close();
  const child = start("die-at", folder, run, boundary);
  expect(await child.ended).toBe("SIGKILL");
  const { journal: after } = testJournal({ folder });
  expect(after.read(run)).toHaveLength(1 + added);
  expect(after.verify().intact).toBe(true);
  expect(after.runs()[0]?.driven).toBe(false);
  after.take(run).append([note("goes on")]);
});

test.each([["journal.open:before"], ["journal.open:after"]])(
  "killed at %s, the next makes the journal",
  async (boundary) => {
    const folder = temporaryFolder();
    expect(await start("die-at", folder, "", boundary).ended).toBe("SIGKILL");
    expect(existsSync(path.join(folder, "journal.sqlite"))).toBe(true);
    const { journal } = testJournal({ folder });
    journal.open(opened());
    expect(journal.verify()).toMatchObject({ intact: true, runs: 1 });
  },
);

test("one process drives a run; another is refused, told who, and has it as soon as that one is killed", async () => {
  const { journal, folder } = testJournal();
  const { run } = released(journal);
  const holder = start("append", folder, run);
  await until(() => holder.lines().length > 0);
  expect(journal.runs()[0]?.driven).toBe(true);
  const fault = faultOf(() => journal.take(run));
  expect(fault).toMatchObject({ code: "HF-RUN-BUSY", exit: "busy" });
  expect(fault.message).toContain(
    `run ${shortRunId(run)} is driven by process ${holder.pid} on ${os.hostname()}, since 2`,
  );
  holder.kill("SIGKILL");
  await holder.ended;
  expect(journal.runs()[0]?.driven).toBe(false);
  journal.take(run).append([note("mine now")]);
});

test("a stopped process still holds its run: nobody takes it for dead", async () => {
  const { journal, folder } = testJournal();
  const { run } = released(journal);
  const holder = start("append", folder, run);
  await until(() => holder.lines().length > 0);
  // Not inside a transaction, where it would hold the whole journal: SIGSTOP lands between two syscalls of its choosing.
  holder.kill("SIGSTOP");
  expect(faultOf(() => journal.take(run)).code).toBe("HF-RUN-BUSY");
  holder.kill("SIGKILL");
  await holder.ended;
  journal.take(run).release();
});

test("of two that want the same run at once, exactly one has it", async () => {
  const { journal, folder } = testJournal();
  const { run } = released(journal);
  const rivals = [start("append", folder, run), start("append", folder, run)];
  await until(() => rivals.every((rival) => rival.lines().length > 0));
  const said = rivals.map((rival) => rival.lines()[0] ?? "").toSorted();
  expect(said[0]).toMatch(/^fault HF-RUN-BUSY busy /);
  expect(said[1]).toBe(`run ${run}`);
});

test("within one process a second holder is refused too, and looking or failing does not loosen the lock", async () => {
  const { journal, folder } = testJournal();
  const run = journal.open(opened());
  const { journal: second } = testJournal({ folder });
  for (const one of [journal, second]) {
    expect(faultOf(() => one.take(run.run))).toMatchObject({ code: "HF-RUN-BUSY" });
    expect(faultOf(() => one.take(run.run)).message).toContain(`process ${process.pid} (this one)`);
    expect(one.runs()[0]?.driven).toBe(true);
  }
  second.close();
  const outside = start("append", folder, run.run);
  await outside.ended;
  expect(outside.lines()[0]).toMatch(/^fault HF-RUN-BUSY busy /);
  run.append([note("still mine")]);
});

test("closing the journal gives back what it held", () => {
  const { journal, folder } = testJournal();
  const { run } = journal.open(opened());
  journal.close();
  const { journal: next } = testJournal({ folder });
  next.take(run);
});

test("a file that another process is just turning into a journal is waited for", async () => {
  const folder = temporaryFolder();
  mkdirSync(folder, { mode: 0o700 });
  const script = `const db = new (require("better-sqlite3"))(process.argv[1]); require("fs").chmodSync(process.argv[1], 0o600);
    db.exec("BEGIN IMMEDIATE"); console.log("holds it"); setTimeout(() => db.exec("ROLLBACK"), 400)`;
  const child = spawn(process.execPath, ["-e", script, path.join(folder, "journal.sqlite")]);
  await once(child.stdout, "data");
  const { journal } = testJournal({ folder });
  journal.open(opened());
  expect(journal.verify().intact).toBe(true);
});

test("three processes fill three runs of one new journal at once, and nothing is lost or mixed", async () => {
  const folder = temporaryFolder();
  const children = [1, 2, 3].map(() => start("open", folder, "", "120"));
  expect(await Promise.all(children.map(({ ended }) => ended))).toEqual([null, null, null]);
  for (const child of children) expect(child.lines()).toHaveLength(121);
  const { journal } = testJournal({ folder });
  expect(journal.verify()).toMatchObject({ intact: true, runs: 3, events: 3 * 121 });
  for (const { run } of journal.runs()) {
    const texts = journal.read(run).map(({ event }) => (event.kind === "note.added" ? event.text : ""));
    expect(texts).toEqual(["", ...Array.from({ length: 120 }, (_, n) => `note ${n + 1}`)]);
  }
});
