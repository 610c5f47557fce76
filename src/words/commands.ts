import type { RunId } from "../core/ids.ts";

/** How this program was started, so that a command that we print works as it stands in the same shell. */
export interface Started {
  /** `holdfast`, or `node dist/main.js` where no such command is on the PATH. Already quoted. */
  readonly program: string;
  readonly config?: string | undefined;
  readonly journal?: string | undefined;
  /** How the run was asked for, and has to be asked for again: `--yes-sandbox`. Already quoted; of no use to another run. */
  readonly wishes?: readonly string[];
}

/** Resumes exactly this run as it was begun: from the same journal, by the same config, with the same answers given beforehand. */
export function resumeCommand(run: RunId, started: Started): string {
  return [pasteable(`holdfast resume ${run}`, started), ...(started.wishes ?? [])].join(" ");
}

/** A command that begins with `holdfast`, as it has to be written here. Others are left as they are. */
export function pasteable(command: string, started: Started): string {
  const [, rest] = /^holdfast( .*)?$/s.exec(command) ?? [];
  if (rest === undefined && command !== "holdfast") return command;
  const words = rest ?? "";
  const verb = words.trim().split(" ")[0] ?? "";
  const flags = [
    ...(needsConfig(verb, started) ? flag(words, "--config", started.config) : []),
    ...(["run", "resume", "journal", "drill"].includes(verb) ? flag(words, "--journal", started.journal) : []),
  ];
  return `${started.program}${words}${flags.join("")}`;
}

/** The config says where the journal is, unless that was told. */
function needsConfig(verb: string, { journal }: Started): boolean {
  return ["run", "resume", "drill", "doctor"].includes(verb) || (verb === "journal" && journal === undefined);
}

function flag(words: string, name: string, value: string | undefined): readonly string[] {
  return value === undefined || words.includes(` ${name}`) ? [] : [` ${name} ${shellWord(value)}`];
}

/** How a lease is given back by hand, a line for each command: SQL and what is left to a shell are pasted in different places. */
export function handLines(byHand: string): readonly string[] {
  const [sql = "", shell] = handCommands(byHand);
  return shell === undefined ? [`by hand: ${sql}`] : [`by hand, in SQL: ${sql}`, `then, in a shell: ${shell}`];
}

/** The SQL, and where there is one the shell's command. */
export function handCommands(byHand: string): readonly string[] {
  const [sql = "", shell] = byHand.split("; -- and then: ");
  return shell === undefined ? [sql] : [`${sql};`, shell];
}

/** One word for a POSIX shell; plain where it can be. */
export function shellWord(text: string): string {
  return /^[a-zA-Z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
