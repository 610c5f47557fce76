import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { cloneGround, statementOf } from "./clone-ground.ts";
import { copyOf, text, watch } from "./scene.ts";

let from: ArchivingServer;
let sql: Connection;
let other: Connection;
let base: string;

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off", autovacuum: "off" } });
  sql = await from.server.connect("postgres");
  other = await from.server.connect("postgres");
  await sql.run("", "create type public.mood as enum ('good', 'bad')");
  await sql.run("", "create type public.pair as (a int, b int)");
  for (const name of ["rw", "live", "arch", "renamed", "gone", "many", "kept", "stale"])
    await sql.run(
      "",
      `create table public.${name} as select n as id, '${name} ' || n as note from generate_series(1, 100) n`,
    );
  for (const name of ["rw", "live", "arch", "renamed", "gone", "many", "kept", "stale"])
    await sql.run("", `alter table public.${name} add primary key (id)`);
  await sql.run("", "create unlogged table public.loose (id int primary key)");
  await sql.run("", "insert into public.loose select generate_series(1, 10)");
  base = await takeBackup(from, "base");
});
afterAll(async () => {
  await sql.close();
  await other.close();
  await from.end();
});

function ground(of = base, folder = from.archive) {
  const made = cloneGround(from, { base: of, log: { kind: "folder", folder } });
  onTestFinished(() => made.leave());
  return made;
}

/** Committed and archived; its id. */
async function inOne(...statements: readonly string[]): Promise<string> {
  await sql.run("", "begin");
  for (const one of statements) await sql.client.query(one);
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await archiveAll(from, sql);
  return xid ?? "";
}

describe("a transaction that deletes and gives the table a new file", () => {
  test.each([
    ["an ALTER that rewrites it", "alter table public.rw add u uuid default gen_random_uuid()", 5],
    ["a CLUSTER before the DELETE", "cluster public.rw using rw_pkey", 0],
  ])(
    "%s: by place nothing is handed out, and chosen as a rewrite its rows alone come back",
    async (_what, rewrite, before) => {
      const at = 10 + before;
      const gone = await copyOf(sql, `select id, note from public.rw where id between ${at} and ${at + 4} order by id`);
      const remove = `delete from public.rw where id between ${at} and ${at + 4}`;
      const xid = await inOne(...(before > 0 ? [remove, rewrite] : [rewrite, remove]));
      await sql.run("", `delete from public.rw where id = ${96 + before / 5}`);
      await archiveAll(from, sql);
      const one = await ground().option(statementOf([xid], ["public.rw"]));
      expect(one).toMatchObject({ feasible: false, opensWith: expect.stringContaining("`rewrite:`") });
      await expect(ground().recover(statementOf([xid], ["public.rw"]))).rejects.toThrow(/new file/);
      const back = await ground().recover(statementOf([xid], ["public.rw"], "rewrite"));
      const rows = (await text(await back.rows("public.rw")))
        .split("\n")
        .map((line) => line.split("\t").slice(0, 2).join("\t"));
      expect(rows.join("\n")).toBe(gone);
    },
  );
});

test("tables whose names were swapped since, and one that was renamed, are read by what they are", async () => {
  const live = await copyOf(sql, "select * from public.live where id between 50 and 60 order by id");
  const arch = await copyOf(sql, "select * from public.arch where id <= 15 order by id");
  const xid = await inOne(
    "delete from public.arch where id <= 15",
    "delete from public.live where id between 50 and 60",
  );
  await sql.run("", "delete from public.arch where id between 52 and 54");
  await sql.client.query(
    "begin; alter table public.live rename to tmp; alter table public.arch rename to live; alter table public.tmp rename to arch; commit",
  );
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([xid], ["public.live", "public.arch"]));
  expect(await text(await back.rows("public.arch"))).toBe(live);
  expect(await text(await back.rows("public.live"))).toBe(arch);

  const three = await copyOf(sql, "select * from public.renamed where id <= 3 order by id");
  const next = await inOne("delete from public.renamed where id <= 3");
  await sql.run("", "alter table public.renamed rename to called_otherwise");
  await archiveAll(from, sql);
  const again = await ground().recover(statementOf([next], ["public.called_otherwise"]));
  expect(await text(await again.rows("public.called_otherwise"))).toBe(three);
});

