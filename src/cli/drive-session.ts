import { dirname } from "node:path";
import { exitCodes, type ExitName } from "../core/exit-codes.ts";
import type { Session } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import type { FaultRecord } from "../core/errors.ts";
import type { Started } from "../words/commands.ts";
import type { Opening } from "../screens/opening.ts";
import { runSummaryLines } from "../words/run-summary.ts";
import type { Face } from "./face.ts";
import { sayFailure } from "./failure.ts";
import { heedInterrupts } from "./interrupts.ts";
import { lineWriter } from "./output.ts";
import type { Io } from "./parts.ts";
import { answerPlain, showJson, showPlain } from "./plain.ts";
import { terminalLines } from "./plain-questions.ts";

export interface Driving {
  readonly face: Face;
  readonly started: Started;
  readonly altScreen: boolean;
}

/** Shows a session in its face until this process has let go of the run. */
export async function driveSession(bench: Workbench, session: Session, how: Driving, io: Io): Promise<ExitName> {
  switch (how.face.kind) {
    case "screens":
      return openScreens(bench, { kind: "session", session }, how, io);
    case "plain":
      return drivePlain(bench, session, how, io);
    case "json":
      return driveJson(bench, session, how, io);
  }
}

/** The screens, and their summary on the normal screen when they are gone; a bug of theirs leaves its stack in a file. */
export async function openScreens(
  workbench: Workbench,
  start: { readonly kind: "start" } | { readonly kind: "session"; readonly session: Session },
  how: Pick<Driving, "started" | "altScreen"> & { readonly opening?: Opening; readonly resumeCommand?: () => string },
  io: Io,
): Promise<ExitName> {
  const { runTui } = await import("../screens/app.tsx");
  const { stdin, stdout, clock, env } = io;
  const { started, altScreen, opening } = how;
  const drawn = {
    ...(opening === undefined ? {} : { opening }),
    ...(how.resumeCommand === undefined ? {} : { resumeCommand: how.resumeCommand }),
  };
  const end = await runTui({ workbench, start, stdin, stdout, clock, env, altScreen, started, ...drawn });
  if (end.bug !== undefined) sayFailure(end.bug, () => dirname(workbench.journalFile), started, io);
  const say = lineWriter(stdout);
  for (const line of end.summary) say(line);
  // The third Ctrl-C waits for nobody: not for a server that no longer answers, nor for what else is open.
  if (end.exit === "interrupted") io.exit(exitCodes.interrupted.code);
  return end.exit;
}

async function drivePlain(bench: Workbench, session: Session, how: Driving, io: Io): Promise<ExitName> {
  const interactive = how.face.kind === "plain" && how.face.interactive;
  const say = lineWriter(io.stdout);
  const heeded = heedInterrupts(session, io, say);
  const hush = showPlain(session, say);
  const ask = terminalLines(io.stdin, io.stdout, heeded.interrupt, (ms, signal) => io.clock.sleep(ms, signal));
  const deafen = interactive ? answerPlain(session, ask, say, () => io.clock.now()) : () => undefined;
  const end = await session.ended;
  deafen();
  hush();
  heeded.stop();
  for (const line of runSummaryLines(end, withoutRefused(how.started, end.fault))) say(line);
  if (end.bug !== undefined) sayFailure(end.bug, () => dirname(bench.journalFile), how.started, io);
  return end.exit;
}

async function driveJson(bench: Workbench, session: Session, how: Driving, io: Io): Promise<ExitName> {
  const say = lineWriter(io.stderr);
  const heeded = heedInterrupts(session, io, say);
  const hush = showJson(session, lineWriter(io.stdout));
  const end = await session.ended;
  hush();
  heeded.stop();
  for (const line of runSummaryLines(end, withoutRefused(how.started, end.fault))) say(line);
  if (end.bug !== undefined) sayFailure(end.bug, () => dirname(bench.journalFile), how.started, io);
  return end.exit;
}

/** A wish that was refused is not printed again: the command that goes on would be refused with it. */
function withoutRefused(started: Started, fault: FaultRecord | undefined): Started {
  if (fault?.code !== "HF-CHOICE-INVALID" || started.wishes === undefined) return started;
  const wish = `${fault.choices?.step ?? ""}=`;
  const isRefused = (flag: string) => flag.startsWith(`--choose ${wish}`) || flag.startsWith(`--choose '${wish}`);
  return { ...started, wishes: started.wishes.filter((flag) => !isRefused(flag)) };
}
