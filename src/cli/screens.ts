import type { ExitName } from "../core/exit-codes.ts";
import { openScreens } from "./drive-session.ts";
import { chooseFace } from "./face.ts";
import { placesOf, type PlaceFlags, usageFault } from "./flags.ts";
import type { CliParts, Io } from "./parts.ts";

export interface ScreensFlags extends PlaceFlags {
  readonly operator?: string;
  readonly altScreen: boolean;
  readonly plain?: boolean;
}

/** `holdfast` alone: the screens, from the start. */
export async function screensCommand(flags: ScreensFlags, parts: CliParts, io: Io): Promise<ExitName> {
  const face = chooseFace(flags, io);
  if (face.kind === "plain") {
    throw usageFault(
      `without a command the screens are opened, and they can't be (${face.why})`,
      "See holdfast --help.",
    );
  }
  const { config, journalFolder, started } = placesOf(flags, io);
  const who = flags.operator === undefined ? {} : { operator: flags.operator };
  const bench = await parts.workbench({ config, journalFolder, env: io.env, clock: io.clock, ...who });
  try {
    return await openScreens(bench, { kind: "start" }, { started, altScreen: flags.altScreen }, io);
  } finally {
    await bench.close();
  }
}
