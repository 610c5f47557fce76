import type { LocatedYaml } from "../core/located-yaml.ts";
import type { Problem } from "../core/problem.ts";
import type { RunbookFile, RunbookStep } from "./schema.ts";

/** Pure. What is wrong with the steps as such, before anything that they name is looked for. */
export function stepProblems(yaml: LocatedYaml, { steps }: RunbookFile): readonly Problem[] {
  const ids = steps.map((step) => step.id);
  return steps.flatMap((step, index) => [
    ...(ids.indexOf(step.id) === index ? [] : [repeated(yaml, step, index)]),
    ...kindProblems(yaml, step, index),
  ]);
}

function repeated(yaml: LocatedYaml, { id }: RunbookStep, index: number): Problem {
  const message = `a step ${id} stands above`;
  return yaml.problem("HF-RUNBOOK-REPEATED-STEP", ["steps", index, "id"], message, "an id of its own");
}

/** Of a used runbook's steps each says these for itself. */
const notWithUse = ["title", "choose", "group", "tolerance", "effect", "each"] as const;

function kindProblems(yaml: LocatedYaml, step: RunbookStep, index: number): readonly Problem[] {
  const at = (key: string) => ["steps", index, key];
  if (step.do === undefined && step.use === undefined) {
    return [yaml.problem("HF-RUNBOOK-MISSING", ["steps", index], `step ${step.id} does nothing`, "do: or use:")];
  }
  if (step.use === undefined) return [];
  if (step.do !== undefined) {
    const message = `step ${step.id} has do: and use:`;
    return [yaml.problem("HF-RUNBOOK-USE", at("use"), message, "one of them", "key")];
  }
  return notWithUse.flatMap((key) => {
    if (step[key] === undefined) return [];
    const message = `${key}: does not go with use:`;
    return [yaml.problem("HF-RUNBOOK-USE", at(key), message, `${key}: in the steps of ${step.use}`, "key")];
  });
}
