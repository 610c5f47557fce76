import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Config, defaultJournalFolder, loadConfig } from "../config/load-config.ts";
import type { ExitName } from "../core/exit-codes.ts";
import { Fault } from "../core/errors.ts";
import { startedAs } from "./started.ts";
import type { Io } from "./parts.ts";
import type { Started } from "../words/commands.ts";

/** Flags that several commands share, as commander gives them. */
export interface PlaceFlags {
  readonly config?: string;
  readonly journal?: string;
}

export interface Placed {
  readonly config: Config;
  readonly journalFolder: string;
  readonly started: Started;
}

export function placesOf(flags: PlaceFlags, io: Io): Placed {
  const config = loadConfig(flags.config, io);
  return { config, journalFolder: journalFolderOf(flags, io, config), started: startedAs(io, flags) };
}

/** The journal can be read without any config; one that is there but wrong is still told. */
export function journalFolder(flags: PlaceFlags, io: Io): string {
  return flags.journal === undefined
    ? journalFolderOf(flags, io, configIfAny(flags, io))
    : journalFolderOf(flags, io, null);
}

/**
 * The journal's folder for a command that only reads: null where no run was ever kept in the usual place. A folder that was named and has no
 * journal is refused (`HF-JOURNAL-NOT-FOUND`): an empty one made there would look like a journal that is intact.
 */
export function journalToRead(flags: PlaceFlags, io: Io): string | null {
  const folder = journalFolder(flags, io);
  if (existsSync(join(folder, journalName))) return folder;
  if (flags.journal === undefined) return null;
  throw new Fault("HF-JOURNAL-NOT-FOUND", `there is no journal in ${folder}`, {
    exit: "input",
    still: "Nothing was made there.",
    hint: "Check the name, or leave --journal out for the usual place.",
  });
}

/** Null where there is none; one that was named has to be there. */
export function configIfAny(flags: PlaceFlags, io: Io): Config | null {
  try {
    return loadConfig(flags.config, io);
  } catch (error) {
    const absent = error instanceof Fault && error.record.code === "HF-CONFIG-NOT-FOUND";
    if (absent && flags.config === undefined) return null;
    throw error;
  }
}

export function journalFolderOf(flags: PlaceFlags, io: Io, config: Config | null): string {
  if (flags.journal === undefined) return config?.journal ?? defaultJournalFolder(io.env);
  const named = resolve(io.cwd, flags.journal);
  return basename(named) === journalName ? dirname(named) : named;
}

const journalName = "journal.sqlite";

const examples = { "--set": "table=public.orders", "--choose": "statement=largest" } as const;

/** `name=value` pairs. The value may hold anything, `=` too. A name twice is a mistake, and no guess is made. */
export function readPairs(pairs: readonly string[], flag: keyof typeof examples): Readonly<Record<string, string>> {
  const entries = pairs.map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at < 1) throw usageFault(`${flag} needs name=value`, `For example: ${flag} ${examples[flag]}`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  const names = entries.map(([name]) => name);
  if (new Set(names).size < names.length)
    throw usageFault(`${flag} was given twice for one name`, "Give each name once.");
  return Object.fromEntries(entries);
}

export function usageFault(message: string, hint: string, exit: ExitName = "usage"): Fault {
  return new Fault("HF-USAGE", message, { exit, still: "Nothing was started.", hint });
}
