import { resolve } from "node:path";
import { writeNewConfig } from "../config/new-config.ts";
import type { ExitName } from "../core/exit-codes.ts";
import { shellWord } from "../words/commands.ts";
import { lineWriter } from "./output.ts";
import type { Io } from "./parts.ts";
import { startedAs } from "./started.ts";

export interface InitFlags {
  readonly urlEnv: string;
  readonly target: string;
  readonly environment: string;
  readonly config?: string;
}

/** `holdfast init`: writes a commented config that says where the URL is; the URL itself stays in the environment. */
export function initCommand(flags: InitFlags, io: Io): ExitName {
  const file = resolve(io.cwd, flags.config ?? "holdfast.yaml");
  writeNewConfig(file, flags, io.env);
  const say = lineWriter(io.stdout);
  say(`Wrote ${file}: the target ${flags.target}, ${flags.environment}, its URL in the variable ${flags.urlEnv}.`);
  if (io.env[flags.urlEnv] === undefined) say(`The variable ${flags.urlEnv} is not set in this shell yet.`);
  const config = flags.config === undefined ? "" : ` --config ${shellWord(flags.config)}`;
  say("Then open the screens:");
  say(`  ${startedAs(io).program}${config}`);
  return "ok";
}
