import type { ZodObject, ZodType } from "zod";
import { effects, type Effect, type Recovery } from "../core/effect.ts";
import type { Json } from "../core/json.ts";
import type { Problem } from "../core/problem.ts";
import type { LoadedRunbook } from "./load.ts";
import { parseReference, textsIn } from "./references.ts";
import { missingGrants, rolesOf } from "./roles.ts";
import type { RunbookStep } from "./schema.ts";

/** What a runbook must know of an action; the actions of the product fit it. */
export interface KnownAction {
  readonly name: string;
  readonly summary: string;
  readonly effect: Effect;
  readonly recovery: readonly Recovery[];
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly params: ZodType;
  readonly choices?: unknown;
}

/** Pure. Does the runbook, with those that it uses, fit the actions? References count as any value, since only a run knows them. */
export function lintRunbook(loaded: LoadedRunbook, actions: readonly KnownAction[]): readonly Problem[] {
  return withUsed(loaded).flatMap((one) =>
    one.runbook.steps.flatMap((step, index) => lintStep(one, step, index, actions)),
  );
}

/** A runbook and all that it uses, at any depth, each once. */
export function withUsed(loaded: LoadedRunbook): readonly LoadedRunbook[] {
  const found = new Map([[loaded.file, loaded]]);
  for (const one of found.values()) for (const used of one.uses.values()) found.set(used.file, used);
  return [...found.values()];
}

function lintStep(
  loaded: LoadedRunbook,
  step: RunbookStep,
  index: number,
  actions: readonly KnownAction[],
): readonly Problem[] {
  const written = step.do;
  if (written === undefined) return [];
  const action = actions.find((known) => known.name === written);
  if (action !== undefined) return stepProblems({ loaded, step, index, action });
  const names = actions.map((known) => known.name);
  const path = ["steps", index, "do"];
  const message = `there is no action ${written}`;
  return [loaded.yaml.problem("HF-RUNBOOK-UNKNOWN-ACTION", path, message, nearest(written, names))];
}

interface Looked {
  readonly loaded: LoadedRunbook;
  readonly step: RunbookStep;
  readonly index: number;
  readonly action: KnownAction;
}

function stepProblems(looked: Looked): readonly Problem[] {
  return [...effectProblems(looked), ...paramProblems(looked), ...roleProblems(looked)];
}

function problem(
  looked: Looked,
  what: string,
  part: readonly (string | number)[],
  message: string,
  expected: string,
  at?: "key",
) {
  return looked.loaded.yaml.problem(`HF-RUNBOOK-${what}`, ["steps", looked.index, ...part], message, expected, at);
}

function effectProblems(looked: Looked): readonly Problem[] {
  const { step, action } = looked;
  const effect = step.effect ?? action.effect;
  const found: Problem[] = [];
  if (effects.indexOf(effect) < effects.indexOf(action.effect)) {
    found.push(
      problem(looked, "EFFECT", ["effect"], `${action.name} is a ${action.effect}`, `${action.effect} or stricter`),
    );
  }
  if (effect !== "read" && step.why === undefined) {
    found.push(problem(looked, "MISSING", ["why"], `step ${step.id} says no why`, `a why: it is a ${effect}`));
  }
  if (action.effect !== "read" && action.recovery.length === 0) {
    const message = `${action.name} does not say how it is settled after a kill`;
    found.push(problem(looked, "RECOVERY", ["do"], message, "an action with a recovery contract"));
  }
  if (step.choose !== undefined && action.choices === undefined) {
    found.push(problem(looked, "NO-CHOICE", ["choose"], `${action.name} offers no choices`, "no choose:"));
  }
  return found;
}

function paramProblems(looked: Looked): readonly Problem[] {
  const shape = shapeOf(looked.action.params);
  if (shape === null) return [];
  const given = looked.step.with ?? {};
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(shape, key));
  return [
    ...unknown.map((key) => {
      const expected = Object.keys(shape).join(", ") || "no parameters";
      return problem(looked, "UNKNOWN-KEY", ["with", key], `${looked.action.name} takes no ${key}`, expected, "key");
    }),
    ...Object.entries(shape).flatMap(([key, field]) => paramProblem(looked, key, field, given[key])),
  ];
}

function paramProblem(looked: Looked, key: string, field: ZodType, value: Json | undefined): readonly Problem[] {
  const required = !field.safeParse(undefined).success;
  if (value === undefined) {
    if (!required) return [];
    return [problem(looked, "MISSING", ["with"], `${looked.action.name} needs ${key}`, `with: { ${key}: ... }`)];
  }
  if (required && typeof value === "string" && isOptionalInput(looked.loaded, value)) {
    return [
      problem(
        looked,
        "OPTIONAL-INPUT",
        ["with", key],
        `${looked.action.name} needs ${key}`,
        "an input that is not optional",
      ),
    ];
  }
  if (hasReference(value) || field.safeParse(value).success) return [];
  const issue = field.safeParse(value).error?.issues[0];
  return [
    problem(looked, "PARAMETER", ["with", key], `${key} is not what ${looked.action.name} takes`, issue?.message ?? ""),
  ];
}

function roleProblems(looked: Looked): readonly Problem[] {
  const { step, action, loaded } = looked;
  const granted = loaded.runbook.roles;
  const known = typeof step.on === "object" ? Object.keys(step.on) : [];
  const strangers = known.filter((role) => !Object.hasOwn(action.roles, role));
  const on = rolesOf(step.on, Object.keys(action.roles), Object.keys(granted));
  return [
    ...strangers.map((role) => {
      const expected = Object.keys(action.roles).join(", ") || "none";
      return problem(looked, "UNKNOWN-ROLE", ["on", role], `${action.name} has no role ${role}`, expected, "key");
    }),
    ...missingGrants(on, action.roles, granted).map(({ role, capability }) => {
      const message = `${action.name} needs ${capability} of the role ${role}`;
      return problem(looked, "NOT-GRANTED", ["do"], message, `roles: { ${role}: [.., ${capability}] }`);
    }),
  ];
}

function hasReference(value: Json): boolean {
  return [...textsIn(value)].some(([text]) => parseReference(text) !== null);
}

function isOptionalInput(loaded: LoadedRunbook, text: string): boolean {
  const reference = parseReference(text);
  if (reference === null || reference === "malformed" || reference.from !== "input") return false;
  return loaded.runbook.inputs?.[reference.input]?.optional === true;
}

function shapeOf(params: ZodType): Readonly<Record<string, ZodType>> | null {
  return params.def.type === "object" ? ((params as ZodObject).shape as Record<string, ZodType>) : null;
}

/** The names that a person may have meant: those that share the most letters in order, at most three. */
function nearest(written: string, names: readonly string[]): string {
  const score = (name: string) => name.split("-").filter((part) => written.includes(part)).length;
  const close = names.filter((name) => score(name) > 0).toSorted((a, b) => score(b) - score(a));
  return `one of ${(close.length > 0 ? close.slice(0, 3) : names).join(", ")}`;
}
