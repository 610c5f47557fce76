import type { Command } from "commander";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Known, offeredBy } from "./completion/offered.ts";
import { zshScript } from "./completion/zsh.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export type Shell = keyof typeof scripts;
export const shells = Object.keys(scripts) as readonly Shell[];

/** A script that completes commands, flags and their values; made from the command line itself, so that it never lags behind. */
export function completionScript(shell: Shell, program: Command, known: Known): string {
  return scripts[shell](offeredBy(program, known));
}
