import Database from "better-sqlite3";
import { execa } from "execa";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import type { Action } from "../src/actions/action.ts";
import { systemClock } from "../src/core/clock.ts";
import { sealPlan, type Plan } from "../src/core/plan.ts";
import { Secret } from "../src/core/secret.ts";
import { memory } from "../src/engines/memory/memory.ts";
import { memoryServer } from "../src/engines/memory/server.ts";
import { openJournal } from "../src/journal/open.ts";
import { bindReferences } from "../src/runbooks/references.ts";
import { openRun } from "../src/runner/open-session.ts";
import type { RunnerParts } from "../src/runner/parts.ts";
import { postgresWorld } from "../test/crash/postgres-world.ts";
import { limitsWith } from "../test/support/limits.ts";
import { absolute, type Figure, median, timed } from "./timing.ts";

const steps = 200;
const rounds = 5;
const starts = 7;
const root = path.resolve(import.meta.dirname, "..");

/** P3: what a step costs before and after its work, and how soon a headless run is at its first step. */
export async function journaledStep(): Promise<readonly Figure[]> {
  const [syncs, pair, start] = [await syncsPerStep(), await stepAndPair(), await runStart()];
  return [
    absolute("P3", `syncs of a journaled read step (${syncs.how})`, syncs.each, 2, "syncs"),
    beside("a journaled read step", pair.step, 5, "2 bare synced inserts (SQLite, WAL, FULL)", pair.bare),
    beside("headless run, from its start to STEP 1, PostgreSQL", start.run, 300, "node -e 0", start.node),
  ];
}

function beside(what: string, ours: number, most: number, peer: string, its: number): Figure {
  const shown = absolute("P3", what, its, most, "ms").value;
  return { ...absolute("P3", what, ours, most, "ms"), peer: `${peer}: ${shown}`, ratio: ours / its };
}

/** A run of so many read steps over the memory engine and a real journal on disk; gives the milliseconds of the whole run. */
export async function runSteps(count: number): Promise<number> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-bench-"));
  const journal = openJournal({ folder, clock: systemClock });
  try {
    const look = readAction();
    const parts = runnerParts(folder, journal, [look]);
    const { ms, result } = await timed(async () => openRun(parts, planOf(look, count), live).ended);
    const kinds = journal.read(result.state.run).map(({ event }) => event.kind);
    const done = kinds.filter((kind) => kind === "step.ended").length;
    if (result.exit !== "ok" || done !== count)
      throw new Error(`the run ended with ${result.exit} after ${done} steps`);
    return ms;
  } finally {
    journal.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const live = {
  purpose: "live",
  wishes: { choices: {}, keepRescue: false },
  interactive: false,
  yesSandbox: true,
} as const;

function readAction(): Action {
  return {
    name: "look",
    summary: "look",
    effect: "read",
    recovery: ["idempotent"],
    params: z.looseObject({}),
    result: z.unknown(),
    roles: { main: [] },
    check: async () => [],
    preview: async () => ({ summary: "look", lines: [], counts: {} }),
    run: async () => ({ rows: 1 }),
  } as Action;
}

function planOf(action: Action, count: number): Plan {
  return sealPlan({
    format: 1,
    runbook: { id: "bench", title: "Bench", text: "", digest: "0".repeat(64) },
    inputs: {},
    targets: { main: { name: "shop", engine: "memory", environment: "sandbox", database: "shop" } },
    steps: Array.from({ length: count }, (_, at) => ({
      key: `look-${at + 1}`,
      title: "Look",
      why: "what a step costs by itself",
      action: action.name,
      effect: "read" as const,
      recovery: "idempotent" as const,
      on: { main: "main" },
      with: {},
      tolerance: 0,
    })),
  });
}

function runnerParts(folder: string, journal: RunnerParts["journal"], actions: readonly Action[]): RunnerParts {
  const limits = limitsWith({ batchRows: 10 });
  const reached = () => undefined;
  const server = memoryServer();
  return {
    journal,
    actions,
    guards: [],
    connect: (target, run) =>
      memory(server).connect({
        target,
        url: new Secret("memory:"),
        session: { run, person: "ops@bench" },
        machine: { scratch: folder, serverBinaries: {} },
        limits,
        clock: systemClock,
        reached,
      }),
    bind: bindReferences,
    phrase: (_target, database) => database,
    machineKeepers: {},
    freeDisk: async () => ({ share: 1, bytes: 1e12 }),
    readText: async () => null,
    clock: systemClock,
    person: { operator: "ops", host: "bench" },
    version: "0.0.0",
    limits,
    policy: { stopFile: path.join(folder, "STOP"), folders: [folder], minFreeDisk: 0, ticket: "none" },
    reached,
  };
}

/** The kernel's own count: a run of 20 steps and one of 220 in a process of their own, and the difference. */
async function syncsPerStep(): Promise<{ readonly each: number; readonly how: string }> {
  if (!existsSync("/usr/bin/strace")) throw new Error("strace is not there: the syncs can't be counted");
  const [few, many] = [await syncsOf(20), await syncsOf(20 + steps)];
  return { each: (many - few) / steps, how: `${steps} more steps by strace, checkpoints of SQLite included` };
}

async function syncsOf(count: number): Promise<number> {
  const script = `import(${JSON.stringify(import.meta.filename)}).then((bench) => bench.runSteps(${count}))`;
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-strace-"));
  const table = path.join(folder, "table");
  try {
    const trace = ["-f", "-c", "-o", table, "-e", "trace=fsync,fdatasync"];
    await execa("strace", [...trace, process.execPath, "-e", script]);
    const syncs = totalOf(readFileSync(table, "utf8"));
    if (!(syncs > 0)) throw new Error("strace saw no sync at all");
    return syncs;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The calls of all rows of strace's table; a row is `% time, seconds, usecs/call, calls, [errors], syscall`. */
export function totalOf(table: string): number {
  const rows = table.split("\n").filter((line) => /\b(fsync|fdatasync)$/.test(line.trim()));
  return rows.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[3]), 0);
}

/** One after the other, several times over, so that a noisy neighbour meets both. */
async function stepAndPair(): Promise<{ readonly step: number; readonly bare: number }> {
  const [ours, bare]: [number[], number[]] = [[], []];
  await runSteps(20);
  for (let round = 0; round < rounds; round += 1) {
    ours.push((await runSteps(steps)) / steps);
    bare.push(barePairs() / steps);
  }
  return { step: median(ours), bare: median(bare) };
}

/** Two rows, each in a transaction of its own with its sync: the least that an intent and an outcome can cost. */
function barePairs(): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-bare-"));
  const db = new Database(path.join(folder, "bare.db"));
  db.pragma("journal_mode = WAL");
  db.exec("create table event (n integer primary key, body text)");
  db.pragma("synchronous = FULL");
  const insert = db.prepare("insert into event (body) values (?)");
  const body = "x".repeat(300);
  const began = performance.now();
  for (let n = 0; n < steps * 2; n += 1) insert.run(body);
  const ms = performance.now() - began;
  db.close();
  rmSync(folder, { recursive: true, force: true });
  return ms;
}

