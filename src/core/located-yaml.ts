import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Json } from "./json.ts";
import { type Problem, quoted, type YamlArea } from "./problem.ts";

export type YamlPath = readonly (string | number)[];

/** A file's one value, and where each part of it stands. */
export interface LocatedYaml {
  readonly file: string;
  readonly text: string;
  readonly value: Json;
  /** What makes it no strict YAML, in the file's order; `value` means nothing unless this is empty. */
  readonly problems: readonly Problem[];
  /** The place of a value, or of its key; of the nearest thing around it where it is not there. */
  problem(code: string, path: YamlPath, message: string, expected: string, at?: "key" | "value"): Problem;
}

/** Strict YAML 1.2: one document of plain values. No anchors, aliases, tags or merge keys, so that a file means what it shows. */
export function parseLocatedYaml(file: string, text: string, area: YamlArea): LocatedYaml {
  const lines = new LineCounter();
  const reader: Reader = { file, area, lines, places: new Map(), problems: [] };
  const document = parseOne(reader, text);
  const value = document === null ? null : readNode(reader, document.contents, []);
  return {
    file,
    text,
    value,
    problems: reader.problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
    problem: (code, path, message, expected, at = "value") => {
      const place = nearest(reader.places, path);
      return makeProblem(reader, code, at === "key" ? place.key : place.value, message, expected);
    },
  };
}

interface Place {
  readonly key: number;
  readonly value: number;
}
interface Reader {
  readonly file: string;
  readonly area: YamlArea;
  readonly lines: LineCounter;
  readonly places: Map<string, Place>;
  readonly problems: Problem[];
}

function parseOne(reader: Reader, text: string): Document.Parsed | null {
  const [document, ...others] = parseDocuments(reader, text);
  if (document === undefined) {
    report(reader, "SHAPE", 0, "the file is empty", "one YAML map");
    return null;
  }
  // Messages of the parser may quote the text, and the text may hold a secret: only what comes before the colon is kept.
  for (const error of document.errors) report(reader, "YAML", error.pos[0], firstWords(error.message), "YAML 1.2");
  const second = others[0];
  if (second) report(reader, "SEVERAL-DOCUMENTS", second.range[0], "a second document begins here", "one document");
  return document;
}

function parseDocuments(reader: Reader, text: string): readonly Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: reader.lines,
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    return Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    report(reader, "YAML", 0, "the file is nested too deeply to be read", "a few levels");
    return [];
  }
}

function firstWords(message: string): string {
  const words = message.split(": ")[0] ?? message;
  return words.trim().replace(/[.:]$/, "").toLowerCase();
}

const deepest = 32;

function readNode(reader: Reader, node: Node | null, path: YamlPath): Json {
  const at = node?.range?.[0] ?? 0;
  if (path.length === 0) reader.places.set(placeKey(path), { key: at, value: at });
  if (node === null) return null;
  if (path.length > deepest)
    return report(reader, "YAML", at, "this is nested too deeply", `at most ${deepest} levels`);
  if (isAlias(node)) return report(reader, "ALIAS", at, "an alias (*) stands here", "the value itself");
  if ("anchor" in node && node.anchor) report(reader, "ANCHOR", at, "an anchor (&) stands here", "the value alone");
  if (node.tag) return report(reader, "TAG", at, "a tag (!) stands here", "the value alone");
  if (isScalar(node)) return readScalar(reader, node, at);
  if (isSeq(node)) return node.items.map((item, index) => readItem(reader, item as Node | null, [...path, index], at));
  return isMap(node) ? readMap(reader, node, path) : null;
}

function readItem(reader: Reader, node: Node | null, path: YamlPath, around: number): Json {
  const at = node?.range?.[0] ?? around;
  reader.places.set(placeKey(path), { key: at, value: at });
  return readNode(reader, node, path);
}

function readMap(reader: Reader, map: YAMLMap, path: YamlPath): Json {
  const entries = new Map<string, Json>();
  for (const pair of map.items) {
    const at = (pair.key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0;
    const key = readKey(reader, pair.key as Node | null, at);
    if (key === null) continue;
    if (entries.has(key))
      report(reader, "DUPLICATE-KEY", at, `the key ${quoted(key)} stands here twice`, "each key once");
    reader.places.set(placeKey([...path, key]), { key: at, value: (pair.value as Node | null)?.range?.[0] ?? at });
    entries.set(key, readNode(reader, pair.value as Node | null, [...path, key]));
  }
  return Object.fromEntries(entries);
}

function readKey(reader: Reader, node: Node | null, at: number): string | null {
  if (node === null || !isScalar(node) || node.anchor || node.tag) {
    return report(reader, "KEY", at, "this is no plain key", "a word");
  }
  const key = node.source ?? String(node.value);
  if (key === "<<") return report(reader, "MERGE-KEY", at, "a merge key (<<) stands here", "the keys themselves");
  if (key === "__proto__") return report(reader, "KEY", at, "no key may be called that", "another word");
  return key;
}

function readScalar(reader: Reader, node: Scalar, at: number): Json {
  const { value } = node;
  if (typeof value !== "number") return value as Json;
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
  return report(
    reader,
    "SHAPE",
    at,
    "this number can't be kept exactly",
    "a number below 9,007,199,254,740,992, or text in quotes",
  );
}

function report(reader: Reader, what: string, offset: number, message: string, expected: string): null {
  reader.problems.push(makeProblem(reader, `HF-${reader.area}-${what}`, offset, message, expected));
  return null;
}

function makeProblem(reader: Reader, code: string, offset: number, message: string, expected: string): Problem {
  const { line, col } = reader.lines.linePos(offset);
  return { code, file: reader.file, line: Math.max(1, line), column: Math.max(1, col), message, expected };
}

function placeKey(path: YamlPath): string {
  return JSON.stringify(path.map(String));
}

function nearest(places: Reader["places"], path: YamlPath): Place {
  for (let length = path.length; length >= 0; length -= 1) {
    const found = places.get(placeKey(path.slice(0, length)));
    if (found) return found;
  }
  return { key: 0, value: 0 };
}
