import type { ExitName } from "../core/exit-codes.ts";
import { drawOpening, type Opening } from "../screens/opening.ts";
import { chooseFace } from "./face.ts";
import type { PlaceFlags } from "./flags.ts";
import type { CliParts, Io } from "./parts.ts";

export interface ScreensFlags extends PlaceFlags {
  readonly operator?: string;
  readonly altScreen: boolean;
  readonly plain?: boolean;
}

/** `holdfast` alone: the screens, from the start. Their header is drawn before anything is loaded that it does not need. */
export async function screensCommand(flags: ScreensFlags, parts: CliParts, io: Io): Promise<ExitName> {
  const face = chooseFace(flags, io);
  if (face.kind === "plain") throw await noScreens(face.why);
  const opening = await drawOpening({ ...io, altScreen: flags.altScreen });
  const { bench, started } = await openBench(flags, parts, io, opening);
  try {
    const { openScreens } = await import("./drive-session.ts");
    return await openScreens(bench, { kind: "start" }, { started, altScreen: flags.altScreen, opening }, io);
  } finally {
    await bench.close();
  }
}

async function noScreens(why: string): Promise<Error> {
  const { usageFault } = await import("./flags.ts");
  return usageFault(`without a command the screens are opened, and they can't be (${why})`, "See holdfast --help.");
}

/** A fault of the config or the journal is said on the normal screen. */
async function openBench(flags: ScreensFlags, parts: CliParts, io: Io, opening: Opening) {
  try {
    const { placesOf } = await import("./flags.ts");
    const { config, journalFolder, started } = placesOf(flags, io);
    const who = flags.operator === undefined ? {} : { operator: flags.operator };
    const bench = await parts.workbench({ config, journalFolder, env: io.env, clock: io.clock, ...who });
    return { bench, started };
  } catch (error) {
    await opening.leave();
    throw error;
  }
}
