import type { ExitName } from "../core/exit-codes.ts";
import type { IncidentKind } from "../engines/rehearse.ts";
import type { Session } from "../runner/session.ts";
import { loadRunbook } from "../runbooks/load.ts";
import { findRunbook } from "../runbooks/shipped.ts";
import { pasteable, shellWord } from "../words/commands.ts";
import { rowsOf } from "./demo-command.ts";
import { openScreens } from "./drive-session.ts";
import { type DrillParts, runDrill } from "./drill.ts";
import { chooseFace, type Face } from "./face.ts";
import { configIfAny, journalFolderOf, type PlaceFlags, usageFault } from "./flags.ts";
import { heedInterrupts } from "./interrupts.ts";
import { lineWriter, speaker } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { answerPlain, showJson, showPlain } from "./plain.ts";
import { terminalLines } from "./plain-questions.ts";
import { reportLines } from "./rehearsal/report-words.ts";
import { operate } from "./rehearsal/scripted-operator.ts";
import { sessionOn } from "./rehearsal/stage.ts";
import { startedAs } from "./started.ts";

export interface DrillFlags extends PlaceFlags {
  readonly rows: string;
  readonly incident?: IncidentKind;
  readonly auto?: boolean;
  readonly fresh?: boolean;
  readonly keep?: boolean;
  readonly plain?: boolean;
  readonly json?: boolean;
  readonly operator?: string;
  readonly altScreen: boolean;
}

/** `holdfast drill RUNBOOK`: an incident on a server of ours, recovered from by hand or by itself, timed, and told in a report. */
export async function drillCommand(runbook: string, flags: DrillFlags, parts: CliParts, io: Io): Promise<ExitName> {
  const rows = rowsOf(flags.rows);
  checkRunbook(runbook);
  const auto = flags.auto ?? false;
  const face = auto ? chooseFace({ plain: true, ...flags }, io) : askingFace(flags, io);
  const config = configIfAny(flags, io);
  const journalFolder = journalFolderOf(flags, io, config);
  const started = startedAs(io, flags);
  const say = speaker(io, flags.json);
  const again = pasteable(againWords(runbook, flags), started);
  const who = flags.operator === undefined ? {} : { operator: flags.operator };
  const drill: DrillParts = {
    ...(await parts.drill({ config, journalFolder, env: io.env, clock: io.clock, ...who })),
    say,
    again,
    showCommand: (run) => pasteable(`holdfast journal show ${run}`, started),
    drive: (bench, at, kind) =>
      face.kind === "screens"
        ? openScreens(
            bench,
            { kind: "session", session: sessionOn(bench, at) },
            { started, altScreen: flags.altScreen, resumeCommand: () => again },
            io,
          )
        : driveLines(sessionOn(bench, at), { face, auto: auto ? kind : null }, io),
    tellReport: (report) => {
      if (flags.json) lineWriter(io.stdout)(JSON.stringify({ drill: report }));
      for (const line of reportLines(report)) say(line);
    },
  };
  return runDrill(drill, {
    runbook,
    rows,
    fresh: flags.fresh ?? false,
    keep: flags.keep ?? false,
    incident: flags.incident ?? null,
  });
}

/** Before a server is started for it. */
function checkRunbook(name: string): void {
  const { inputs = {} } = loadRunbook(findRunbook(name)).runbook;
  const asked = Object.entries(inputs).filter(([, input]) => input.optional !== true);
  if (asked.every(([input]) => input === "table") && inputs.table?.type === "table") return;
  throw usageFault(
    "a drill can rehearse a runbook that asks for a table and for nothing else",
    "See holdfast run --help.",
  );
}

/** A person has to answer: where none can, that is said before a server is started. */
function askingFace(flags: DrillFlags, io: Io): Face {
  const face = chooseFace(flags, io);
  if (face.kind === "screens" || (face.kind === "plain" && face.interactive)) return face;
  const why = face.kind === "json" ? "--json asks nothing" : face.why.replace("plain lines: ", "");
  throw usageFault(`nobody could answer the drill's questions (${why})`, "Let it drive itself: --auto");
}

function againWords(runbook: string, { auto, plain, json, operator }: DrillFlags): string {
  const words = [
    `holdfast drill ${shellWord(runbook)}`,
    ...(auto ? ["--auto"] : []),
    ...(plain ? ["--plain"] : []),
    ...(json ? ["--json"] : []),
    ...(operator === undefined ? [] : [`--operator ${shellWord(operator)}`]),
  ];
  return words.join(" ");
}

/** Without screens: answered by the script, or line by line. */
async function driveLines(
  session: Session,
  { face, auto }: { readonly face: Face; readonly auto: IncidentKind | null },
  io: Io,
): Promise<ExitName> {
  const say = lineWriter(face.kind === "json" ? io.stderr : io.stdout);
  const heeded = heedInterrupts(session, io, say);
  const hush = face.kind === "json" ? showJson(session, lineWriter(io.stdout)) : showPlain(session, say);
  const ask = () => terminalLines(io.stdin, io.stdout, heeded.interrupt, (ms, signal) => io.clock.sleep(ms, signal));
  const deafen = auto === null ? answerPlain(session, ask(), say, () => io.clock.now()) : operate(session, auto);
  const { exit } = await session.ended;
  deafen();
  hush();
  heeded.stop();
  return exit;
}
