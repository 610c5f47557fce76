import type { Change, ReadyPath, ReadySetting, ReadyTable, ReadyTarget } from "../core/readiness.ts";
import { bytes, count, environmentBanner, expected, plural, sentence } from "./format.ts";

/** One line of what doctor says. `typed`: it is copied as it stands, and never broken in two. */
export interface ReadyLine {
  readonly indent: number;
  readonly mark: string;
  readonly text: string;
  readonly tone: "plain" | "strong" | "good" | "caution" | "bad";
  readonly typed?: true;
}

/** Of one target: what it is, its settings, each table with its recovery paths, and whether all is ready. */
export function readyLines(target: ReadyTarget): readonly ReadyLine[] {
  const head = `${environmentBanner(target.environment)}  ${target.target}`;
  const { found, fault } = target;
  if (found === null)
    return [
      line(head, { tone: "strong" }),
      ...(fault === null ? [] : [line(`${fault.code}  ${sentence(fault.message)}`, { mark: "[!]", tone: "bad" })]),
      ...(fault?.hint == null ? [] : [line(fault.hint, { indent: 4 })]),
    ];
  return [
    line(`${head}  ${found.database} @ ${found.server}`, { tone: "strong" }),
    line(`connected as ${found.role}`),
    ...found.settings.flatMap(settingLines),
    ...found.tables.flatMap(tableLines),
    verdict(found.tables),
  ];
}

/** As plain text. */
export function readyText({ indent, mark, text }: ReadyLine): string {
  return `${" ".repeat(indent)}${mark === "" ? "" : `${mark} `}${text}`;
}

const settingMarks = { ok: "[x]", note: "[ ]", warn: "[!]", stop: "[!]" } as const;
const settingTones = { ok: "plain", note: "plain", warn: "caution", stop: "bad" } as const;

function settingLines({ name, value, level, words, change }: ReadySetting): readonly ReadyLine[] {
  return [
    line(`${name} = ${value}: ${words}`, { indent: 2, mark: settingMarks[level], tone: settingTones[level] }),
    ...changeLines(change, 6),
  ];
}

function tableLines(table: ReadyTable): readonly ReadyLine[] {
  if (table.unknown !== null) return [line(`${table.table}: ${told(table.unknown)}`, { mark: "[!]", tone: "bad" })];
  const open = table.paths.filter((path) => path.open).length;
  const size = `about ${plural(table.rows, "row")}, ${bytes(table.bytes)}${withWords(table.with)}`;
  const state = open === 0 ? "NO PATH IS OPEN" : `${open} of ${plural(table.paths.length, "path")} open`;
  const mark = open === 0 ? "[!]" : "[x]";
  return [
    line(`${table.table}  ${state}  (${size})`, { mark, tone: open === 0 ? "bad" : "strong" }),
    ...alike(table.paths).flatMap(pathLines),
  ];
}

/** Beyond these they are counted. */
const mostNamed = 3;

function withWords(names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length - mostNamed;
  return ` with ${names.slice(0, mostNamed).join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`;
}

/** Paths that the same thing closes, and the same opens, are told of in one breath. */
function alike(paths: readonly ReadyPath[]): readonly ReadyPath[] {
  const found: ReadyPath[] = [];
  for (const path of paths) {
    const like = path.open ? -1 : found.findIndex((one) => !one.open && reasonsOf(one) === reasonsOf(path));
    const before = found[like];
    if (before === undefined) found.push(path);
    else found[like] = { ...before, path: `${before.path}, ${path.path}` };
  }
  return found;
}

function reasonsOf({ why, opensWith, changes }: ReadyPath): string {
  return JSON.stringify([why, opensWith, changes]);
}

function pathLines(path: ReadyPath): readonly ReadyLine[] {
  if (path.open)
    return [
      line(`${path.path}: ${path.label}, ${timeWords(path.takesMs)}`, { indent: 4, mark: "[x]", tone: "good" }),
      line(`open while ${sentence(path.holds ?? "nothing changes")}`, { indent: 8 }),
      line(sentence(path.why), { indent: 8 }),
      line(`loses: ${sentence(path.loses)}`, { indent: 8 }),
    ];
  const { opensWith, changes } = path;
  return [
    line(`${path.path}: closed. ${sentence(path.why)}`, { indent: 4, mark: "[-]", tone: "caution" }),
    ...(opensWith === null || opensWith === "" ? [] : [line(`opens with: ${told(opensWith)}`, { indent: 8 })]),
    ...(opensWith === "" && changes.length > 0 ? [line("opens with all of this:", { indent: 8 })] : []),
    ...changes.flatMap((change) => changeLines(change, 8)),
  ];
}

function timeWords(ms: number | null): string {
  return ms === null ? "time not known" : `${expected(ms)} if every row were lost`;
}

const places = {
  sql: "in SQL:",
  config: "in holdfast.yaml:",
  package: "on the server, the package:",
  command: "in a shell:",
} as const;

function changeLines(change: Change | null, indent: number): readonly ReadyLine[] {
  if (change === null) return [];
  const marks = [...(change.restart ? ["needs a restart"] : []), ...(change.fromNowOn ? ["from now on only"] : [])];
  return [
    line(`${places[change.kind]} ${change.text}`, { indent, typed: true }),
    ...(marks.length === 0 ? [] : [line(`(${marks.join("; ")})`, { indent })]),
  ];
}

function verdict(tables: readonly ReadyTable[]): ReadyLine {
  const closed = tables.filter(({ open }) => !open);
  if (tables.length === 0) return line("There is no table.", { tone: "strong" });
  if (closed.length === 0)
    return line(`READY: ${each(tables.length)} has an open path.`, { mark: "[x]", tone: "good" });
  const has = closed.length === 1 ? "has" : "have";
  return line(`NOT READY: ${closed.length} of ${plural(tables.length, "table")} ${has} no open path.`, {
    mark: "[!]",
    tone: "bad",
  });
}

/** A statement at its end is copied with its own mark, and nothing after it. */
function told(text: string): string {
  return text.endsWith(";") ? text : sentence(text);
}

function each(tables: number): string {
  return tables === 1 ? "the table" : `each of ${count(tables)} tables`;
}

function line(text: string, more: Partial<Omit<ReadyLine, "text">> = {}): ReadyLine {
  return { indent: 0, mark: "", tone: "plain", ...more, text };
}
