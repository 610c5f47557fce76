import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { foldRun } from "../../src/core/apply-event.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Json } from "../../src/core/json.ts";
import { openJournal } from "../../src/journal/open.ts";
import { filesBelow } from "../support/cli.ts";
import { type Driven, driveToEnd, type Lived, type TrialPlan } from "./drive.ts";
import type { Point } from "./fault.ts";
import { type Evidence, type RunSeen, type Violation, violationsIn } from "./invariants.ts";
import { makePlace, type Place, processesNaming, secret } from "./place.ts";
import type { CrashWorld } from "./world.ts";

export interface Trial {
  readonly plan: TrialPlan;
  readonly processes: readonly Lived[];
  readonly violations: readonly Violation[];
  /** Every boundary that was reached, over all processes. */
  readonly trace: readonly string[];
  /** Intents without an outcome whose effect was found out. */
  readonly settled: number;
  readonly markers: readonly string[];
}

/** Stages an incident, lets the plan's faults befall the processes of its recovery, resumes until it is done, and looks at everything. */
export async function trial(
  world: CrashWorld,
  plan: TrialPlan,
  usual: { readonly markers: readonly string[] } | null = null,
): Promise<Trial> {
  await world.stage();
  const needs = {
    proxy: plan.faults.some(({ kind }) => kind.startsWith("cut") || kind === "orphan"),
    smallDisks: {
      state: plan.faults.some(({ kind }) => kind === "full"),
      scratch: plan.faults.some(({ kind }) => kind === "full-scratch"),
    },
  };
  const place = await makePlace(world, needs);
  try {
    const driven = await driveToEnd(world, place, plan);
    place.proxy?.deliver();
    const seen = await evidence(world, place, driven, usual?.markers ?? null);
    const settled = seen.runs.flatMap(({ events }) => events).filter(({ event }) => event.kind === "step.settled");
    return {
      plan,
      processes: driven.processes,
      violations: violationsIn(seen),
      trace: existsSync(place.trace) ? readFileSync(place.trace, "utf8").trim().split("\n") : [],
      settled: settled.length,
      markers: seen.runs.flatMap(({ markers }) => markers.map(({ key }) => key)),
    };
  } finally {
    await place.end();
  }
}

async function evidence(
  world: CrashWorld,
  place: Place,
  { processes, done }: Driven,
  usualMarkers: readonly string[] | null,
): Promise<Evidence> {
  const leaked = leaks(world, place, processes); // before the journal is opened by this process, which changes its files
  const now = await world.now();
  const journal = openJournal({ folder: place.journal, clock: systemClock });
  try {
    const runs = await Promise.all(
      journal.runs().map(async ({ run }) => {
        const events = journal.read(run);
        return { run, events, state: foldRun(events), markers: await world.markers(run) };
      }),
    );
    const verified = journal.verify();
    const before = world.before();
    const left = [...leftHere(place), ...leftOfLeases(runs)];
    return { world, done, processes, verified, runs, usualMarkers, before, now, left, leaked };
  } finally {
    journal.close();
  }
}

/** Copies of server programs may stay: they are a cache, not a lease. */
function leftHere({ folder, scratch }: Place): readonly string[] {
  const inFolders = [scratch, path.join(folder, "tmp")].flatMap((where) =>
    readdirSync(where)
      .filter((name) => !name.startsWith("programs-") && name !== "node-compile-cache")
      .map((name) => `left in ${path.basename(where)}/: ${name}`),
  );
  const living = processesNaming(folder).map(({ line }) => line);
  return [...inFolders, ...living.map((line) => `still runs: ${line.slice(0, 200)}`)];
}

/** Scratch servers and clones say in the journal where they are: there neither a folder nor a process may be. */
export function leftOfLeases(runs: readonly Pick<RunSeen, "state">[]): readonly string[] {
  return runs
    .flatMap(({ state }) => state.leases)
    .flatMap(({ lease, facts }) => {
      const folder = folderIn(facts) ?? folderIn(lease.facts);
      if (folder === undefined) return [];
      return [
        ...(existsSync(folder) ? [`the folder of ${lease.name}`] : []),
        ...processesNaming(folder).map(({ pid }) => `process ${pid} of ${lease.name}`),
      ];
    });
}

function folderIn(facts: Json | null): string | undefined {
  if (typeof facts !== "object" || facts === null || !("folder" in facts)) return undefined;
  return typeof facts.folder === "string" ? facts.folder : undefined;
}

function leaks(world: CrashWorld, { folder }: Place, processes: readonly Lived[]): readonly string[] {
  const said = processes.flatMap((one, at) =>
    (["stdout", "stderr"] as const).map(
      (stream) => [`${stream} of process ${at + 1}`, `${one[stream]}${one.beside?.[stream] ?? ""}`] as const,
    ),
  );
  const things = [...filesBelow(folder), ...said];
  const value = Buffer.from(world.lostValue).toString("latin1");
  const values = things
    .filter(([, text]) => text.includes(value) || text.includes(world.lostValue))
    .map(([name]) => name);
  return [
    ...secret.findIn(things).map((name) => `the password is in ${name}`),
    ...values.map((name) => `a row's value is in ${name}`),
  ];
}

/** Each name at its first and last time, and a few times between: every boundary of a run, from its trace. */
export function boundariesOf(trace: readonly string[], between = 1): readonly Point[] {
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
