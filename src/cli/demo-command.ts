import type { ExitName } from "../core/exit-codes.ts";
import type { IncidentKind } from "../engines/rehearse.ts";
import { pasteable } from "../words/commands.ts";
import { chooseFace } from "./face.ts";
import { runDemo } from "./demo.ts";
import { openScreens } from "./drive-session.ts";
import { usageFault } from "./flags.ts";
import { heedInterrupts } from "./interrupts.ts";
import { lineWriter } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { showPlain } from "./plain.ts";
import { sessionOn } from "./rehearsal/stage.ts";
import { startedAs } from "./started.ts";

export interface DemoFlags {
  readonly auto?: boolean;
  readonly fresh?: boolean;
  readonly rows: string;
  readonly incident?: IncidentKind;
  readonly altScreen: boolean;
}

/** `holdfast demo`: an incident on a server of ours, and the screens on it; `--auto` drives itself, on plain lines. */
export async function demoCommand(flags: DemoFlags, parts: CliParts, io: Io): Promise<ExitName> {
  const auto = flags.auto ?? false;
  const rows = rowsOf(flags.rows);
  if (!auto) checkTerminal(io);
  const say = lineWriter(io.stdout);
  const started = startedAs(io);
  const again = io.env.npm_lifecycle_event === "demo" ? "npm run demo" : `${started.program} demo`;
  const how = { started, altScreen: flags.altScreen };
  return runDemo(
    {
      ...(await parts.demo(io)),
      say,
      again,
      listCommand: (folder) => pasteable("holdfast journal list", { program: started.program, journal: folder }),
      show: (session) => {
        const { stop } = heedInterrupts(session, io, say);
        const hush = showPlain(session, say);
        return () => {
          hush();
          stop();
        };
      },
      openScreens: (bench, at) => {
        const session = sessionOn(bench, at);
        return openScreens(bench, { kind: "session", session }, { ...how, resumeCommand: () => again }, io);
      },
    },
    { auto, rows, fresh: flags.fresh ?? false, incident: flags.incident ?? null },
  );
}

export function rowsOf(text: string): number {
  if (/^[1-9][0-9]{0,7}$/.test(text)) return Number(text);
  throw usageFault("--rows needs a whole number from 1 to 99,999,999", "For example: --rows 200000");
}

function checkTerminal(io: Io): void {
  const face = chooseFace({}, io);
  if (face.kind === "plain")
    throw usageFault(`the demo's screens can't be opened (${face.why})`, "Let it drive itself: --auto");
}
