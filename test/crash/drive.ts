import { readFileSync } from "node:fs";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { type CrashFault, type FaultKind, faultText } from "./fault.ts";
import { type Ended, launch, type Running } from "./launch.ts";
import type { Mutant } from "./mutants.ts";
import { type Place, processesNaming } from "./place.ts";
import type { CrashWorld } from "./world.ts";

/** What is done to one run, a fault for each of its processes; after the last it is resumed until it is done. */
export interface TrialPlan {
  readonly faults: readonly CrashFault[];
  readonly face: "json" | "plain";
  readonly mutant?: Mutant;
}

/** A process of a trial and what befell it. */
export interface Lived extends Ended {
  readonly fault: CrashFault | null;
  /** The fault happened; otherwise the process ended before its point was reached. */
  readonly struck: boolean;
  /** The boundary that it stood at then; null where the fault is not bound to one. */
  readonly where: string | null;
  /** A second process that was started while this one stood still. */
  readonly beside: Ended | null;
}

export interface Driven {
  readonly processes: readonly Lived[];
  readonly done: boolean;
}

/** Resumes without a fault that a run may need after the last one: a failure that has passed may need one more. */
const spareResumes = 4;

/** Does what an operator would do: run, and after each fault resume; run again where the journal says that nothing was begun. */
export async function driveToEnd(world: CrashWorld, place: Place, plan: TrialPlan): Promise<Driven> {
  const processes: Lived[] = [];
  const faults: (CrashFault | null)[] = [...plan.faults, ...Array.from({ length: spareResumes }, () => null)];
  let command: "run" | "resume" = "run";
  for (let at = 0; at < faults.length;) {
    const lived: Lived = await live(world, place, plan, command, faults[at] ?? null);
    processes.push(lived);
    place.proxy?.disarm();
    if (command === "resume" && saysNothingOpen(lived)) {
      if (await wasDone(world, place, plan)) return { processes, done: true };
      command = "run";
      continue;
    }
    at += 1;
    if (lived.code === 0) return { processes, done: true };
    command = "resume";
  }
  return { processes, done: false };
}

async function live(
  world: CrashWorld,
  place: Place,
  plan: TrialPlan,
  command: "run" | "resume",
  fault: CrashFault | null,
): Promise<Lived> {
  const at = atOf(fault);
  // A kill at a random moment needs nothing put in: then the very program that ships is killed.
  const asBuilt = fault?.kind === "moment" && plan.mutant === undefined && world.memory() === undefined;
  const memory = world.memory();
  const request = asBuilt
    ? null
    : {
        ...(at === null ? {} : { at }),
        ...(plan.mutant === undefined ? {} : { mutant: plan.mutant }),
        ...(memory === undefined ? {} : { memory }),
      };
  const again = { ...request };
  delete again.at;
  const running = launch(place, argsOf(world, plan, command), request);
  const late = deliverSoon(place);
  const befell =
    fault === null
      ? spared
      : await befall(
          world,
          place,
          running,
          fault,
          () => launch(place, argsOf(world, { ...plan, face: "json" }, "resume"), again).ended,
        );
  const ended = await running.ended;
  clearTimeout(late);
  place.freeDisks();
  return { ...ended, fault, ...befell };
}

function argsOf(world: CrashWorld, plan: TrialPlan, command: "run" | "resume"): readonly string[] {
  const subject = command === "run" ? world.run : [];
  return [
    command,
    ...subject,
    ...world.choices.flatMap((choice) => ["--choose", choice]),
    "--yes-sandbox",
    `--${plan.face}`,
  ];
}

function atOf(fault: CrashFault | null) {
  if (fault === null || !("at" in fault)) return null;
  const signals = { kill: "SIGKILL", hangup: "SIGHUP" } as const;
  return {
    ...fault.at,
    signal: fault.kind === "kill" || fault.kind === "hangup" ? signals[fault.kind] : ("SIGSTOP" as const),
  };
}

type Befell = Pick<Lived, "struck" | "where" | "beside">;
const spared: Befell = { struck: false, where: null, beside: null };

