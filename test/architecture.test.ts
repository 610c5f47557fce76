import path from "node:path";
import { describe, expect, test } from "vitest";
import { median, type SourceFile, sourceFiles } from "./support/source.ts";

const files = sourceFiles();

/** Contracts: the one file of a room that others may see. */
const contracts = {
  journal: ["src/journal/journal.ts"],
  engines: ["engine", "evidence", "inspect", "lock", "marker", "merge", "rescue-area", "rehearse", "readiness"].map(
    (name) => `src/engines/${name}.ts`,
  ),
  actions: ["src/actions/action.ts"],
  guards: ["src/guards/guard.ts"],
  faces: ["src/runner/session.ts", "src/runner/workbench.ts"],
};

/** Room → what its files may import of ours: rooms (`core`) or single files. A room sees itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  words: ["core"],
  config: ["core"],
  runbooks: ["core"],
  journal: ["core"],
  engines: ["core"],
  "engines/postgres": ["core", ...contracts.engines, "src/engines/head-starts.ts", "src/engines/effect-faults.ts"],
  "engines/mysql": ["core", ...contracts.engines, "src/engines/effect-faults.ts"],
  "engines/memory": ["core", ...contracts.engines, "src/engines/head-starts.ts"],
  actions: ["core", ...contracts.engines],
  guards: ["core", ...contracts.engines],
  runner: ["core", ...contracts.engines, ...contracts.actions, ...contracts.guards, ...contracts.journal],
  screens: ["core", "words", ...contracts.faces, ...contracts.journal],
  cli: [
    "core",
    "words",
    "config",
    "runbooks",
    "screens",
    ...contracts.faces,
    ...contracts.journal,
    "src/engines/rehearse.ts",
  ],
};

/** The rooms of PostgreSQL's evidence → which of the others each sees. All see what lies beside the rooms, and that sees none of them. */
const evidence = "src/engines/postgres/evidence";
const evidenceRooms: Readonly<Record<string, readonly string[]>> = {
  log: [],
  pages: ["log"],
  transplant: ["pages"],
  wal: ["log", "pages", "transplant"],
  clone: ["log", "pages"],
  search: ["log", "pages", "clone"],
  freeze: ["log", "wal"],
  dirtyread: ["pages", "freeze"],
  dump: [],
  paths: ["log", "pages", "transplant", "wal", "clone", "freeze", "dirtyread", "dump"],
  ready: ["paths"],
};

/** Drivers and the one room that may load each. */
const drivers: Readonly<Record<string, readonly string[]>> = {
  "better-sqlite3": ["journal"],
  pg: ["engines/postgres"],
  "pg-copy-streams": ["engines/postgres"],
  mysql2: ["engines/mysql"],
  ink: ["screens"],
  react: ["screens"],
  "ink-text-input": ["screens"],
  "ink-select-input": ["screens"],
  commander: ["cli"],
  yaml: ["core"],
};

/** These join the parts: they see everything. */
const joiners = new Set(["src/cli-parts.ts", "src/compose.ts", "src/main.ts"]);

function roomOf(file: string): string {
  const parts = file.split("/").slice(1, -1);
  return parts[0] === "engines" && parts[1] !== undefined ? `engines/${parts[1]}` : (parts[0] ?? "");
}

function resolved(file: SourceFile, from: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file.file), from));
}

function mayImport(file: SourceFile, target: string): boolean {
  if (joiners.has(file.file)) return true;
  const room = roomOf(file.file);
  if (roomOf(target) === room && !joiners.has(target)) return true;
  // The list of engines names each of them; nothing else does.
  if (file.file === "src/engines/index.ts") return target.startsWith("src/engines/") || target.startsWith("src/core/");
  return (allowed[room] ?? []).some((one) => one === target || one === roomOf(target));
}

/** Of a file of the evidence: its room, or "" for what lies beside the rooms. */
function evidenceRoomOf(file: string): string | null {
  return file.startsWith(`${evidence}/`)
    ? path.posix.dirname(file.slice(evidence.length + 1)).replace(/^\.$/, "")
    : null;
}

