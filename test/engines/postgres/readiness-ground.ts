import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ReadyTable } from "../../../src/core/readiness.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { Backup, ConnectRequest } from "../../../src/engines/engine.ts";
import type { Recovered, Statement } from "../../../src/engines/evidence.ts";
import { headStarts } from "../../../src/engines/head-starts.ts";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import { evidence, evidenceKeepers, readiness } from "../../../src/engines/postgres/evidence.ts";
import { inspect } from "../../../src/engines/postgres/inspect.ts";
import { postgresTarget } from "../../../src/engines/postgres/target.ts";
import type { TestServer } from "../../support/postgres.ts";
import { requestTo } from "../../support/request.ts";
import { statementOf } from "./evidence/clone-ground.ts";
import { olderSnapshot, watch } from "./evidence/scene.ts";

/** Who asks. Each role owns nothing, and may write the table's rows where its name ends in `+`. */
export const roles = {
  postgres: "",
  replicator: "create role replicator login replication",
  reader: "create role reader login; grant pg_read_all_data to reader",
  clerk: "create role clerk login",
  clone: `create role clone login replication; grant pg_monitor to clone; grant create, temporary on database postgres to clone;
    grant execute on function pg_read_binary_file(text, bigint, bigint, boolean), pg_stat_file(text, boolean) to clone`,
  cloner: "create role cloner login; grant create, temporary on database postgres to cloner",
} as const;
export type Role = keyof typeof roles;

/** What stands in the way, or does not. */
export interface Case {
  readonly who?: Role;
  /** SQL that makes `T` with a key `id`, 1 to 400. */
  readonly table?: string;
  /** What is done when it is filled. */
  readonly filled?: string;
  readonly backup?: Backup | undefined;
  readonly withoutPrograms?: boolean;
  /** Makes the dump that the config names, when the table is filled; gives where it lies. */
  readonly dumped?: (server: TestServer, table: string) => Promise<string>;
}

/** A path's name, and `open` or why it is closed. */
export type Said = Readonly<Record<string, string>>;

/** What doctor says of a table that is made for it. */
export async function askedBefore(request: ConnectRequest, table: string): Promise<ReadyTable> {
  const target = postgresTarget(request);
  try {
    const { tables } = await readiness(target).look({ tables: [table], most: 1 }, watch);
    const [found] = tables;
    if (!found || tables.length > 1) throw new Error(`${tables.length} tables in place of one`);
    return found;
  } finally {
    await target.close();
  }
}

export function said({ paths }: ReadyTable): Said {
  return Object.fromEntries(paths.map(({ path: name, open, why }) => [name, open ? "open" : why]));
}

/** What a run finds after it: what stops it before it holds anything stands for every path. */
export async function foundAfter(request: ConnectRequest, table: string, before: Said, xid: string): Promise<Said> {
  const target = postgresTarget(request);
  const ahead = headStarts<Recovered>();
  const held = evidence(target, ahead);
  const keepers = evidenceKeepers(target, ahead);
  const taken: { kind: string; name: string; facts: unknown }[] = [];
  const all = (words: string) => Object.fromEntries(Object.keys(before).map((name) => [name, words]));
  try {
    const { tables, findings } = await held.examine(table);
    const stop = [...findings, ...(await inspect(target).survey())].find(({ level }) => level === "stop");
    if (stop) return all(stop.text);
    const { run } = request.session;
    for (const part of await held.freeze(table, { run, lockTable: false }))
      taken.push({ ...part.lease, facts: await part.take() });
    const query = { table, tables: tables.map((one) => one.table) };
    const { statements } = await held.search(query, watch);
    // Where nobody could tell that it was this one, somebody knows its id.
    return await surveyed(statements.find(({ rows }) => rows >= 200) ?? statementOf([xid], [table]));
  } finally {
    for (const lease of taken.toReversed()) await keepers[lease.kind]?.release(lease as never);
    await target.close();
  }

  async function surveyed(statement: Statement): Promise<Said> {
    const paths = (await held.paths(statement, watch)).filter(({ rescues }) => rescues);
    return Object.fromEntries(paths.map(({ path: name, feasible, why }) => [name, feasible ? "open" : why]));
  }
}

/** The whole of a case on a table of its own: asked, then a bad DELETE of half of it, then found. */
export async function beforeAndAfter(
  server: TestServer,
  sql: Connection,
  name: string,
  {
    who = "postgres",
    table = "create table T (id int primary key, note text)",
    filled = "select 1",
    backup,
    withoutPrograms,
    dumped,
  }: Case,
): Promise<{ readonly asked: ReadyTable; readonly found: Said }> {
  const of = `public.${name}`;
  for (const statement of table.replaceAll(/\bT(?=\b|_)/g, of).split(";")) await sql.run("", statement);
  await sql.run("", `insert into ${of} (id) select n from generate_series(1, 400) n`);
  for (const statement of filled.replaceAll(/\bT/g, of).split(";")) await sql.run("", statement);
  await sql.run("", `analyze ${of}`);
  const dump = await dumped?.(server, of);
  const url = new Secret(server.url("postgres").reveal().replace("postgres@", `${who}@`));
  const request = () => {
    const usual = requestTo(server, "postgres", {
      url,
      ...(backup === undefined ? {} : { backup }),
      ...(dump === undefined ? {} : { dump }),
    });
    if (!withoutPrograms) return usual;
    return { ...usual, machine: { ...usual.machine, serverBinaries: { [server.binaries.major]: "/nowhere" } } };
  };
  const asked = await askedBefore(request(), of);
  const older = await olderSnapshot(server, "postgres");
  const { xid } = await sql.row(
    "",
    `with gone as (delete from ${of} where id <= 200 returning 1) select pg_current_xact_id()::text as xid, count(*) from gone`,
  );
  try {
    return { asked, found: await foundAfter(request(), of, said(asked), xid ?? "") };
  } finally {
    await older.close();
  }
}

/** Server programs whose extension is not there. */
export function programsWithout(server: TestServer, extension: string): { readonly bin: string; end(): void } {
  const copy = mkdtempSync(path.join(os.tmpdir(), "hf-programs-without-"));
  const home = path.dirname(server.binaries.bin);
  for (const part of ["bin", "lib", "share"])
    cpSync(path.join(home, part), path.join(copy, part), { recursive: true, verbatimSymlinks: true });
  const folder = readdirSync(path.join(copy, "share"), { recursive: true, encoding: "utf8" });
  const control = folder.filter((file) => file.endsWith(`/${extension}.control`));
  if (control.length !== 1) throw new Error(`${extension} is ${control.length} times among the programs`);
  for (const file of control) rmSync(path.join(copy, "share", file));
  return { bin: path.join(copy, "bin"), end: () => rmSync(copy, { recursive: true, force: true }) };
}