/** Lets the fault happen to the process, and gives back whether it did. */
async function befall(
  world: CrashWorld,
  place: Place,
  running: Running,
  fault: CrashFault,
  second: () => Promise<Ended>,
): Promise<Befell> {
  switch (fault.kind) {
    case "kill":
      return (await running.ended).signal === "SIGKILL" ? { ...spared, struck: true, where: newest(place) } : spared;
    case "hangup":
      return { ...spared, struck: isPaused(await running.ended) };
    case "moment":
      return killAfter(running, fault);
    case "cut-before":
    case "cut-after":
    case "orphan":
      return cut(place, running, fault);
    case "restart":
    case "stop":
    case "full":
    case "full-scratch":
    case "scratch": {
      if (!(await running.stopped())) return spared;
      const where = newest(place);
      const befell = await whileStopped(world, place, fault.kind, second);
      running.child.kill("SIGCONT");
      return { ...befell, where };
    }
  }
}

function newest({ trace }: Place): string {
  return readFileSync(trace, "utf8").trimEnd().split("\n").at(-1) ?? "";
}

async function killAfter(
  { child, ended, printed }: Running,
  { lines, ms }: { lines: number; ms: number },
): Promise<Befell> {
  await Promise.race([printed(lines).then(() => wait(ms)), ended]);
  child.kill("SIGKILL");
  return { ...spared, struck: (await ended).signal === "SIGKILL" };
}

async function cut(place: Place, { child, ended }: Running, fault: CrashFault & { nth: number }): Promise<Befell> {
  if (place.proxy === null) throw new Error(`${faultText(fault)} needs a connection that can be cut`);
  let struck = false;
  place.proxy.arm({ kind: fault.kind as "orphan", nth: fault.nth }, () => {
    struck = true;
    if (fault.kind === "orphan") child.kill("SIGKILL");
  });
  await ended;
  return { ...spared, struck };
}

/** Longer than the two seconds for which a lock is waited for, and than the time in which a second process is turned away. */
const beyondLocksMs = 2500;

async function whileStopped(
  world: CrashWorld,
  place: Place,
  kind: Exclude<FaultKind, "kill" | "moment" | "hangup" | "cut-before" | "cut-after" | "orphan">,
  second: () => Promise<Ended>,
): Promise<Pick<Befell, "struck" | "beside">> {
  const struck = { struck: true, beside: null };
  switch (kind) {
    case "restart":
      await world.restart();
      return struck;
    case "full":
      place.fillDisk("state");
      return struck;
    case "full-scratch":
      place.fillDisk("scratch");
      return struck;
    case "scratch":
      return { ...struck, struck: killScratchServers(place) > 0 };
    case "stop":
      await wait(beyondLocksMs);
      return { struck: true, beside: await second() };
  }
}

/** Before the run is driven nobody heeds the signal, and it ends the process. */
function isPaused({ code, signal }: Ended): boolean {
  return code === exitCodes.paused.code || signal === "SIGHUP";
}

function killScratchServers({ scratch }: Place): number {
  const servers = processesNaming(scratch).filter(({ line }) => line.includes("bin/postgres "));
  for (const { pid } of servers) process.kill(pid, "SIGKILL");
  return servers.length;
}

/** A COMMIT that hangs in the air arrives while the next process is at work; whatever else does arrives when all is over. */
function deliverSoon(place: Place): NodeJS.Timeout | undefined {
  return place.proxy?.holdsCommit() ? setTimeout(() => place.proxy?.deliver(), 1500) : undefined;
}

function saysNothingOpen({ code, stdout, stderr }: Ended): boolean {
  return code === 0 && `${stdout}${stderr}`.includes("No run is open");
}

async function wasDone(world: CrashWorld, place: Place, plan: TrialPlan): Promise<boolean> {
  const memory = world.memory();
  const request = memory === undefined && plan.mutant === undefined ? null : {};
  const listed = await launch(place, ["journal", "list", "--json"], request).ended;
  return listed.stdout.includes('"status":"done"');
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
