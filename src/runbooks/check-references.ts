import type { LocatedYaml, YamlPath } from "../core/located-yaml.ts";
import type { Problem } from "../core/problem.ts";
import { parseReference, type Reference, referenceForms, textsIn } from "./references.ts";
import type { RunbookFile, RunbookStep } from "./schema.ts";

interface Looked {
  readonly yaml: LocatedYaml;
  readonly runbook: RunbookFile;
}

/** Pure. Does every reference name an input of the runbook, a step above, or the item of an `each:`? */
export function referenceProblems(yaml: LocatedYaml, runbook: RunbookFile): readonly Problem[] {
  const looked = { yaml, runbook };
  return [
    ...runbook.steps.flatMap((step, index) => [
      ...[...textsIn(step.with ?? {}, ["steps", index, "with"])].flatMap(([text, path]) =>
        referenceProblem(looked, index, text, path),
      ),
      ...wholeProblems(looked, index, "when", step.when),
      ...eachProblems(looked, index, step),
      ...titleProblems(looked, index, step),
      ...roleProblems(looked, step, index),
    ]),
    ...givesProblems(looked),
  ];
}

function problem({ yaml }: Looked, what: string, path: YamlPath, message: string, expected: string): Problem[] {
  return [yaml.problem(`HF-RUNBOOK-${what}`, path, message, expected)];
}

/** What is nothing but a reference. */
function wholeProblems(looked: Looked, index: number, key: string, text: string | undefined): readonly Problem[] {
  if (text === undefined) return [];
  const path = ["steps", index, key];
  if (parseReference(text) !== null) return referenceProblem(looked, index, text, path);
  return problem(looked, "REFERENCE", path, `${key}: is a reference`, referenceForms);
}

function eachProblems(looked: Looked, index: number, { each }: RunbookStep): readonly Problem[] {
  const path = ["steps", index, "each"];
  const reference = each === undefined ? null : parseReference(each);
  if (reference === null || reference === "malformed") return wholeProblems(looked, index, "each", each);
  if (reference.from === "item") {
    return problem(
      looked,
      "EACH",
      path,
      "an item has no items of its own",
      "a list that an earlier step gave, or an input",
    );
  }
  const type = reference.from === "input" ? looked.runbook.inputs?.[reference.input]?.type : "list";
  if (type === "list" || type === undefined) return wholeProblems(looked, index, "each", each);
  return problem(looked, "EACH", path, `that input is of the type ${type}`, "an input of the type list");
}

/** A title is text for people; only an item's can be taken whole. */
function titleProblems(looked: Looked, index: number, { title, each }: RunbookStep): readonly Problem[] {
  if (title === undefined || !title.includes("${")) return [];
  const reference = parseReference(title);
  const isItem = reference !== null && reference !== "malformed" && reference.from === "item";
  if (isItem ? each !== undefined : each === undefined) return [];
  const path = ["steps", index, "title"];
  return problem(
    looked,
    "REFERENCE",
    path,
    "a title refers to the item of its each:, or to nothing",
    "text, or ${item.path}",
  );
}

function roleProblems({ yaml, runbook }: Looked, step: RunbookStep, index: number): readonly Problem[] {
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

function givesProblems(looked: Looked): readonly Problem[] {
  const { gives, steps } = looked.runbook;
  if (gives === undefined) return [];
  const reference = parseReference(gives);
  if (reference !== null && reference !== "malformed" && reference.from === "step") {
    return stepReferenceProblem(looked, steps.length, reference, ["gives"]);
  }
  return problem(looked, "REFERENCE", ["gives"], "gives: is a reference to a step", "${steps.id.result.path}");
}

function referenceProblem(looked: Looked, index: number, text: string, path: YamlPath): readonly Problem[] {
  const { runbook } = looked;
  const reference = parseReference(text);
  if (reference === null) return [];
  if (reference === "malformed") {
    return problem(looked, "REFERENCE", path, "this is no whole reference", referenceForms);
  }
  if (reference.from === "item") {
    if (runbook.steps[index]?.each !== undefined) return [];
    return problem(looked, "EACH", path, "there is no item here", "each: in this step");
  }
  if (reference.from === "step") return stepReferenceProblem(looked, index, reference, path);
  if (Object.hasOwn(runbook.inputs ?? {}, reference.input)) return [];
  const known = Object.keys(runbook.inputs ?? {}).join(", ") || "an input that the runbook has (it has none)";
  return problem(looked, "UNKNOWN-INPUT", path, `the runbook has no input ${reference.input}`, known);
}

type StepReference = Extract<Reference, { from: "step" }>;

function stepReferenceProblem(
  looked: Looked,
  index: number,
  { step, of }: StepReference,
  path: YamlPath,
): readonly Problem[] {
  const { steps } = looked.runbook;
  const at = steps.findIndex(({ id }) => id === step);
  if (at < 0) return problem(looked, "UNKNOWN-STEP", path, `the runbook has no step ${step}`, "a step above this one");
  if (at >= index) {
    return problem(looked, "FORWARD-REFERENCE", path, `step ${step} does not stand above`, "a step above");
  }
  if (of === "result") return [];
  if (steps[at]?.choose === undefined)
    return problem(looked, "NO-CHOICE", path, `step ${step} asks for no choice`, `choose: one in step ${step}`);
  if (steps[at].each === undefined) return [];
  const message = `step ${step} asks for a choice of each item`;
  return problem(looked, "EACH", path, message, `\${steps.${step}.result}, which lists them`);
}
