import type { StepKey } from "../core/ids.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";

/** What `${…}` stands for: an input, the item of an `each:`, or a part of what an earlier step gave. */
export type Reference =
  | { readonly from: "input"; readonly input: string }
  | { readonly from: "item"; readonly path: readonly string[] }
  | {
      readonly from: "step";
      readonly step: StepKey;
      readonly of: "result" | "choice";
      readonly path: readonly string[];
    };

/** What is known when a step is bound. A choice is the chosen one's `data`; a skipped step gives neither. */
export interface BindScope {
  readonly inputs: JsonObject;
  readonly item?: Json;
  readonly steps: Readonly<Record<StepKey, { readonly result?: Json; readonly choice?: Json }>>;
}

export const referenceForms =
  "${inputs.name}, ${steps.id.result.path} or ${steps.id.choice.path}, as the whole value; with each: also ${item.path}";

/** A step of a used runbook is named by its path (`use/id`), which only a plan has: in a file no step has such an id. */
const pattern =
  /^\$\{(?:inputs\.(?<input>[a-zA-Z0-9_-]+)|(?:(?<item>item)|steps\.(?<step>[a-zA-Z0-9_/-]+)\.(?<of>result|choice))(?<path>(?:\.[a-zA-Z0-9_-]+)*))\}$/;

/** Text without `${` is itself (null); text that has one and is no whole reference is malformed. */
export function parseReference(text: string): Reference | "malformed" | null {
  if (!text.includes("${")) return null;
  const { input, item, step, of, path = "" } = pattern.exec(text)?.groups ?? {};
  if (input !== undefined) return { from: "input", input };
  if (item !== undefined) return { from: "item", path: path.split(".").slice(1) };
  if (step === undefined) return "malformed";
  return { from: "step", step, of: of === "choice" ? "choice" : "result", path: path.split(".").slice(1) };
}

export function writeReference(reference: Reference): string {
  if (reference.from === "input") return `\${inputs.${reference.input}}`;
  const base = reference.from === "item" ? ["item"] : ["steps", reference.step, reference.of];
  return `\${${[...base, ...reference.path].join(".")}}`;
}

/** Every text in a value, with the path to it. */
export function* textsIn(
  value: Json,
  path: readonly (string | number)[] = [],
): Generator<[string, (string | number)[]]> {
  if (typeof value === "string") yield [value, [...path]];
  else if (Array.isArray(value))
    for (const [at, item] of (value as Json[]).entries()) yield* textsIn(item, [...path, at]);
  else if (isJsonObject(value)) for (const [at, item] of Object.entries(value)) yield* textsIn(item, [...path, at]);
}

/**
 * The value with each reference replaced by what it stands for. Pure. What stands for nothing (an optional input that was not
 * given, a part of a skipped step) is left out with its key. What was bound is not looked into again: an input that looks like a
 * reference stays text.
 */
export function bindReferences(value: JsonObject, scope: BindScope): JsonObject {
  return replaceAll(value, (reference) => standsFor(reference, scope));
}

/** What a reference is replaced by; undefined: by nothing. */
export type Replace = (reference: Reference) => Json | undefined;

export function replaceAll(value: JsonObject, by: Replace): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const bound = replaceIn(item, by);
      return bound === undefined ? [] : [[key, bound]];
    }),
  );
}

export function replaceIn(value: Json, by: Replace): Json | undefined {
  if (typeof value === "string") return replaceText(value, by);
  if (Array.isArray(value))
    return (value as Json[]).map((item) => replaceIn(item, by)).filter((item) => item !== undefined);
  return isJsonObject(value) ? replaceAll(value, by) : value;
}

function replaceText(text: string, by: Replace): Json | undefined {
  const reference = parseReference(text);
  if (reference === null) return text;
  if (reference === "malformed") throw new Error("a plan holds a reference that loading should have refused");
  return by(reference);
}

function standsFor(reference: Reference, scope: BindScope): Json | undefined {
  if (reference.from === "input") return own(scope.inputs, reference.input);
  if (reference.from === "item") return reference.path.reduce<Json | undefined>(own, scope.item);
  const step = Object.hasOwn(scope.steps, reference.step) ? scope.steps[reference.step] : undefined;
  return reference.path.reduce<Json | undefined>(own, step?.[reference.of]);
}

function own(value: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(value)) return /^(0|[1-9]\d*)$/.test(key) ? (value as Json[])[Number(key)] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
