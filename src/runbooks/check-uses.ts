import type { Json } from "../core/json.ts";
import type { LocatedYaml, YamlPath } from "../core/located-yaml.ts";
import type { Problem } from "../core/problem.ts";
import { readLiteral } from "./inputs.ts";
import { parseReference } from "./references.ts";
import { missingGrants, rolesOf } from "./roles.ts";
import type { RunbookFile, RunbookInput, RunbookStep } from "./schema.ts";

interface Looked {
  readonly yaml: LocatedYaml;
  readonly runbook: RunbookFile;
  readonly step: RunbookStep;
  readonly index: number;
  readonly used: RunbookFile;
}

/** Pure. Does what the step gives fit the runbook that it uses: its inputs, and what its roles may ask for? */
export function useProblems(looked: Looked): readonly Problem[] {
  return [...inputProblems(looked), ...roleProblems(looked)];
}

function problem(
  { yaml, index }: Looked,
  what: string,
  part: YamlPath,
  message: string,
  expected: string,
  at?: "key",
): Problem {
  return yaml.problem(`HF-RUNBOOK-${what}`, ["steps", index, ...part], message, expected, at);
}

function inputProblems(looked: Looked): readonly Problem[] {
  const { step, used } = looked;
  const inputs = used.inputs ?? {};
  const strangers = Object.keys(step.with ?? {}).filter((name) => !Object.hasOwn(inputs, name));
  return [
    ...strangers.map((name) => {
      const expected = Object.keys(inputs).join(", ") || "no inputs";
      return problem(looked, "UNKNOWN-INPUT", ["with", name], `${used.id} has no input ${name}`, expected, "key");
    }),
    ...Object.entries(inputs).flatMap(([name, input]) => inputProblem(looked, name, input, step.with?.[name])),
  ];
}

function inputProblem(looked: Looked, name: string, input: RunbookInput, value: Json | undefined): readonly Problem[] {
  const { used, runbook } = looked;
  if (value === undefined) {
    if (input.optional === true) return [];
    return [problem(looked, "MISSING", ["with"], `${used.id} needs the input ${name}`, `with: { ${name}: ... }`)];
  }
  const reference = typeof value === "string" ? parseReference(value) : null;
  if (reference === null) return literalProblem(looked, name, input, value);
  if (reference === "malformed" || reference.from !== "input") return [];
  const own = runbook.inputs?.[reference.input];
  if (own === undefined) return [];
  if (!takes(input.type, own.type)) {
    const message = `${name} is of the type ${input.type}, and ${reference.input} of the type ${own.type}`;
    return [problem(looked, "PARAMETER", ["with", name], message, `an input of the type ${input.type}`)];
  }
  if (own.optional !== true || input.optional === true) return [];
  const message = `${used.id} needs the input ${name}`;
  return [problem(looked, "OPTIONAL-INPUT", ["with", name], message, "an input that is not optional")];
}

function literalProblem(looked: Looked, name: string, input: RunbookInput, value: Json): readonly Problem[] {
  const read = readLiteral(input.type, value);
  if (read.ok) return [];
  return [problem(looked, "PARAMETER", ["with", name], `the input ${name} is refused: ${read.reason}`, read.passes)];
}

/** A table and an instant are texts too, and were proved more strictly. */
function takes(type: RunbookInput["type"], given: RunbookInput["type"]): boolean {
  return type === given || (type === "text" && (given === "table" || given === "instant"));
}

function roleProblems(looked: Looked): readonly Problem[] {
  const { step, used, runbook } = looked;
  const named = typeof step.on === "object" ? Object.keys(step.on) : [];
  const strangers = named.filter((role) => !Object.hasOwn(used.roles, role));
  const on = rolesOf(step.on, Object.keys(used.roles), Object.keys(runbook.roles));
  if (strangers.length > 0) {
    const expected = Object.keys(used.roles).join(", ");
    return strangers.map((role) =>
      problem(looked, "UNKNOWN-ROLE", ["on", role], `${used.id} has no role ${role}`, expected, "key"),
    );
  }
  // A role that this runbook has not is told where it is named.
  const known = Object.entries(on).filter(([, role]) => Object.hasOwn(runbook.roles, role));
  return missingGrants(Object.fromEntries(known), used.roles, runbook.roles).map(({ role, capability }) => {
    const message = `${used.id} needs ${capability} of the role ${role}`;
    return problem(looked, "NOT-GRANTED", ["use"], message, `roles: { ${role}: [.., ${capability}] }`);
  });
}
