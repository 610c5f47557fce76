import type { ZodError, ZodType } from "zod";
import type { Json } from "./json.ts";
import { nearestName } from "./nearest-name.ts";
import type { LocatedYaml, YamlPath } from "./located-yaml.ts";
import { type Problem, quoted, type YamlArea } from "./problem.ts";

export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** What the schema makes of a file's value; every issue is located, and none shows a value. */
export function readBy<T>(yaml: LocatedYaml, area: YamlArea, schema: ZodType<T>): Read<T> {
  if (yaml.problems.length > 0) return { ok: false, problems: yaml.problems };
  const parsed = schema.safeParse(yaml.value);
  if (parsed.success) return { ok: true, value: parsed.data };
  // A key that is written wrong is also one that is missing: the first thing said is what was written.
  const [unknown, others] = [true, false].map((of) =>
    parsed.error.issues.filter(({ code }) => (code === "unrecognized_keys") === of),
  );
  const issues = [...(unknown ?? []), ...(others ?? [])];
  const problems = issues.flatMap((issue) => issueProblems(yaml, area, schema, issue));
  return { ok: false, problems };
}

type Issue = ZodError["issues"][number];

function issueProblems(yaml: LocatedYaml, area: YamlArea, schema: ZodType, issue: Issue): readonly Problem[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  const where = path.length === 0 ? "the file" : path.join(".");
  const problem = (what: string, at: YamlPath, message: string, expected: string, side?: "key") =>
    yaml.problem(`HF-${area}-${what}`, at, message, expected, side);
  if (issue.code === "unrecognized_keys") {
    const keys = keysAt(schema, path);
    const known = `only ${keys.join(", ") || "what the format knows"}`;
    return issue.keys.map((key) => {
      const meant = nearestName(key, keys);
      const words = `${where} has no key ${quoted(key)}`;
      return problem("UNKNOWN-KEY", [...path, key], words, meant === null ? known : `${meant}; ${known}`, "key");
    });
  }
  if (issue.code === "invalid_key") {
    return [problem("SHAPE", path, "this name may not stand here", issue.issues[0]?.message ?? issue.message, "key")];
  }
  if (isMissing(yaml.value, path)) return [problem("MISSING", path, `${where} is missing`, expectation(issue))];
  return [problem("SHAPE", path, `${where} is not what it must be`, expectation(issue))];
}

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a map",
  record: "a map",
  array: "a list",
};

function expectation(issue: Issue): string {
  if (issue.code === "invalid_value") return `one of ${issue.values.map(String).join(", ")}`;
  if (issue.code === "invalid_type") return typeWords[issue.expected] ?? issue.expected;
  return issue.message;
}

function isMissing(value: Json, path: YamlPath): boolean {
  return path.reduce<unknown>((here, part) => (here as Record<string, unknown> | null)?.[part], value) === undefined;
}

/** The keys that the schema knows at a place; none where it has no fixed ones. */
function keysAt(schema: ZodType, path: YamlPath): readonly string[] {
  const inner = unwrapped(schema);
  const [part, ...rest] = path;
  if (part === undefined) return Object.keys(inner.shape ?? {});
  const next = inner.shape?.[String(part)] ?? inner.element ?? inner.valueType;
  return next === undefined ? [] : keysAt(next, rest);
}

interface Definition {
  readonly innerType?: ZodType;
  readonly shape?: Readonly<Record<string, ZodType>>;
  readonly element?: ZodType;
  readonly valueType?: ZodType;
}

function unwrapped(schema: ZodType): Definition {
  const definition = schema.def as unknown as Definition;
  return definition.innerType === undefined ? definition : unwrapped(definition.innerType);
}
