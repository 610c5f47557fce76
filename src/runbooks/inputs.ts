import { Fault } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { checkInstant } from "../core/patterns.ts";
import type { RunbookFile, RunbookInput } from "./schema.ts";
import { parseTable, writeTable } from "./table-value.ts";

export type ReadInput =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly reason: string; readonly passes: string };

/** The value that a text stands for, or why it is refused and what would pass. Pure; a table's name is proved by the server later. */
export function readInput(type: RunbookInput["type"], text: string, now: number): ReadInput {
  switch (type) {
    case "table":
      return readTable(text);
    case "instant":
      return checkInstant(text.trim(), now);
    case "text":
      return readText(text);
    case "integer":
      return readInteger(text.trim());
    case "boolean":
      return readBoolean(text.trim());
    case "list":
      return readList(text.split(/[,\n]/).map((name) => name.trim()));
  }
}

/** A value that a runbook gives for an input of another one, in YAML's own types where it has them. */
export function readLiteral(type: RunbookInput["type"], value: Json): ReadInput {
  if (typeof value === "string") return readInput(type, value, Number.POSITIVE_INFINITY);
  if (type === "integer" && typeof value === "number") return readInteger(String(value));
  if (type === "boolean" && typeof value === "boolean") return { ok: true, value };
  if (type === "list" && Array.isArray(value)) return readList(value as readonly Json[]);
  return {
    ok: false,
    reason: `that is not of the type ${type}`,
    passes: `a value of the type ${type}, or a reference`,
  };
}

/**
 * All inputs of a runbook, typed. An empty text is as good as none. Faults (exit `input`) name the input, the reason and what would
 * pass, never the text: `HF-INPUT-UNKNOWN`, `HF-INPUT-MISSING`, `HF-INPUT-INVALID`.
 */
export function readInputs(runbook: RunbookFile, given: Readonly<Record<string, string>>, now: number): JsonObject {
  const inputs = Object.entries(runbook.inputs ?? {});
  const unknown = Object.keys(given).find((name) => !inputs.some(([known]) => known === name));
  if (unknown !== undefined) throw unknownInput(runbook, unknown);
  const values = inputs.flatMap(([name, input]): [string, Json][] => {
    const text = Object.hasOwn(given, name) ? (given[name] ?? "") : "";
    if (text.trim() !== "") return [[name, valueOf(name, input, text, now)]];
    if (input.optional) return [];
    throw inputFault("MISSING", `the input ${name} is missing`, `${input.prompt} Give it with --set ${name}=...`);
  });
  return Object.fromEntries(values);
}

function valueOf(name: string, input: RunbookInput, text: string, now: number): Json {
  const read = readInput(input.type, text, now);
  if (read.ok) return read.value;
  throw inputFault("INVALID", `the input ${name} is refused: ${read.reason}`, `What would pass: ${read.passes}.`);
}

function unknownInput(runbook: RunbookFile, name: string): Fault {
  const known = Object.keys(runbook.inputs ?? {}).join(", ") || "none";
  const shown = /^[a-zA-Z0-9_-]{1,64}$/.test(name) ? name : "of that name";
  return inputFault("UNKNOWN", `the runbook ${runbook.id} has no input ${shown}`, `It has: ${known}.`);
}

function inputFault(what: string, message: string, hint: string): Fault {
  return new Fault(`HF-INPUT-${what}`, message, { exit: "input", still: "Nothing was started.", hint });
}

function readTable(text: string): ReadInput {
  const parsed = parseTable(text);
  return parsed.ok ? { ok: true, value: writeTable(parsed.table) } : parsed;
}

function readText(text: string): ReadInput {
  const passes = "at most 4,000 characters, without control characters";
  if (text.length > 4000) return { ok: false, reason: "it is too long", passes };
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) return { ok: false, reason: "it has control characters", passes };
  return { ok: true, value: text };
}

function readInteger(text: string): ReadInput {
  const passes = "a whole number in plain digits, for example 500";
  if (!/^-?[0-9]{1,16}$/.test(text)) return { ok: false, reason: "that is no whole number", passes };
  if (!Number.isSafeInteger(Number(text))) return { ok: false, reason: "that number is too large", passes };
  return { ok: true, value: Number(text) };
}

function readBoolean(text: string): ReadInput {
  if (text === "true" || text === "yes") return { ok: true, value: true };
  if (text === "false" || text === "no") return { ok: true, value: false };
  return { ok: false, reason: "that is neither yes nor no", passes: "yes or no" };
}

/** As an `each:` takes it; only what is clear without a run is refused here. */
function readList(names: readonly Json[]): ReadInput {
  const passes = "1 to 1,000 names, each once, separated by commas: public.orders, public.order_lines";
  const refused = (reason: string): ReadInput => ({ ok: false, reason, passes });
  if (names.length > 1000) return refused("it has more than 1,000 names");
  const texts = names.filter((name) => typeof name === "string" && readText(name).ok && name !== "");
  if (texts.length < names.length || names.length === 0)
    return refused("one of its names is none, or has control characters");
  return new Set(texts).size === texts.length ? { ok: true, value: texts } : refused("a name stands in it twice");
}
