import { shellWord } from "../../words/commands.ts";
import { pathsOf, type Place, type Value, valuesOf } from "./offered.ts";

/** For `source <(...)`, and as a file `_holdfast` in a folder of `fpath`. */
export function zshScript(places: readonly Place[]): string {
  const values = [...valuesOf(places)].map(([flag, value]) => `    (${flag}) ${afterFlag(value)}; return ;;`);
  const offered = places.map((place) => `    ("${place.path}") offered=(${describedWords(place)}) ;;`);
  const files = places.filter(({ takesFiles }) => takesFiles).map(({ path }) => `"${path}"`);
  const paths = pathsOf(places).map((path) => `"${path}"`);
  return `#compdef holdfast
_holdfast() {
  local at="" word before="\${words[CURRENT-1]}"
  local -a offered
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
    (${paths.join(" | ")}) at="\${at:+$at }$word" ;;
    esac
  done
  if [[ "\${words[CURRENT]}" == --*=* ]]; then
    before="\${words[CURRENT]%%=*}"
    compset -P '*='
  fi
  case "$before" in
${values.join("\n")}
  esac
  case "$at" in
${offered.join("\n")}
  esac
  _describe -t words holdfast offered && return
  case "$at" in
    (${files.join(" | ")}) _files ;;
  esac
}
if [[ "\${funcstack[1]}" == _holdfast ]]; then
  _holdfast "$@"
else
  (( \${+functions[compdef]} )) || { autoload -Uz compinit && compinit -i; }
  compdef _holdfast holdfast
fi`;
}

/** `word:what it is for`. */
function describedWords({ words, flags }: Place): string {
  return [...words, ...flags].map(({ text, about }) => shellWord(about === "" ? text : `${text}:${about}`)).join(" ");
}

function afterFlag(value: Value): string {
  switch (value.kind) {
    case "one-of":
      return `compadd -- ${value.words.join(" ")}`;
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    case "text":
      return "_message 'a value'";
  }
}
