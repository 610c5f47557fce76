import type { Command, Option } from "commander";

/** A word that may stand next, and what it is for. */
export interface Word {
  readonly text: string;
  readonly about: string;
}

/** What may stand after a flag that takes a value. */
export type Value =
  { readonly kind: "one-of"; readonly words: readonly string[] } | { readonly kind: "file" | "folder" | "text" };

/** One command, and what may follow it. */
export interface Place {
  /** `journal list`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly flags: readonly (Word & { readonly value: Value | null })[];
  /** Its argument may be a file as well. */
  readonly takesFiles: boolean;
}

/** What the command line itself can't tell: values of flags, and the argument of a command. */
export interface Known {
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly arguments: Readonly<Record<string, { readonly words: readonly string[]; readonly orFile: boolean }>>;
}

/** Every command of a program with what may follow it. */
export function offeredBy(program: Command, known: Known): readonly Place[] {
  const visit = (command: Command, path: string): readonly Place[] => [
    placeOf(command, path, known),
    ...subcommandsOf(command).flatMap((sub) => visit(sub, `${path} ${sub.name()}`.trim())),
  ];
  return visit(program, "");
}

/** The paths that a word can lead to: all but the program itself. */
export function pathsOf(places: readonly Place[]): readonly string[] {
  return places.map(({ path }) => path).filter((path) => path !== "");
}

/** Flags that take a value, each once: one name means the same in every command. */
export function valuesOf(places: readonly Place[]): ReadonlyMap<string, Value> {
  return new Map(
    places.flatMap(({ flags }) =>
      flags.flatMap(({ text, value }): [string, Value][] => (value === null ? [] : [[text, value]])),
    ),
  );
}

function placeOf(command: Command, path: string, known: Known): Place {
  const chosen = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const more = known.arguments[path];
  return {
    path,
    words: [
      ...subcommandsOf(command).map((sub) => ({ text: sub.name(), about: sub.description() })),
      ...[...chosen, ...(more?.words ?? [])].map((text) => ({ text, about: "" })),
    ],
    flags: command
      .createHelp()
      .visibleOptions(command)
      .flatMap((option) =>
        option.long == null
          ? []
          : [{ text: option.long, about: option.description, value: valueOf(option, known.flags[option.long]) }],
      ),
    takesFiles: more?.orFile ?? false,
  };
}

function subcommandsOf(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function valueOf(option: Option, known: readonly string[] | undefined): Value | null {
  const words = option.argChoices ?? known;
  if (words !== undefined) return { kind: "one-of", words };
  const [, written] = /<(.+)>/.exec(option.flags) ?? [];
  if (written === undefined) return null;
  return { kind: written === "file" || written === "folder" ? written : "text" };
}
