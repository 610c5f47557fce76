import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { onTestFinished } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { Fault, type FaultRecord } from "../../src/core/errors.ts";
import type { Person, RunEvent } from "../../src/core/event.ts";
import { newRunId } from "../../src/core/ids.ts";
import { type Plan, type PlannedStep, sealPlan } from "../../src/core/plan.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open.ts";

export const ana: Person = { operator: "ana", host: "bastion-2" };
export const dawn = Date.UTC(2026, 10, 21, 3, 15, 0);

export type Opened = Extract<RunEvent, { kind: "run.opened" }>;

export interface ManualClock extends Clock {
  pass(ms: number): void;
}

/** Stands still until it is told to pass. */
export function manualClock(start = dawn): ManualClock {
  let at = start;
  return { now: () => at, monotonic: () => at - start, sleep: () => Promise.resolve(), pass: (ms) => void (at += ms) };
}

export function temporaryFolder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), "hf-journal-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return path.join(made, "holdfast");
}

/** A journal in a folder of its own, closed when the test ends. */
export function testJournal(options: Partial<Parameters<typeof openJournal>[0]> = {}): {
  journal: Journal;
  clock: ManualClock;
  folder: string;
} {
  const folder = options.folder ?? temporaryFolder();
  const clock = manualClock();
  const journal = openJournal({ folder, clock, ...options });
  onTestFinished(() => journal.close());
  return { journal, clock, folder };
}

export function plan(keys: readonly string[] = ["freeze", "merge"]): Plan {
  return sealPlan({
    format: 1,
    runbook: { id: "restore", title: "Bring back lost rows", text: "holdfast: 1", digest: "d" },
    inputs: { table: "public.orders" },
    targets: { main: { name: "shop", engine: "memory", environment: "staging", database: "shop_db" } },
    steps: keys.map(step),
  });
}

export function opened(keys?: readonly string[], at = dawn): Opened {
  const wishes = { choices: {}, keepRescue: false };
  return {
    kind: "run.opened",
    run: newRunId(at),
    plan: plan(keys),
    purpose: "live",
    person: ana,
    version: "0",
    wishes,
  };
}

export function note(text: string): RunEvent {
  return { kind: "note.added", text, by: "ana" };
}

export function intended(key = "merge", attempt = 1): RunEvent {
  return { kind: "step.intended", step: key, attempt, params: {}, recovery: "cursor" };
}

export function progressed(done: number, key = "merge"): RunEvent {
  return { kind: "step.progressed", step: key, progress: { done, unit: "rows" } };
}

export function printed(text: string, key = "merge"): RunEvent {
  return { kind: "output.printed", step: key, text };
}

export function closed(outcome: "done" | "abandoned" = "done"): RunEvent {
  return { kind: "run.closed", outcome, reason: "" };
}

export function faultOf(work: () => unknown): FaultRecord {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error.record;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Names of the files below the folder that hold the text. By another process: reading them here would drop this one's locks. */
export function filesWith(folder: string, text: string): readonly string[] {
  const { stdout } = spawnSync("grep", ["-rlaF", "--", text, folder], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter((name) => name !== "")
    .map((name) => path.relative(folder, name));
}

/** The file as its owner with another program sees it: no triggers that hold, no journal of ours. */
export function tamper(folder: string, ...statements: readonly string[]): void {
  const db = new Database(path.join(folder, "journal.sqlite"));
  const triggers = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all() as string[];
  db.unsafeMode(true);
  db.pragma("foreign_keys = OFF");
  for (const name of triggers) db.exec(`DROP TRIGGER ${name}`);
  for (const statement of statements) db.exec(statement);
  db.close();
}

function step(key: string): PlannedStep {
  const rest = { on: { main: "main" }, with: {}, tolerance: 0, recovery: "cursor", effect: "write" } as const;
  return { key, title: key, why: "because", action: `${key}-rows`, ...rest };
}
