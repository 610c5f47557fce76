import type { Config } from "../config/load-config.ts";
import type { ExitName } from "../core/exit-codes.ts";
import { Fault } from "../core/errors.ts";
import type { Plan } from "../core/plan.ts";
import { shellWord } from "../words/commands.ts";
import { driveSession } from "./drive-session.ts";
import { chooseFace, type Face } from "./face.ts";
import { placesOf, type PlaceFlags, readPairs, usageFault } from "./flags.ts";
import { lineWriter } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";

export interface RunFlags extends PlaceFlags {
  readonly target?: string;
  readonly set: readonly string[];
  readonly choose: readonly string[];
  readonly dryRun?: boolean;
  readonly plain?: boolean;
  readonly json?: boolean;
  readonly yesSandbox?: boolean;
  readonly keepRescue?: boolean;
  readonly operator?: string;
  readonly altScreen: boolean;
}

/** `holdfast run RUNBOOK`: plans, opens and drives a run. */
export async function runCommand(runbook: string, flags: RunFlags, parts: CliParts, io: Io): Promise<ExitName> {
  const inputs = readPairs(flags.set, "--set");
  const choices = readPairs(flags.choose, "--choose");
  const { config, journalFolder, started } = placesOf(flags, io);
  const target = targetOf(flags, config);
  const face = chooseFace(flags, io);
  sayFace(face, io);
  const who = flags.operator === undefined ? {} : { operator: flags.operator };
  const bench = await parts.workbench({ config, journalFolder, env: io.env, clock: io.clock, ...who });
  try {
    const plan = await bench.plan({ runbook, target, inputs });
    checkChoices(plan, choices);
    const session = bench.open(plan, {
      purpose: flags.dryRun ? "dry-run" : "live",
      wishes: { choices, keepRescue: flags.keepRescue ?? false },
      interactive: isInteractive(face),
      yesSandbox: flags.yesSandbox ?? false,
    });
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

/** The flags that a resume needs to go on as the run was begun. */
export function wishFlags(flags: Omit<RunFlags, "target" | "set" | "dryRun">): readonly string[] {
  return [
    ...flags.choose.map((pair) => `--choose ${shellWord(pair)}`),
    ...(flags.yesSandbox ? ["--yes-sandbox"] : []),
    ...(flags.keepRescue ? ["--keep-rescue"] : []),
    ...(flags.operator === undefined ? [] : [`--operator ${shellWord(flags.operator)}`]),
    ...(flags.plain ? ["--plain"] : []),
    ...(flags.json ? ["--json"] : []),
  ];
}

export function isInteractive(face: Face): boolean {
  return face.kind === "screens" || (face.kind === "plain" && face.interactive);
}

export function sayFace(face: Face, io: Io): void {
  if (face.kind === "plain") lineWriter(io.stdout)(face.why);
}

/** A choice for a step that asks for none would be passed over in silence. */
export function checkChoices(plan: Plan, choices: Readonly<Record<string, string>>): void {
  const asking = plan.steps.filter((step) => step.choose !== undefined);
  const isAsked = (key: string) =>
    asking.some((step) => (step.each === undefined ? key === step.key : key.startsWith(`${step.key}:`)));
  if (Object.keys(choices).every(isAsked)) return;
  const names = asking.map(({ key, each }) => (each === undefined ? key : `${key}:ITEM`));
  throw usageFault("--choose names a step that asks for no choice", `Choices: ${names.join(", ") || "none"}.`);
}

/** No target is ever guessed: it would be production one day. */
function targetOf(flags: RunFlags, config: Config): string {
  const names = config.targets.map((target) => target.name);
  if (flags.target === undefined)
    throw usageFault("--target is missing", `Take one of: ${names.join(", ") || "none"}.`);
  if (names.includes(flags.target)) return flags.target;
  throw new Fault("HF-TARGET-UNKNOWN", "the config has no target of that name", {
    exit: "input",
    still: "Nothing was started.",
    hint: `It has: ${names.join(", ") || "none"}.`,
  });
}
