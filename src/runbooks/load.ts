import { resolve } from "node:path";
import { Fault } from "../core/errors.ts";
import { type LocatedYaml, parseLocatedYaml } from "../core/located-yaml.ts";
import { type Problem, throwProblems } from "../core/problem.ts";
import { readBy } from "../core/yaml-issues.ts";
import { readYamlText } from "../core/yaml-text.ts";
import { referenceProblems } from "./check-references.ts";
import { stepProblems } from "./check-steps.ts";
import { useProblems } from "./check-uses.ts";
import { type RunbookFile, runbookSchema, type RunbookStep } from "./schema.ts";
import { findUsed } from "./shipped.ts";

/** A runbook that is well formed in itself, and so are those that it uses. Whether its actions exist and fit is for `lintRunbook`. */
export interface LoadedRunbook {
  readonly file: string;
  readonly text: string;
  readonly runbook: RunbookFile;
  readonly yaml: LocatedYaml;
  /** By id: what its steps use. */
  readonly uses: ReadonlyMap<string, LoadedRunbook>;
  /** How many runbooks stand in one another below this one: 0 when it uses none. */
  readonly depth: number;
  /** Steps with those of all used runbooks in their places. */
  readonly size: number;
}

export type LoadResult =
  { readonly ok: true; readonly loaded: LoadedRunbook } | { readonly ok: false; readonly problems: readonly Problem[] };

const deepestUse = 5;
export const mostSteps = 1000;

/** Faults `HF-RUNBOOK-…` (exit `input`) with file, line, column and what was expected. */
export function loadRunbook(file: string): LoadedRunbook {
  const result = readRunbook(file, readYamlText(file, "RUNBOOK"));
  if (result.ok) return result.loaded;
  throwProblems(result.problems);
  throw new Error("a runbook that was refused has a problem");
}

/** All problems at once, in the file's order, as far as one does not hide another. Reads no file but those that it uses. */
export function readRunbook(file: string, text: string): LoadResult {
  return readIn({ trail: [], read: new Map() }, file, text);
}

interface Reading {
  /** Files that are being read, the outermost first. */
  readonly trail: readonly string[];
  /** By file: read once, however often it is used. */
  readonly read: Map<string, LoadResult>;
}

function readIn(reading: Reading, file: string, text: string): LoadResult {
  const yaml = parseLocatedYaml(file, text, "RUNBOOK");
  const read = readBy(yaml, "RUNBOOK", runbookSchema);
  if (!read.ok) return read;
  const runbook = read.value;
  const shape = stepProblems(yaml, runbook);
  if (shape.length > 0) return { ok: false, problems: shape };
  const inner: Reading = { ...reading, trail: [...reading.trail, resolve(file)] };
  const used = runbook.steps.map((step, index) => readUse(inner, { yaml, file, runbook, step, index }));
  // What is wrong with a runbook that is used often is said once.
  const ofUsed = new Set(used.flatMap((one) => one.problems));
  const problems = [...referenceProblems(yaml, runbook), ...ofUsed];
  const found = used.flatMap((one) => (one.loaded === null ? [] : [one.loaded]));
  const size = runbook.steps.length - found.length + found.reduce((sum, one) => sum + one.size, 0);
  if (size > mostSteps) problems.push(tooMany(yaml, runbook, size));
  if (problems.length > 0) return { ok: false, problems };
  const uses = new Map(found.map((one) => [one.runbook.id, one]));
  const depth = found.reduce((most, one) => Math.max(most, one.depth + 1), 0);
  return { ok: true, loaded: { file, text, runbook, yaml, uses, depth, size } };
}

interface Using {
  readonly yaml: LocatedYaml;
  readonly file: string;
  readonly runbook: RunbookFile;
  readonly step: RunbookStep;
  readonly index: number;
}

interface Used {
  readonly loaded: LoadedRunbook | null;
  readonly problems: readonly Problem[];
}

function readUse(reading: Reading, using: Using): Used {
  const { yaml, file, step, index } = using;
  if (step.use === undefined) return { loaded: null, problems: [] };
  const refused = (what: string, message: string, expected: string): Used => ({
    loaded: null,
    problems: [yaml.problem(`HF-RUNBOOK-${what}`, ["steps", index, "use"], message, expected)],
  });
  const place = findUsed(file, step.use);
  if (place === null) {
    return refused(
      "UNKNOWN-RUNBOOK",
      `there is no runbook ${step.use}`,
      "a file beside this one, or a shipped runbook",
    );
  }
  if (reading.trail.includes(resolve(place))) {
    return refused("CYCLE", `${step.use} uses this runbook, or is it`, "a runbook that does not lead back here");
  }
  const tooDeep = () =>
    refused("DEPTH", "too many runbooks stand in one another", `at most ${deepestUse} below the first`);
  if (reading.trail.length > deepestUse) return tooDeep();
  const result = readOnce(reading, place);
  if (result instanceof Fault)
    return refused("UNKNOWN-RUNBOOK", result.message, result.record.hint ?? "a file that can be read");
  if (!result.ok) return { loaded: null, problems: result.problems };
  const { loaded } = result;
  if (loaded.runbook.id !== step.use) {
    return refused(
      "UNKNOWN-RUNBOOK",
      `the file of that name holds the runbook ${loaded.runbook.id}`,
      `id: ${step.use} in it`,
    );
  }
  if (reading.trail.length + loaded.depth > deepestUse) return tooDeep();
  return { loaded, problems: useProblems({ ...using, used: loaded.runbook }) };
}

function readOnce(reading: Reading, place: string): LoadResult | Fault {
  const before = reading.read.get(resolve(place));
  if (before !== undefined) return before;
  try {
    const result = readIn(reading, place, readYamlText(place, "RUNBOOK"));
    reading.read.set(resolve(place), result);
    return result;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function tooMany(yaml: LocatedYaml, { steps }: RunbookFile, size: number): Problem {
  const at = steps.findIndex((step) => step.use !== undefined);
  const message = `with those of the runbooks that it uses it has ${size.toLocaleString("en-US")} steps`;
  return yaml.problem(
    "HF-RUNBOOK-STEPS",
    ["steps", at, "use"],
    message,
    `at most ${mostSteps.toLocaleString("en-US")}`,
  );
}
