import { pathsOf, type Place, type Value, valuesOf } from "./offered.ts";

/** Nothing of it needs the package bash-completion, and nothing that was typed is evaluated. */
export function bashScript(places: readonly Place[]): string {
  const values = [...valuesOf(places)].map(([flag, value]) => `    ${flag}) ${afterFlag(value)} ;;`);
  const offered = places.map((place) => `    ${quoted(place.path)}) offered=${quoted(wordsOf(place))} ;;`);
  const files = places.filter(({ takesFiles }) => takesFiles).map(({ path }) => quoted(path));
  return `_holdfast() {
  local at="" word offered="" cur="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  # readline makes a word of its own of each "=": --incident=truncate, and --choose step=value
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $before == "=" ]]; then
    before="\${COMP_WORDS[COMP_CWORD-2]}"
    [[ $before == --* ]] || return
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
    ${pathsOf(places).map(quoted).join(" | ")}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$before" in
${values.join("\n")}
  esac
  case "$at" in
${offered.join("\n")}
  esac
  case "$at" in
    ${files.join(" | ")}) compopt -o default ;;
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$cur"))
}
complete -F _holdfast holdfast`;
}

function wordsOf({ words, flags }: Place): string {
  return [...words, ...flags].map(({ text }) => text).join(" ");
}

/** An empty reply with the option is readline's own completion of names. */
function afterFlag(value: Value): string {
  switch (value.kind) {
    case "one-of":
      return `COMPREPLY=($(compgen -W ${quoted(value.words.join(" "))} -- "$cur")); return`;
    case "file":
      return "compopt -o default; return";
    case "folder":
      return "compopt -o dirnames; return";
    case "text":
      return "return";
  }
}

/** Words of ours: letters, digits, blanks and hyphens. */
function quoted(text: string): string {
  return `"${text}"`;
}
