import { type ExitName } from "../core/exit-codes.ts";
import { Fault } from "../core/errors.ts";
import type { RunId } from "../core/ids.ts";
import type { Journal, RunSummary } from "../journal/journal.ts";
import { listedRunLines } from "../words/timeline.ts";
import { driveSession } from "./drive-session.ts";
import { chooseFace } from "./face.ts";
import { journalToRead, placesOf, readPairs, usageFault } from "./flags.ts";
import { speaker } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { checkChoices, isInteractive, type RunFlags, sayFace, wishFlags } from "./run.ts";

export type ResumeFlags = Omit<RunFlags, "target" | "set" | "dryRun"> & { readonly giveUp?: boolean };

/** `holdfast resume [RUN]`: without RUN the one open run. Which run is meant is settled before any config or server is asked. */
export async function resumeCommand(
  run: string | undefined,
  flags: ResumeFlags,
  parts: CliParts,
  io: Io,
): Promise<ExitName> {
  const choices = readPairs(flags.choose, "--choose");
  // Naming the run is the confirmation: on the screens its id is typed for the same.
  if (flags.giveUp && run === undefined)
    throw usageFault("--give-up needs the id of the run that is to be given up", "Look it up: holdfast journal list.");
  const say = speaker(io, flags.json);
  const meant = await meantRun(run, flags, parts, io);
  if (meant.kind === "over") {
    for (const line of meant.lines) say(line);
    return meant.exit;
  }
  const { config, journalFolder: folder, started } = placesOf(flags, io);
  const face = chooseFace(flags.giveUp ? { plain: true, ...flags } : flags, io);
  sayFace(face, io);
  const who = flags.operator === undefined ? {} : { operator: flags.operator };
  const bench = await parts.workbench({ config, journalFolder: folder, env: io.env, clock: io.clock, ...who });
  try {
    const [opened] = bench.timeline(meant.run);
    if (opened?.event.kind === "run.opened") checkChoices(opened.event.plan, choices);
    const session = bench.resume(meant.run, {
      wishes: { choices, keepRescue: flags.keepRescue ?? false },
      interactive: isInteractive(face),
      yesSandbox: flags.yesSandbox ?? false,
    });
    if (flags.giveUp) session.abandon("given up by the operator"); // before its first step can begin
    return await driveSession(
      bench,
      session,
      { face, started: { ...started, wishes: wishFlags(flags) }, altScreen: flags.altScreen },
      io,
    );
  } finally {
    await bench.close();
  }
}

type Meant =
  | { readonly kind: "run"; readonly run: RunId }
  | { readonly kind: "over"; readonly exit: ExitName; readonly lines: readonly string[] };

async function meantRun(run: string | undefined, flags: ResumeFlags, parts: CliParts, io: Io): Promise<Meant> {
  const folder = journalToRead(flags, io);
  if (folder === null) {
    if (run !== undefined) throw unknownRun();
    return theOpenRun([]);
  }
  const journal = await parts.journal(folder, io.clock);
  try {
    return refuseRehearsal(run === undefined ? theOpenRun(journal.runs()) : namedRun(run, journal), journal);
  } finally {
    journal.close();
  }
}

/** Its target is a server that only the demo or the drill can start again; a target of the config with that name is another one. */
function refuseRehearsal(meant: Meant, journal: Journal): Meant {
  if (meant.kind === "over") return meant;
  const run = journal.runs().find((one) => one.run === meant.run);
  if (run?.purpose === "demo") throw rehearsed("HF-RUN-DEMO", "demo", "holdfast demo");
  if (run?.purpose === "drill") throw rehearsed("HF-RUN-DRILL", "drill", `holdfast drill ${run.runbook}`);
  return meant;
}

function rehearsed(code: string, what: string, next: string): Fault {
  return new Fault(code, `that run is a ${what}'s, and its server is started by the ${what} alone`, {
    exit: "input",
    still: "Nothing was started, and no server was asked.",
    hint: "Go on with it by the same command that began it:",
    next: [next],
  });
}

/** A drill that was left does not stand in the way of a run that matters. */
function theOpenRun(runs: readonly RunSummary[]): Meant {
  const all = runs.filter(isOpen);
  const live = all.filter(({ purpose }) => purpose !== "drill");
  const open = live.length > 0 ? live : all;
  const [only] = open;
  if (only === undefined) return { kind: "over", exit: "ok", lines: ["No run is open: nothing is left to resume."] };
  return open.length === 1 ? { kind: "run", run: only.run } : several("Several runs are open: name one.", open);
}

function namedRun(text: string, journal: Journal): Meant {
  const found = findRuns(text, journal);
  const [only] = found;
  if (only === undefined) throw unknownRun();
  if (found.length > 1) return several("Several runs begin so: name one by its whole id.", found);
  if (isOpen(only)) return { kind: "run", run: only.run };
  const how = only.purpose === "dry-run" ? "was a dry run" : only.status === "done" ? "is done" : "was given up";
  return { kind: "over", exit: "ok", lines: [`The run ${how}: nothing is left to resume.`, ...listedRunLines(only)] };
}

/** The runs that a person may mean by a text, newest first. */
export function findRuns(text: string, journal: Journal): readonly RunSummary[] {
  const ids = journal.find(text);
  return journal.runs().filter((run) => ids.includes(run.run));
}

export function unknownRun(): Fault {
  return new Fault("HF-RUN-UNKNOWN", "the journal has no run whose id begins so", {
    exit: "input",
    still: "Nothing was started.",
    hint: "Look it up in the list.",
    next: ["holdfast journal list"],
  });
}

function several(first: string, runs: readonly RunSummary[]): Meant {
  return { kind: "over", exit: "several-runs", lines: [first, ...runs.flatMap(listedRunLines)] };
}

function isOpen(run: RunSummary): boolean {
  return run.status === "open" || run.status === "paused";
}
