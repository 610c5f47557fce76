import type { ExitName } from "../core/exit-codes.ts";
import { type Problem } from "../core/problem.ts";
import { readYamlText } from "../core/yaml-text.ts";
import { type KnownAction, lintRunbook } from "../runbooks/lint.ts";
import { readRunbook } from "../runbooks/load.ts";
import { findRunbook, shippedRunbooks } from "../runbooks/shipped.ts";
import { shellWord } from "../words/commands.ts";
import { cleanForTerminal, plural } from "../words/format.ts";
import { speaker } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { startedAs } from "./started.ts";

/** `holdfast lint [RUNBOOK...]`: every problem with its place; no server is asked. Without a name the shipped ones. */
export async function lintCommand(
  written: readonly string[],
  flags: { readonly json?: boolean },
  parts: CliParts,
  io: Io,
): Promise<ExitName> {
  const files = written.length > 0 ? written.map((one) => findRunbook(one)) : [...shippedRunbooks().values()];
  const actions = await parts.actions();
  const problems = files.flatMap((file) => problemsIn(file, actions));
  const say = speaker(io, false);
  for (const problem of problems) say(flags.json ? JSON.stringify(problem) : problemLine(problem));
  const found = problems.length === 0 ? "no problem" : plural(problems.length, "problem");
  const tell = speaker(io, flags.json);
  tell(`${plural(files.length, "runbook")}: ${found}`);
  if (problems.length === 0 && written.length > 0) {
    tell("Inputs and steps, as the flags name them:");
    for (const one of written) tell(`  ${startedAs(io).program} run ${shellWord(one)} --help`);
  }
  return problems.length === 0 ? "ok" : "input";
}

function problemsIn(file: string, actions: readonly KnownAction[]): readonly Problem[] {
  const read = readRunbook(file, readYamlText(file, "RUNBOOK"));
  return read.ok ? lintRunbook(read.loaded, actions) : read.problems;
}

/** As compilers write it, so that editors can jump there. */
function problemLine({ file, line, column, code, message, expected }: Problem): string {
  return cleanForTerminal(`${file}:${line}:${column}: ${code} ${message}; expected: ${expected}`);
}
