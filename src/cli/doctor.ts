import type { ExitName } from "../core/exit-codes.ts";
import { exitCodes } from "../core/exit-codes.ts";
import type { ReadyTarget } from "../core/readiness.ts";
import { cleanForTerminal } from "../words/format.ts";
import { readyLines, readyText } from "../words/readiness.ts";
import type { PlaceFlags } from "./flags.ts";
import { placesOf, usageFault } from "./flags.ts";
import { lineWriter } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";

export interface DoctorFlags extends PlaceFlags {
  readonly table: readonly string[];
  readonly json?: boolean;
}

/** `holdfast doctor [TARGET...]`: what could be brought back, were there an incident now; by its exit code fit for monitoring. */
export async function doctorCommand(
  targets: readonly string[],
  flags: DoctorFlags,
  parts: CliParts,
  io: Io,
): Promise<ExitName> {
  const { config, journalFolder } = placesOf(flags, io);
  const bench = await parts.workbench({ config, journalFolder, env: io.env, clock: io.clock });
  const say = lineWriter(io.stdout);
  try {
    const known = bench.targets().map(({ name }) => name);
    const names = targets.length > 0 ? [...new Set(targets)] : known;
    if (names.length === 0) throw usageFault("the configuration names no target", "Add one under targets.", "input");
    const { signal } = new AbortController();
    const found: ReadyTarget[] = [];
    for (const name of names) {
      const target = await bench.doctor(name, { tables: flags.table, signal, tell: () => undefined });
      found.push(target);
      for (const line of linesOf(target, flags)) say(line);
    }
    return exitOf(found);
  } finally {
    await bench.close();
  }
}

function linesOf(target: ReadyTarget, { json }: DoctorFlags): readonly string[] {
  if (json) return [JSON.stringify(target)];
  return [...readyLines(target).map((line) => cleanForTerminal(readyText(line))), ""];
}

/** A target that could not be looked at weighs more than one that was: of that nobody knows. */
function exitOf(found: readonly ReadyTarget[]): ExitName {
  const [fault] = found.flatMap((target) => target.fault ?? []);
  if (fault !== undefined) return isExit(fault.exit) ? fault.exit : "failed";
  return found.every(({ ready }) => ready) ? "ok" : "not-ready";
}

function isExit(name: string): name is ExitName {
  return name in exitCodes;
}