/** The built program on a damaged table, until it prints its first step; each run is let to its end, and has to end well. */
async function runStart(): Promise<{ readonly run: number; readonly node: number }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-start-"));
  const world = await postgresWorld();
  try {
    configure(folder, world.server.scratch);
    const [ours, node]: [number[], number[]] = [[], []];
    for (let n = 0; n <= starts; n += 1) {
      await world.stage();
      const [first, empty] = [await untilFirstStep(folder, world.url()), await emptyNode()];
      if (n === 0) continue; // it fills the compile cache
      ours.push(first);
      node.push(empty);
    }
    return { run: median(ours), node: median(node) };
  } finally {
    await world.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configure(folder: string, scratch: string): void {
  const target = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox", database: "shop" };
  const config = { targets: { shop: target }, scratch: { folder: scratch }, stopFile: path.join(folder, "STOP") };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify({ ...config, limits: { minFreeDisk: 0.01 } }));
  mkdirSync(path.join(folder, "home"));
}

const words =
  "run restore-after-bad-delete --target shop --set table=shop.orders --choose statement=largest --choose path=recommended --yes-sandbox --plain";

async function untilFirstStep(folder: string, url: string): Promise<number> {
  const began = performance.now();
  const running = execa(process.execPath, [path.join(root, "dist/main.js"), ...words.split(" ")], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: path.join(folder, "home"),
      XDG_STATE_HOME: path.join(folder, "home"),
      NODE_COMPILE_CACHE: path.join(folder, "compiled"),
      DATABASE_URL: url,
    },
    extendEnv: false,
    all: true,
  });
  let first: number | null = null;
  let said = "";
  running.all.on("data", (piece: Buffer) => {
    said += piece.toString();
    if (said.includes("STEP 1/")) first ??= performance.now() - began;
  });
  await running;
  if (first === null) throw new Error(`the run printed no STEP 1:\n${said}`);
  return first;
}

async function emptyNode(): Promise<number> {
  return (await timed(() => execa(process.execPath, ["-e", "0"]))).ms;
}