describe("columns and types that were renamed since", () => {
  beforeAll(async () => {
    await sql.run(
      "",
      "create table public.c (id int primary key, a int, b int, mood public.mood, pairs public.pair[], twice int generated always as (a * 2) stored)",
    );
    await sql.run(
      "",
      "insert into public.c select n, n, n * 10, case when n % 2 = 0 then 'good' else 'bad' end::public.mood, array[row(n, 1)::public.pair] from generate_series(1, 20) n",
    );
    base = await takeBackup(from, "with-c");
  });

  test("a value goes back into its own column, whatever that is called now, and a generated one that is plain now too", async () => {
    const gone = await copyOf(sql, "select id, a, b, mood, pairs, twice from public.c where id <= 5 order by id");
    const xid = await inOne("delete from public.c where id <= 5");
    await sql.client.query(
      "alter table public.c rename a to x; alter table public.c rename b to a; alter table public.c rename x to b; alter table public.c alter twice drop expression",
    );
    await archiveAll(from, sql);
    const back = await ground().recover(statementOf([xid], ["public.c"]));
    expect(back.tables[0]?.columns).toEqual(["id", "b", "a", "mood", "pairs", "twice"]);
    expect(await text(await back.rows("public.c"))).toBe(gone);
  });

  test.each([
    [
      "labels of an enum",
      "alter type public.mood rename value 'good' to 'x'; alter type public.mood rename value 'bad' to 'good'; alter type public.mood rename value 'x' to 'bad'",
      /mood has other parts/,
    ],
    ["a composite's attributes", "alter type public.pair add attribute c int", /pair has other parts/],
  ])("%s that mean something else now are refused", async (_what, change, why) => {
    const xid = await inOne(`delete from public.c where id = (select max(id) from public.c)`);
    await sql.client.query(change);
    await archiveAll(from, sql);
    await expect(ground().recover(statementOf([xid], ["public.c"]))).rejects.toThrow(why);
  });
});

test("an unlogged table, and one that was made after the statement, are no way to begin", async () => {
  const xid = await inOne("delete from public.loose where id < 3", "delete from public.gone where id < 3");
  const option = await ground().option(statementOf([xid], ["public.loose"]));
  expect(option).toMatchObject({ feasible: false, why: expect.stringContaining("public.loose is unlogged") });
  await sql.run("", "drop table public.gone");
  await sql.run("", "create table public.gone (id int primary key, note text)");
  await archiveAll(from, sql);
  await expect(ground().recover(statementOf([xid], ["public.gone"]))).rejects.toThrow(/made after the statement/);
});

const overflowing = (table: string, ids: string) =>
  `do $$ declare r record; begin for r in select id from public.${table} where ${ids} loop
     begin delete from public.${table} where id = r.id; exception when others then null; end; end loop; end $$`;

describe("more subtransactions than the log names", () => {
  test("a checkpoint among them: the clone is read all the same, and is never promoted", async () => {
    const gone = await copyOf(sql, "select * from public.many where id <= 81 order by id");
    await sql.run("", "begin");
    await sql.client.query(overflowing("many", "id <= 80"));
    await other.run("", "checkpoint");
    await sql.run("", "delete from public.many where id = 81");
    const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
    await sql.run("", "commit");
    await archiveAll(from, sql);
    const here = ground();
    const back = await here.recover(statementOf([xid ?? ""], ["public.many"]));
    expect(await text(await back.rows("public.many"))).toBe(gone);
    const folder = readdirSync(here.scratch).find((name) => name.startsWith("clone-")) ?? "";
    expect(readFileSync(path.join(here.scratch, folder, "server.log"), "utf8")).not.toContain("selected new timeline");
  });

  test("from the backup's begin on: the way is closed before anything is built", async () => {
    await other.run("", "begin");
    await other.client.query(overflowing("kept", "id <= 70"));
    const late = await takeBackup(from, "overflowed");
    const xid = await inOne("delete from public.kept where id = 99");
    await other.run("", "rollback");
    await archiveAll(from, sql);
    const option = await ground(late).option(statementOf([xid], ["public.kept"]));
    expect(option).toMatchObject({ feasible: false, why: expect.stringContaining("more than 64 savepoints") });
  });
});

test("a table that was locked while the backup was still being taken closes the way before anything is built", async () => {
  await sql.run("", "begin");
  const late = await takeBackup(from, "locked", async () => {
    await sql.run("", "lock table public.kept");
  });
  await sql.run("", "delete from public.kept where id = 98");
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await archiveAll(from, sql);
  const option = await ground(late).option(statementOf([xid ?? ""], ["public.kept"]));
  expect(option).toMatchObject({ feasible: false, why: expect.stringContaining("was not complete") });
});

test("a file of the archive that was damaged after it was read: the server's whole copy is taken, and without one the file is named", async () => {
  const gone = await copyOf(sql, "select * from public.stale where id <= 5 order by id");
  const xid = await inOne("delete from public.stale where id <= 5");
  const statement = statementOf([xid], ["public.stale"]);
  const { at } = await sql.row(
    "",
    "select max(name) as at from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and name < pg_walfile_name(pg_current_wal_lsn())",
  );
  const here = ground();
  expect(await here.option(statement)).toMatchObject({ feasible: true });
  const file = path.join(from.archive, at ?? "");
  const whole = readFileSync(file);
  onTestFinished(() => writeFileSync(file, whole));
  const damaged = Buffer.from(whole);
  damaged.fill(0xaa, 200, 8000);
  writeFileSync(file, damaged);
  const back = await here.recover(statement);
  expect(await text(await back.rows("public.stale"))).toBe(gone);

  const onServer = path.join(from.server.data, "pg_wal", at ?? "");
  const there = ground();
  writeFileSync(file, whole);
  expect(await there.option(statement)).toMatchObject({ feasible: true });
  writeFileSync(file, damaged);
  rmSync(onServer);
  await expect(there.recover(statement)).rejects.toThrow(new RegExp(`damaged at .*${at}`));
  expect(watch.signal.aborted).toBe(false);
});
