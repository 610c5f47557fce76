import { accessSync, constants, realpathSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { shellWord, type Started } from "../words/commands.ts";
import type { Io } from "./parts.ts";

/** How this program can be started again in the same shell: by its name where the PATH leads to it, else through node. */
export function startedAs(io: Io, flags: { readonly config?: string; readonly journal?: string } = {}): Started {
  return { program: programWords(io), ...flags };
}

function programWords({ script, env, cwd }: Io): string {
  if (onPath(script, env)) return "holdfast";
  const near = relative(cwd, script);
  const shown = near.length < script.length && !near.startsWith("..") ? near : script;
  return `node ${shellWord(shown)}`;
}

function onPath(script: string, env: NodeJS.ProcessEnv): boolean {
  if (basename(script) === "holdfast" && script.includes("node_modules")) return false;
  const first = (env.PATH ?? "")
    .split(":")
    .map((folder) => join(folder, "holdfast"))
    .find(isProgram);
  return first !== undefined && realpathSync(first) === realOrSame(script);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function realOrSame(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
