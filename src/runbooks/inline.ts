import { type Json, type JsonObject } from "../core/json.ts";
import type { PlannedStep } from "../core/plan.ts";
import type { Role } from "../core/target.ts";
import { readLiteral } from "./inputs.ts";
import type { LoadedRunbook } from "./load.ts";
import { parseReference, type Reference, type Replace, replaceAll, replaceIn, writeReference } from "./references.ts";
import { rolesOf } from "./roles.ts";
import type { RunbookStep } from "./schema.ts";

/** A step with an action, in its place among all steps of the plan: what it says, in the words of the outermost runbook. */
export interface InlinedStep {
  readonly key: string;
  readonly step: RunbookStep;
  readonly with: JsonObject;
  /** What the step says of its own, in the words of the outermost runbook. */
  readonly each?: Json;
  readonly when?: NonNullable<PlannedStep["when"]>;
  readonly group?: string;
  readonly why: string;
  /** The roles that its runbook grants, and the plan's role behind each. */
  readonly roles: Readonly<Record<Role, Role>>;
}

/** Pure. The steps in order, those of used runbooks in the place of the step that uses them, under its id (`use/id`). */
export function inlinedSteps(loaded: LoadedRunbook): readonly InlinedStep[] {
  const roles = Object.fromEntries(Object.keys(loaded.runbook.roles).map((role) => [role, role]));
  const input = (name: string) => writeReference({ from: "input", input: name });
  return stepsIn({ loaded, prefix: "", input, roles, when: [], why: "" });
}

/** A runbook where it stands in another: what its names mean there. */
interface Frame {
  readonly loaded: LoadedRunbook;
  readonly prefix: string;
  readonly input: (name: string) => Json | undefined;
  readonly roles: Readonly<Record<Role, Role>>;
  readonly when: readonly string[] | false;
  readonly why: string;
}

function stepsIn(frame: Frame): readonly InlinedStep[] {
  return frame.loaded.runbook.steps.flatMap((step) => {
    const used = usedBy(frame.loaded, step);
    return used === undefined ? [inlined(frame, step)] : stepsIn(frameOf(frame, step, used));
  });
}

function usedBy(loaded: LoadedRunbook, { use }: RunbookStep): LoadedRunbook | undefined {
  return use === undefined ? undefined : loaded.uses.get(use);
}

function inlined(frame: Frame, step: RunbookStep): InlinedStep {
  const replace = replacing(frame);
  const when = whenOf(frame, step);
  const { prefix } = frame;
  return {
    key: `${prefix}${step.id}`,
    step,
    with: replaceAll(step.with ?? {}, replace),
    why: step.why ?? frame.why,
    roles: frame.roles,
    // An input that was not given stands for no item.
    ...(step.each === undefined ? {} : { each: replaceIn(step.each, replace) ?? [] }),
    ...(when !== false && when.length === 0
      ? {}
      : { when: when !== false && when.length === 1 ? when.join("") : when }),
    ...(step.group === undefined ? {} : { group: `${prefix}${step.group}` }),
  };
}

function frameOf(frame: Frame, step: RunbookStep, used: LoadedRunbook): Frame {
  const given = replaceAll(step.with ?? {}, replacing(frame));
  const needs = Object.keys(used.runbook.roles);
  const on = rolesOf(step.on, needs, Object.keys(frame.loaded.runbook.roles));
  return {
    loaded: used,
    prefix: `${frame.prefix}${step.id}/`,
    input: (name) => inputValue(used, name, given[name]),
    roles: Object.fromEntries(Object.entries(on).map(([role, outer]) => [role, frame.roles[outer] ?? outer])),
    when: whenOf(frame, step),
    why: step.why ?? frame.why,
  };
}

/** A literal in the form in which the input would have been typed; a reference as it stands. */
function inputValue(used: LoadedRunbook, name: string, value: Json | undefined): Json | undefined {
  const type = used.runbook.inputs?.[name]?.type;
  if (value === undefined || type === undefined || isReference(value)) return value;
  const read = readLiteral(type, value);
  return read.ok ? read.value : value;
}

function isReference(value: Json): value is string {
  return typeof value === "string" && parseReference(value) !== null;
}

/** Every condition around the step and its own. A value that is known already decides at once. */
function whenOf(frame: Frame, { when }: RunbookStep): readonly string[] | false {
  if (frame.when === false || when === undefined) return frame.when;
  const own = replaceIn(when, replacing(frame));
  if (own === undefined || own === null || own === false) return false;
  return isReference(own) ? [...frame.when, own] : frame.when;
}

function replacing(frame: Frame): Replace {
  return (reference) => {
    if (reference.from === "input") return frame.input(reference.input);
    if (reference.from === "item") return writeReference(reference);
    return writeReference(inPlan(frame.loaded, frame.prefix, reference));
  };
}

type StepReference = Extract<Reference, { from: "step" }>;

/** A used runbook gives what its `gives:` names, or else what its last step gave. */
function inPlan(loaded: LoadedRunbook, prefix: string, reference: StepReference): StepReference {
  const step = loaded.runbook.steps.find(({ id }) => id === reference.step);
  const used = step === undefined ? undefined : usedBy(loaded, step);
  if (used === undefined) return { ...reference, step: `${prefix}${reference.step}` };
  const given = givenBy(used);
  return inPlan(used, `${prefix}${reference.step}/`, { ...given, path: [...given.path, ...reference.path] });
}

function givenBy({ runbook }: LoadedRunbook): StepReference {
  const given = runbook.gives === undefined ? null : parseReference(runbook.gives);
  if (given !== null && given !== "malformed" && given.from === "step") return given;
  return { from: "step", step: runbook.steps.at(-1)?.id ?? "", of: "result", path: [] };
}
