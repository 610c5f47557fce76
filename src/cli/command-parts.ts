import { type Command, Option } from "commander";
import type { ExitName } from "../core/exit-codes.ts";
import type { PlaceFlags } from "./flags.ts";

/** Runs a command and keeps how it ended; its flags are noted first, so that a failure knows where the journal is. */
export type Does = (flags: PlaceFlags, work: () => Promise<ExitName> | ExitName) => Promise<void>;

export const example = (text: string) => `\nExample:\n  ${text}\n`;
const accountConfig = "~/.config/holdfast/holdfast.yaml, or holdfast/holdfast.yaml in XDG_CONFIG_HOME";
export const list = (value: string, before: readonly string[]) => [...before, value];

export function places(command: Command): Command {
  return command
    .option("--config <file>", `the configuration (else ./holdfast.yaml, else ${accountConfig})`)
    .option("--journal <folder>", "where the journal is kept");
}

export function faces(command: Command): Command {
  return command
    .option("--plain", "one line an event instead of screens")
    .addOption(new Option("--json", "one event a line on stdout, words on stderr").conflicts("plain"))
    .option("--no-alt-screen", "draw the screens in the scrollback");
}

export function wishes(command: Command): Command {
  return command
    .option("--choose <step=value>", "answer a step's choice; may be repeated", list, [])
    .option("--yes-sandbox", "answer confirmations, in a sandbox only")
    .option("--keep-rescue", "keep the rescue area for a day after the run")
    .option("--operator <name>", "who you are, where an account is shared");
}