function mayAsk(file: string, target: string): boolean {
  const [room, asked] = [evidenceRoomOf(file), evidenceRoomOf(target)];
  if (room === null) return asked === null || file === `${evidence}.ts`;
  return asked === null || asked === "" || asked === room || (evidenceRooms[room] ?? []).includes(asked);
}

describe("the house", () => {
  test("has files to look at, each in a room that the table knows", () => {
    expect(files.length).toBeGreaterThan(40);
    const strangers = files.filter((file) => !joiners.has(file.file) && allowed[roomOf(file.file)] === undefined);
    expect(strangers.map((file) => file.file)).toEqual([]);
  });

  test("imports go one way, as the table says", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => resolved(file, from))
        .filter((target) => !mayImport(file, target))
        .map((target) => `${file.file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("in PostgreSQL's evidence no room sees one that sees it, and nobody outside sees into it", () => {
    const within = files.filter(({ file }) => file.startsWith("src/engines/postgres/"));
    const rooms = new Set(within.flatMap(({ file }) => evidenceRoomOf(file) ?? []));
    expect([...rooms].filter((room) => room !== "").toSorted()).toEqual(Object.keys(evidenceRooms).toSorted());
    const order = Object.keys(evidenceRooms);
    for (const [room, seen] of Object.entries(evidenceRooms))
      for (const one of seen) expect(order.indexOf(one), `${room} sees ${one}`).toBeLessThan(order.indexOf(room));
    const wrong = within.flatMap((file) =>
      file.imports
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => resolved(file, from))
        .filter((target) => !mayAsk(file.file, target))
        .map((target) => `${file.file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("each driver is loaded in its own room only", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter(({ from, typeOnly }) => !typeOnly && drivers[from] !== undefined && !joiners.has(file.file))
        .filter(({ from }) => !drivers[from]?.includes(roomOf(file.file)))
        .map(({ from }) => `${file.file} loads ${from}`),
    );
    expect(wrong).toEqual([]);
  });

  test("main.ts imports nothing but node: before it knows what is wanted", () => {
    const main = files.find((file) => file.file === "src/main.ts");
    const eager = main?.imports.filter(
      ({ from, typeOnly }) => !typeOnly && !from.startsWith("node:") && !from.startsWith("./"),
    );
    expect(eager).toEqual([]);
  });

  test("the sieve sees: a forbidden import is found", () => {
    const spy: SourceFile = { file: "src/core/spy.ts", lines: 1, functions: [], imports: [] };
    expect(mayImport(spy, "src/journal/journal.ts")).toBe(false);
    expect(mayImport({ ...spy, file: "src/actions/spy.ts" }, "src/guards/guard.ts")).toBe(false);
    expect(mayImport({ ...spy, file: "src/screens/spy.ts" }, "src/engines/engine.ts")).toBe(false);
    expect(mayImport({ ...spy, file: "src/engines/postgres/spy.ts" }, "src/engines/memory/server.ts")).toBe(false);
    expect(mayImport({ ...spy, file: "src/runner/spy.ts" }, "src/core/plan.ts")).toBe(true);
    expect(mayAsk(`${evidence}/log/spy.ts`, `${evidence}/pages/layout.ts`)).toBe(false);
    expect(mayAsk(`${evidence}/xid.ts`, `${evidence}/log/position.ts`)).toBe(false);
    expect(mayAsk("src/engines/postgres/merge/spy.ts", `${evidence}/xid.ts`)).toBe(false);
    expect(mayAsk(`${evidence}/pages/spy.ts`, `${evidence}/log/position.ts`)).toBe(true);
  });
});

describe("the house measure", () => {
  test("no file is over 300 lines, and the median is under 80", () => {
    expect(files.filter((file) => file.lines > 300).map((file) => `${file.file}: ${file.lines}`)).toEqual([]);
    expect(median(files.map((file) => file.lines))).toBeLessThan(80);
  });

  test("no function is over 50 lines, and the median is under 10", () => {
    const functions = files.flatMap((file) => file.functions.map((one) => ({ ...one, file: file.file })));
    const long = functions.filter((one) => one.lines > 50).map((one) => `${one.file} ${one.name}: ${one.lines}`);
    expect(functions.length).toBeGreaterThan(200);
    expect(long).toEqual([]);
    expect(median(functions.map((one) => one.lines))).toBeLessThan(10);
  });
});
