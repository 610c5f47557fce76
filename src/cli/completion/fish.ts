import { pathsOf, type Place, type Value } from "./offered.ts";

export function fishScript(places: readonly Place[]): string {
  return `function __holdfast_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l at
    for word in $words
        set -l next (string trim -- "$at $word")
        contains -- $next ${pathsOf(places).map(quoted).join(" ")}; and set at $next
    end
    test "$at" = "$argv[1]"
end
complete -c holdfast -f
${places.flatMap(linesOf).join("\n")}`;
}

function linesOf({ path, words, flags, takesFiles }: Place): readonly string[] {
  const here = `complete -c holdfast -n ${quoted(`__holdfast_at '${path}'`)}`;
  return [
    ...(takesFiles ? [`${here} -F`] : []),
    ...words.map(({ text, about }) => `${here} -a ${text}${described(about)}`),
    ...flags.map(({ text, about, value }) => `${here} -l ${text.slice(2)}${afterFlag(value)}${described(about)}`),
  ];
}

function afterFlag(value: Value | null): string {
  switch (value?.kind) {
    case undefined:
      return "";
    case "one-of":
      return ` -x -a ${quoted(value.words.join(" "))}`;
    case "file":
      return " -r -F";
    case "folder":
      return " -x -a '(__fish_complete_directories (commandline -ct))'";
    case "text":
      return " -x";
  }
}

function described(about: string): string {
  return about === "" ? "" : ` -d ${quoted(about)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
