import type { ExitName } from "../core/exit-codes.ts";
import type { Journal } from "../journal/journal.ts";
import { pasteable } from "../words/commands.ts";
import { count, plural } from "../words/format.ts";
import { listedRunLines, timelineLines } from "../words/timeline.ts";
import { journalToRead, type PlaceFlags, usageFault } from "./flags.ts";
import { lineWriter } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { findRuns, unknownRun } from "./resume.ts";
import { startedAs } from "./started.ts";

export interface JournalFlags extends PlaceFlags {
  readonly json?: boolean;
  /** Of `verify`: a head that was written down before. */
  readonly head?: string;
}

type Say = (line: string) => void;

const noRunYet = "The journal has no run yet.";

/** `holdfast journal list`: every run, newest first. */
export function journalList(flags: JournalFlags, parts: CliParts, io: Io): Promise<ExitName> {
  return withJournal(undefined, flags, parts, io, (journal, say) => {
    const runs = journal.runs();
    if (flags.json) for (const run of runs) say(JSON.stringify(run));
    else if (runs.length === 0) say(noRunYet);
    else for (const line of runs.flatMap(listedRunLines)) say(line);
    return "ok";
  });
}

/** `holdfast journal show RUN`: one run's events, from its opening on. */
export function journalShow(run: string, flags: JournalFlags, parts: CliParts, io: Io): Promise<ExitName> {
  return withJournal(run, flags, parts, io, (journal, say) => {
    const [only, ...others] = findRuns(run, journal);
    if (only === undefined) throw unknownRun();
    if (others.length > 0) return severalRuns([only, ...others].flatMap(listedRunLines), say);
    const events = journal.read(only.run);
    for (const line of flags.json ? events.map((one) => JSON.stringify(one)) : timelineLines(events)) say(line);
    return "ok";
  });
}

/** `holdfast journal verify [RUN]`: proves the chains, or names the first entry that does not hold. */
export function journalVerify(
  run: string | undefined,
  flags: JournalFlags,
  parts: CliParts,
  io: Io,
): Promise<ExitName> {
  checkHead(flags.head);
  return withJournal(run, flags, parts, io, (journal, say) => {
    const found = run === undefined ? [] : findRuns(run, journal);
    if (run !== undefined && found.length === 0) throw unknownRun();
    if (found.length > 1) return severalRuns(found.flatMap(listedRunLines), say);
    const report = journal.verify(found[0]?.run, flags.head);
    const again = pasteable(`holdfast journal verify --head "${report.head}"`, startedAs(io, flags));
    if (flags.json) say(JSON.stringify(report));
    else for (const line of verifyLines(report, again)) say(line);
    return report.intact ? "ok" : "journal";
  });
}

type Report = ReturnType<Journal["verify"]>;

function verifyLines(report: Report, again: string): readonly string[] {
  const { firstBad, noted } = report;
  const looked = `${plural(report.runs, "run")}, ${count(report.events)} events`;
  if (firstBad !== null) {
    const where = `${firstBad.run}, entry ${firstBad.seq}: ${firstBad.what}`;
    return [`HF-JOURNAL-BROKEN  the chain does not hold: ${where}`, `  looked at: ${looked}`];
  }
  if (noted?.line === null) return goneHeadLines(looked);
  const at =
    noted === undefined
      ? ""
      : `; the head that you gave is line ${count(noted.line)} of ${count(noted.of)} of its ledger`;
  return [`Intact: ${looked}${at}.`, ...headLines(report, again)];
}

/** A file that was cut at its end, or another one in its place, is intact in itself: only a copy elsewhere shows it. */
function headLines({ head }: Report, again: string): readonly string[] {
  return [
    `Journal head: ${head}. It stands for every entry up to now. Keep a copy of it elsewhere (in the ticket); this proves later`,
    "that nothing up to here was cut off, and that no other journal was put in its place:",
    `  ${again}`,
  ];
}

/** A head stands for entries that were there once. */
function goneWhole({ json }: JournalFlags, say: Say): ExitName {
  if (json) say(JSON.stringify({ intact: false, runs: 0, events: 0, firstBad: null, noted: { line: null, of: 0 } }));
  else for (const line of goneHeadLines("no run, no event")) say(line);
  return "journal";
}

function goneHeadLines(looked: string): readonly string[] {
  return [
    "HF-JOURNAL-BROKEN  the head that you gave is not in this journal: entries were cut off its end, or it is another journal",
    `  looked at: ${looked}, which hold in themselves`,
    "  what to do: See that the head was copied right, and from this journal; then compare with a copy of the file from that time.",
  ];
}

const headForm = /^[0-9a-f]{4} ?[0-9a-f]{4} ?[0-9a-f]{4}$/i;

function checkHead(head: string | undefined): void {
  if (head === undefined || headForm.test(head.trim())) return;
  throw usageFault("--head needs the 12 digits of a journal head", 'For example: --head "9693 5238 2050"');
}

function severalRuns(lines: readonly string[], say: Say): ExitName {
  say("Several runs begin so: name one by its whole id.");
  for (const line of lines) say(line);
  return "several-runs";
}

/** Nothing is made to read it. */
function nothingKept(named: string | undefined, flags: JournalFlags, say: Say): ExitName {
  if (named !== undefined) throw unknownRun();
  if (flags.head !== undefined) return goneWhole(flags, say);
  if (!flags.json) say(noRunYet);
  return "ok";
}

async function withJournal(
  named: string | undefined,
  flags: JournalFlags,
  parts: CliParts,
  io: Io,
  look: (journal: Journal, say: Say) => ExitName,
): Promise<ExitName> {
  const folder = journalToRead(flags, io);
  const say = lineWriter(io.stdout);
  if (folder === null) return nothingKept(named, flags, say);
  const journal = await parts.journal(folder, io.clock);
  try {
    return look(journal, say);
  } finally {
    journal.close();
  }
}
