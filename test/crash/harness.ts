import { execa } from "execa";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import type { Stamped } from "../../src/core/event.ts";
import { foldRun } from "../../src/core/apply-event.ts";
import { openJournal } from "../../src/journal/open.ts";
import { root } from "../support/source.ts";
import type { ProgramRequest } from "./program.ts";

/** One engine's side of a trial. */
export interface CrashWorld {
  readonly engine: string;
  readonly table: string;
  readonly batchRows: number;
  url(): string;
  /** A fresh incident; whatever earlier trials left of their own is gone. */
  stage(): Promise<void>;
  /** What is wrong on the target now, in words: rows that are not as before, and anything of ours that is left. */
  wrong(run: string): Promise<readonly string[]>;
  end(): Promise<void>;
}

export interface Boundary {
  readonly name: string;
  readonly nth: number;
}

export interface Trial {
  readonly boundary: Boundary | null;
  readonly killed: boolean;
  readonly processes: number;
  readonly wrong: readonly string[];
  readonly trace: readonly string[];
}

const node = path.join(root, "node_modules/.bin/node");
const program = path.join(root, "test/crash/program.ts");
const mostResumes = 3;

/** Stages an incident, runs the program, kills it at the boundary, resumes until it is done, and says what is wrong then. */
export async function trial(
  world: CrashWorld,
  boundary: Boundary | null,
  more: Partial<ProgramRequest> = {},
): Promise<Trial> {
  await world.stage();
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-crash-"));
  const scratch = path.join(folder, "s");
  mkdirSync(scratch, { mode: 0o711 });
  await execa("chmod", ["0711", folder]);
  try {
    const { engine, table, batchRows } = world;
    const base: ProgramRequest = {
      folder,
      scratch,
      engine,
      url: world.url(),
      table,
      batchRows,
      trace: path.join(folder, "trace"),
      ...more,
    };
    const ends = await untilDone(base, boundary);
    const trace = existsSync(base.trace ?? "")
      ? readFileSync(base.trace ?? "", "utf8")
          .trim()
          .split("\n")
      : [];
    const wrong = [...ends.wrong, ...(await world.wrong(ends.run)), ...leftHere(scratch)];
    return { boundary, killed: ends.killed, processes: ends.processes, wrong, trace };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilDone(base: ProgramRequest, boundary: Boundary | null) {
  const first = await launch(boundary === null ? base : { ...base, kill: boundary });
  const killed = first.signal === "SIGKILL";
  let last = first;
  let processes = 1;
  while (last.exitCode !== 0 && processes <= mostResumes) {
    last = await launch(base);
    processes += 1;
  }
  const journal = wrongInJournal(path.join(base.folder, "journal"));
  const ended =
    last.exitCode === 0 ? [] : [`not done after ${processes} processes: exit ${last.exitCode} ${last.stderr}`];
  return { killed, processes, run: journal.run, wrong: [...ended, ...journal.wrong] };
}

async function launch(request: ProgramRequest) {
  const { exitCode, signal, stderr } = await execa(node, [program, JSON.stringify(request)], {
    reject: false,
    timeout: 120_000,
  });
  return { exitCode, signal, stderr };
}

/** The journal's own invariants: it verifies, one run, one terminal event, at most one outcome an attempt, nothing held. */
function wrongInJournal(folder: string): { run: string; wrong: readonly string[] } {
  const journal = openJournal({ folder, clock: systemClock });
  try {
    const runs = journal.runs();
    const { intact, firstBad } = journal.verify();
    const run = runs[0]?.run ?? "";
    const wrong = runs.length === 1 ? wrongInRun(journal.read(run)) : [`${runs.length} runs in the journal`];
    return { run, wrong: [...wrong, ...(intact ? [] : [`the journal does not verify: ${JSON.stringify(firstBad)}`])] };
  } finally {
    journal.close();
  }
}

function wrongInRun(events: readonly Stamped[]): readonly string[] {
  const state = foldRun(events);
  const closings = events.filter(({ event }) => event.kind === "run.closed").length;
  const outcomes = events.flatMap(({ event }) =>
    event.kind === "step.ended" && event.attempt > 0 ? [`${event.step}#${event.attempt}`] : [],
  );
  const twice = outcomes.filter((outcome, index) => outcomes.indexOf(outcome) !== index);
  const held = state.leases.filter((lease) => lease.status !== "released").map((lease) => lease.lease.name);
  return [
    ...(closings === 1 ? [] : [`${closings} terminal events`]),
    ...(twice.length === 0 ? [] : [`two outcomes of ${twice.join(", ")}`]),
    ...(held.length === 0 ? [] : [`not given back in the journal: ${held.join(", ")}`]),
    ...events
      .flatMap(({ seq }, index) => (seq === index + 1 ? [] : [`event ${index + 1} has the number ${seq}`]))
      .slice(0, 1),
  ];
}

/** Copies of server programs may stay: they are a cache, not a lease. */
function leftHere(scratch: string): readonly string[] {
  const left = readdirSync(scratch).filter((name) => !name.startsWith("programs-"));
  return left.map((name) => `left in the scratch folder: ${name}`);
}

/** Each name at its first and last time, and a few times between: every boundary of a run, from its trace. */
export function boundariesOf(trace: readonly string[], between = 1): readonly Boundary[] {
  const counts = new Map<string, number>();
  for (const name of trace) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].flatMap(([name, count]) => {
    const steps = Array.from({ length: between }, (_, index) =>
      Math.round(1 + ((index + 1) * (count - 1)) / (between + 1)),
    );
    return [...new Set([1, ...steps, count])].map((nth) => ({ name, nth }));
  });
}

/** A repeatable sample, spread over the whole list. */
export function sample<T>(items: readonly T[], size: number): readonly T[] {
  if (items.length <= size) return items;
  return Array.from({ length: size }, (_, index) => items[Math.floor((index * items.length) / size)] as T);
}
