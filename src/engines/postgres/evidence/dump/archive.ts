import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../../core/errors.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import { dumpEnv, findPgRestore, type PgRestore } from "./program.ts";
import { namesIn } from "./names.ts";

/** A dump by pg_dump, as its own table of contents tells of it. Nothing of it was executed anywhere. */
export interface DumpArchive {
  readonly file: string;
  readonly restore: PgRestore;
  /** RFC 3339, to the second: what was committed before it is in the dump. */
  readonly createdAt: string;
  readonly database: string;
  readonly serverVersion: string;
  readonly bytes: number;
  /** Lines of the table of contents. */
  readonly entries: readonly string[];
}

/** Fault `HF-DUMP-…` where there is no such dump, or nobody here can read it. */
export async function readArchive(target: PostgresTarget, file: string): Promise<DumpArchive> {
  if (!existsSync(file))
    throw dumpFault(
      "ABSENT",
      `there is no dump at ${file}`,
      "Put it there, or name another as backup.dump in holdfast.yaml.",
    );
  const restore = await findPgRestore(target);
  const { stdout, stderr, failed } = await execa(restore.program, ["--list", file], {
    reject: false,
    env: dumpEnv,
    extendEnv: false,
    stdin: "ignore",
  });
  if (failed) throw unreadable(file, restore, stderr);
  const said = (name: RegExp) => name.exec(stdout)?.[1]?.trim() ?? "";
  const made = /^; Archive created at (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/m.exec(stdout);
  if (made === null) throw unreadable(file, restore, "its table of contents does not say when it was made");
  return {
    file,
    restore,
    createdAt: `${made[1]}T${made[2]}Z`,
    database: said(/^; {5}dbname: (.*)$/m),
    serverVersion: said(/^; {5}Dumped from database version: (.*)$/m),
    bytes: bytesOf(file),
    entries: stdout.split("\n").filter((line) => /^\d+;/.test(line)),
  };
}

/** Lines that may be about the table: names with spaces are told apart only when they are read. */
export function entriesOf({ entries }: DumpArchive, kind: "TABLE" | "TABLE DATA", table: TableName): readonly string[] {
  const [schema = "", name = ""] = namesIn(table);
  return entries.filter((line) => line.replace(/^\d+; \d+ \d+ /, "").startsWith(`${kind} ${schema} ${name} `));
}

function bytesOf(file: string): number {
  if (!lstatSync(file).isDirectory()) return statSync(file).size;
  return readdirSync(file).reduce((sum, name) => sum + statSync(path.join(file, name)).size, 0);
}

function unreadable(file: string, { major }: PgRestore, stderr: string): Fault {
  if (stderr.includes("unsupported version"))
    return dumpFault(
      "NEWER",
      `the dump ${file} was made by a newer pg_dump than the pg_restore ${major} that is here`,
      "Install the client programs of pg_dump's version here, or name their folder under scratch.servers in holdfast.yaml.",
    );
  if (stderr.includes("text format dump"))
    return dumpFault(
      "PLAIN",
      `the dump ${file} is plain SQL, out of which nothing can be taken alone`,
      "A dump in custom or directory format: pg_dump -Fc or -Fd.",
    );
  return dumpFault("DAMAGED", `the dump ${file} can't be read`, "A whole copy of it, or another dump.", stderr);
}

export function dumpFault(code: string, message: string, hint: string, cause?: string): Fault {
  return new Fault(`HF-DUMP-${code}`, message, {
    exit: "environment",
    still: "Nothing was changed on the target.",
    hint,
    ...(cause === undefined ? {} : { cause: cause.trim().split("\n").slice(-2).join(" | ") }),
  });
}
