import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Fault } from "../../../../core/errors.ts";
import type { TableName } from "../../../inspect.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import { type DumpArchive, dumpFault, entriesOf } from "./archive.ts";
import { namesIn } from "./names.ts";
import { dumpEnv } from "./program.ts";

/** Part of a table's rows as COPY text, with the columns that their fields stand for. Bytes as latin1, since a value may be in any encoding. */
export interface DumpRows {
  readonly columns: readonly string[];
  readonly lines: readonly string[];
}

export interface Reading {
  readonly archive: DumpArchive;
  /** Where a list of entries may lie for the moment. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

const atOnce = 2000;

/**
 * The rows of one table, in the order of the dump. pg_restore writes them as text and connects to no server. Faults where the dump ends before
 * the table does, or has its rows in another form.
 */
export async function* rowsOf(reading: Reading, table: TableName): AsyncGenerator<DumpRows> {
  let columns: readonly string[] | null = null;
  let [whole, inserts] = [false, false];
  let lines: string[] = [];
  let other = false;
  for await (const line of textOf(reading, "TABLE DATA", table)) {
    if (columns !== null && !whole) {
      if (line === "\\.") whole = true;
      else lines.push(line);
      if (lines.length < atOnce && !whole) continue;
      yield { columns, lines };
      lines = [];
      continue;
    }
    if (other) {
      other = line !== "\\.";
      continue;
    }
    refuseEncoding(line);
    inserts ||= line.startsWith("INSERT INTO ");
    const found = columnsIn(line, table);
    if (found === "another") other = true;
    else columns ??= found;
  }
  if (inserts) throw dumpFault("INSERTS", "the dump has its rows as INSERT statements", "A dump without --inserts.");
  if (columns !== null && !whole) throw damaged(reading.archive);
  if (columns === null)
    throw dumpFault(
      "NO-TABLE",
      `the dump has no rows of ${table} by that name`,
      "A dump without --load-via-partition-root, of this database.",
    );
}

/** The table's definition, as the dump has it; empty where it has none. */
export async function definitionOf(reading: Reading, table: TableName): Promise<string> {
  if (entriesOf(reading.archive, "TABLE", table).length === 0) return "";
  const lines: string[] = [];
  for await (const line of textOf(reading, "TABLE", table)) lines.push(Buffer.from(line, "latin1").toString("utf8"));
  const text = lines.join("\n");
  const begin = [...text.matchAll(/^CREATE (?:UNLOGGED )?TABLE (.*?) \($/gm)].find(
    ([, name = ""]) => namesIn(name).join("\0") === namesIn(table).join("\0"),
  );
  return begin === undefined ? "" : text.slice(begin.index, text.indexOf("\n)", begin.index));
}

/** Null: no COPY at all. */
function columnsIn(line: string, table: TableName): readonly string[] | "another" | null {
  const text = Buffer.from(line, "latin1").toString("utf8");
  const [, of = "", list = ""] = /^COPY (.*?) \((.*)\) FROM stdin;$/.exec(text) ?? [];
  if (of === "") return null;
  return namesIn(of).join("\0") === namesIn(table).join("\0") ? namesIn(list) : "another";
}

function refuseEncoding(line: string): void {
  const [, encoding] = /^SET client_encoding = '(.*)';$/.exec(line) ?? [];
  if (encoding === undefined || encoding === "UTF8") return;
  throw dumpFault("ENCODING", `the dump is written in ${encoding}`, "A dump in UTF8: pg_dump -E UTF8.");
}

/** Lines of what pg_restore writes of these entries. */
async function* textOf(
  { archive, scratch, signal }: Reading,
  kind: "TABLE" | "TABLE DATA",
  table: TableName,
): AsyncGenerator<string> {
  const folder = mkdtempSync(path.join(makeScratchRoot(scratch), "list-"));
  const list = path.join(folder, "list");
  writeFileSync(list, `${entriesOf(archive, kind, table).join("\n")}\n`);
  const { program } = archive.restore;
  const child = spawn(program, ["--use-list", list, "--file", "-", archive.file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: dumpEnv,
    signal,
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (said += part));
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  try {
    let rest = "";
    for await (const chunk of child.stdout) {
      const lines = `${rest}${(chunk as Buffer).toString("latin1")}`.split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    const code = await ended;
    signal.throwIfAborted();
    if (code !== 0) throw damaged(archive, said);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

function damaged({ file }: DumpArchive, said?: string): Fault {
  return dumpFault(
    "DAMAGED",
    `the dump ${file} can't be read to its end`,
    "A whole copy of it, or another dump.",
    said,
  );
}
