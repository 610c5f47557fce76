import type { Command } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;

/** A script that completes commands and flags; made from the command line itself, so that it never lags behind. */
export function completionScript(shell: string, program: Command): string {
  const commands = allCommands(program);
  if (shell === "fish") return fish(commands);
  const script = bash(commands);
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

interface Completed {
  /** `journal list`; empty for the program itself. */
  readonly path: string;
  readonly about: string;
  readonly words: readonly string[];
  /** Of flags that take one of a few: `--incident`. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

function allCommands(program: Command): readonly Completed[] {
  const visit = (command: Command, path: string): readonly Completed[] => [
    { path, about: command.description(), words: wordsOf(command), values: valuesOf(command) },
    ...command.commands.flatMap((sub) => visit(sub, `${path} ${sub.name()}`.trim())),
  ];
  return visit(program, "");
}

function wordsOf(command: Command): readonly string[] {
  const flags = command.options.flatMap((option) => (option.long == null ? [] : [option.long]));
  return [...command.commands.map((sub) => sub.name()), ...flags, "--help"];
}

function valuesOf(command: Command): Completed["values"] {
  return Object.fromEntries(
    command.options.flatMap(({ long, argChoices }) =>
      long == null || argChoices === undefined ? [] : [[long, argChoices]],
    ),
  );
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(
    ({ path, words }) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words.join(" "))} ;;`,
  );
  const values = commands
    .flatMap((command) => Object.entries(command.values))
    .map(
      ([flag, some]) =>
        `    ${flag}) COMPREPLY=($(compgen -W ${JSON.stringify(some.join(" "))} -- "\${COMP_WORDS[COMP_CWORD]}")); return ;;`,
    );
  return `_holdfast() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case "$path" in ""|journal) path="\${path:+$path }$word" ;; esac ;; esac
  done
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${values.join("\n")}
  esac
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast`;
}

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ path, words, values }) => {
    const seen = path.split(" ").filter((word) => word !== "");
    const when =
      seen.length === 0
        ? "__fish_use_subcommand"
        : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    return words.map((word) =>
      word.startsWith("--")
        ? `complete -c holdfast -n '${when}' -l ${word.slice(2)}${values[word] ? ` -x -a '${values[word].join(" ")}'` : ""}`
        : `complete -c holdfast -f -n '${when}' -a ${word}`,
    );
  });
  return lines.join("\n");
}
