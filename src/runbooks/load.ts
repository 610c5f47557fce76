import { type LocatedYaml, parseLocatedYaml } from "../core/located-yaml.ts";
import { type Problem, throwProblems } from "../core/problem.ts";
import { readBy } from "../core/yaml-issues.ts";
import { readYamlText } from "../core/yaml-text.ts";
import { parseReference, referenceForms, textsIn } from "./references.ts";
import { type RunbookFile, runbookSchema, type RunbookStep } from "./schema.ts";

/** A runbook that is well formed in itself. Whether its actions exist and fit is for `lintRunbook`. */
export interface LoadedRunbook {
  readonly file: string;
  readonly text: string;
  readonly runbook: RunbookFile;
  readonly yaml: LocatedYaml;
}

export type LoadResult =
  { readonly ok: true; readonly loaded: LoadedRunbook } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Faults `HF-RUNBOOK-…` (exit `input`) with file, line, column and what was expected. */
export function loadRunbook(file: string): LoadedRunbook {
  const result = readRunbook(file, readYamlText(file, "RUNBOOK"));
  if (result.ok) return result.loaded;
  throwProblems(result.problems);
  throw new Error("a runbook that was refused has a problem");
}

/** Pure. All problems at once, in the file's order, as far as one does not hide another. */
export function readRunbook(file: string, text: string): LoadResult {
  const yaml = parseLocatedYaml(file, text, "RUNBOOK");
  const read = readBy(yaml, "RUNBOOK", runbookSchema);
  if (!read.ok) return read;
  const problems = [...repeatedIds(yaml, read.value), ...referenceProblems(yaml, read.value)];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, loaded: { file, text, runbook: read.value, yaml } };
}

function repeatedIds(yaml: LocatedYaml, runbook: RunbookFile): readonly Problem[] {
  const ids = runbook.steps.map((step) => step.id);
  return ids.flatMap((id, index) =>
    ids.indexOf(id) === index
      ? []
      : [
          yaml.problem(
            "HF-RUNBOOK-REPEATED-STEP",
            ["steps", index, "id"],
            `a step ${id} stands above`,
            "an id of its own",
          ),
        ],
  );
}

function referenceProblems(yaml: LocatedYaml, runbook: RunbookFile): readonly Problem[] {
  return runbook.steps.flatMap((step, index) => [
    ...[...textsIn(step.with ?? {}, ["steps", index, "with"])].flatMap(([text, path]) =>
      referenceProblem(yaml, runbook, index, text, path),
    ),
    ...whenProblems(yaml, runbook, step, index),
    ...roleProblems(yaml, runbook, step, index),
  ]);
}

function whenProblems(yaml: LocatedYaml, runbook: RunbookFile, step: RunbookStep, index: number): readonly Problem[] {
  if (step.when === undefined) return [];
  const path = ["steps", index, "when"];
  if (parseReference(step.when) !== null) return referenceProblem(yaml, runbook, index, step.when, path);
  return [yaml.problem("HF-RUNBOOK-REFERENCE", path, "a when: is a reference", referenceForms)];
}

function roleProblems(yaml: LocatedYaml, runbook: RunbookFile, step: RunbookStep, index: number): readonly Problem[] {
  const bound = typeof step.on === "object" ? Object.entries(step.on) : [[null, step.on ?? "main"] as const];
  return bound
    .filter(([, role]) => !Object.hasOwn(runbook.roles, role))
    .map(([key, role]) =>
      yaml.problem(
        "HF-RUNBOOK-UNKNOWN-ROLE",
        ["steps", index, "on", ...(key === null ? [] : [key])],
        `the runbook has no role ${role}`,
        `one of ${Object.keys(runbook.roles).join(", ")}`,
      ),
    );
}

function referenceProblem(
  yaml: LocatedYaml,
  runbook: RunbookFile,
  index: number,
  text: string,
  path: readonly (string | number)[],
): readonly Problem[] {
  const problem = (what: string, message: string, expected: string) => [
    yaml.problem(`HF-RUNBOOK-${what}`, path, message, expected),
  ];
  const reference = parseReference(text);
  if (reference === null) return [];
  if (reference === "malformed") return problem("REFERENCE", "this is no whole reference", referenceForms);
  if (reference.from === "input") {
    if (Object.hasOwn(runbook.inputs ?? {}, reference.input)) return [];
    const known = Object.keys(runbook.inputs ?? {}).join(", ") || "an input that the runbook has (it has none)";
    return problem("UNKNOWN-INPUT", `the runbook has no input ${reference.input}`, known);
  }
  const at = runbook.steps.findIndex((step) => step.id === reference.step);
  if (at < 0) return problem("UNKNOWN-STEP", `the runbook has no step ${reference.step}`, "a step above this one");
  if (at >= index) return problem("FORWARD-REFERENCE", `step ${reference.step} does not stand above`, "a step above");
  if (reference.of === "choice" && runbook.steps[at]?.choose === undefined) {
    return problem("NO-CHOICE", `step ${reference.step} asks for no choice`, `choose: one in step ${reference.step}`);
  }
  return [];
}
