import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { stepOf } from "../../src/core/run-state.ts";
import { doneWords } from "../../src/words/outcome-words.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import type { Backup } from "../../src/engines/engine.ts";
import type { CheckedTable } from "../../src/engines/rescue-area.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { type ArchivingServer, archiveAll, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import type { StatementSearch } from "../../src/engines/evidence.ts";
import { onEachMajor } from "../support/majors.ts";
import type { TestServer } from "../support/postgres.ts";

onEachMajor([14, 18], (major) => {
  let from: ArchivingServer;
  let server: TestServer;
  let sql: Connection;
  let app: Connection;

  beforeAll(async () => {
    const settings = { autovacuum: "off", track_commit_timestamp: "on", fsync: "off" };
    from = await startArchivingServer({ major, settings });
    server = from.server;
    const making = await server.connect("postgres");
    await making.run("", "create database shop");
    await making.close();
    sql = await server.connect("shop");
    app = await server.connect("shop");
    await sql.client.query("create extension pageinspect" + (major >= 16 ? "; create extension pg_walinspect" : ""));
  });
  afterAll(async () => {
    await sql.close();
    await app.close();
    await from.end();
  });

  /** The whole runbook, headless, on the largest statement that is about values. */
  async function broughtBack(
    table: string,
    path: string,
    more: { readonly [step: string]: string } = {},
    backup?: Backup,
  ) {
    const { major: ours, bin } = server.binaries;
    const reachable = { ...postgresTarget(server.url("shop"), "sandbox"), ...(backup ? { backup } : {}) };
    const assembly = testAssembly({ reachable, scratch: server.scratch, serverBinaries: { [String(ours)]: bin } });
    onTestFinished(() => assembly.end());
    const plan = await assembly.workbench.plan({
      runbook: "restore-after-bad-delete",
      target: "shop",
      inputs: { table },
    });
    const choices = { statement: "largest-update", path, ...more };
    const wishes = { choices, keepRescue: true };
    const session = assembly.workbench.open(plan, { purpose: "live", wishes, interactive: false, yesSandbox: true });
    const ended = await session.ended;
    if (ended.fault) throw new Error(`${ended.fault.code} ${ended.fault.message}`);
    const checked = stepOf(ended.state, "check" as never).result as unknown as {
      readonly tables: readonly CheckedTable[];
    };
    return { ...checked, state: ended.state };
  }

  const textOf = async (query: string) =>
    (
      await sql.rows("", `select coalesce(string_agg(q::text, E'\n' order by q::text), '') as all from (${query}) as q`)
    )[0]?.all ?? "";

  /** An older session keeps the former versions on their pages. */
  async function report(): Promise<void> {
    const session = await server.connect("shop");
    await session.client.query("begin isolation level repeatable read; select count(*) from pg_class");
    onTestFinished(() => session.close());
  }

  async function accounts(name: string): Promise<void> {
    await sql.client.query(
      `create table public.${name} (id bigint primary key, owner text not null, state text, balance numeric(12,2), doc text, at timestamptz);
       insert into public.${name} select n, 'owner ' || n, 'open', n / 7.0, repeat(md5(n::text), 100), now() - n * interval '1 min' from generate_series(1, 500) n`,
    );
  }

  // Before others leave runs whose pins VACUUM has to spare.
  test("an UPDATE that is known from the archived log alone is in the list, and comes back out of a clone", async () => {
    await accounts("archived");
    const base = await takeBackup(from, `archived-${major}`);
    const before = await textOf("select * from public.archived");
    await app.client.query("begin; update public.archived set state = 'closed'");
    const { xid } = await app.row("", "select pg_current_xact_id()::text as xid");
    await app.run("", "commit");
    await app.run("", "vacuum public.archived");
    await dropOldLog(from, sql);
    const backup: Backup = { base, log: { kind: "folder", folder: from.archive } };
    const { state } = await broughtBack("public.archived", "clone", { statement: `update:${xid}` }, backup);
    const { statements } = stepOf(state, "statement" as never).result as unknown as StatementSearch;
    const listed = statements.find(({ value }) => value === `update:${xid}`);
    expect(listed).toMatchObject({
      values: true,
      most: 500,
      doubts: expect.arrayContaining([expect.stringContaining("since the base backup")]),
    });
    expect(await textOf("select * from public.archived")).toBe(before);
  });

  test("an UPDATE without WHERE: what was not changed since is as before, to the digit; later changes and deletes stay", async () => {
    await accounts("plain");
    await report();
    const before = await textOf("select * from public.plain where id > 20");
    await app.run("", "update public.plain set state = 'closed', balance = 0");
    await app.run("", "update public.plain set state = 'checked' where id <= 10");
    await app.run("", "delete from public.plain where id between 11 and 20");
    const later = await textOf("select * from public.plain where id <= 20");
    const { tables } = await broughtBack("public.plain", "page-transplant");
    expect(await textOf("select * from public.plain where id > 20")).toBe(before);
    expect(await textOf("select * from public.plain where id <= 20")).toBe(later);
    expect(tables[0]?.values).toEqual({ willSet: 480, changedSince: 10, gone: 10, keyChanged: 0 });
  });

  test("conflicts are written where that was decided, one kind at a time: changed since, gone, and a changed key", async () => {
    for (const [nth, kinds] of [["changed-since"], ["gone"], ["changed-since", "gone"]].entries()) {
      const name = `decided_${nth}`;
      await accounts(name);
      await sql.run("", `create index on public.${name} (state)`);
      await report();
      const before = await textOf(`select * from public.${name}`);
      await app.run("", `update public.${name} set state = 'closed', balance = 0`);
      await app.run("", `update public.${name} set state = 'checked' where id <= 10`);
      await app.run("", `delete from public.${name} where id between 11 and 20`);
      const later = await textOf(`select * from public.${name} where id <= 20`);
      const values = { "changed-since": "overwrite", gone: "insert" } as Readonly<Record<string, string>>;
      const decided = Object.fromEntries(kinds.map((kind) => [`conflicts:${kind}`, values[kind] ?? ""]));
      const { state } = await broughtBack(`public.${name}`, "page-transplant", decided);
      const [first, gone] = [kinds.includes("changed-since"), kinds.includes("gone")];
      const now = await textOf(`select * from public.${name}`);
      if (first && gone) expect(now).toBe(before);
      else if (first) expect(now).toBe(before.replaceAll(/^\((?:1[1-9]|20),.*\n/gmu, ""));
      else expect(await textOf(`select * from public.${name} where id <= 10`)).toBe(later);
      expect(stepOf(state, "safety-copy" as never).result).toMatchObject({
        overwritten: first ? 490 : 480,
        keys: gone ? 10 : 0,
      });
      expect(stepOf(state, "merge" as never).result).toMatchObject({
        inserted: 480 + (first ? 10 : 0) + (gone ? 10 : 0),
        left: (first ? 0 : 10) + (gone ? 0 : 10),
      });
    }
    await accounts("rekeyed");
    await sql.client.query(
      "create index downwards on public.rekeyed (id desc); cluster public.rekeyed using downwards",
    );
    await report();
    const before = await textOf("select * from public.rekeyed");
    await app.run("", "update public.rekeyed set id = id + 10, state = 'moved'");
    const { tables, state } = await broughtBack("public.rekeyed", "page-transplant", {
      "conflicts:key-changed": "overwrite",
    });
    expect(stepOf(state, "merge" as never).result).toMatchObject({ inserted: 500, left: 0 });
    expect(tables[0]?.values).toMatchObject({ willSet: 0, keyChanged: 500 });
    expect(await textOf("select * from public.rekeyed")).toBe(before);
  });

  test("a changed key is a conflict: id = id + 10 leaves every row as it is, and says so", async () => {
    await accounts("keys");
    await report();
    await app.run("", "update public.keys set id = id + 10000");
    const after = await textOf("select * from public.keys");
    const { tables } = await broughtBack("public.keys", "page-transplant");
    expect(await textOf("select * from public.keys")).toBe(after);
    expect(tables[0]?.values).toEqual({ willSet: 0, changedSince: 0, gone: 0, keyChanged: 500 });
  });

  test("a long value that it did not touch comes back with the row, and so does one that somebody replaced since in another", async () => {
    await accounts("long");
    await app.run("", "alter table public.long alter column doc set storage external");
    await app.run("", "update public.long set doc = repeat(doc, 3)");
    await report();
    const before = await textOf("select * from public.long where id > 5");
    await app.run("", "update public.long set state = 'x'");
    await app.run("", "update public.long set doc = 'short' where id <= 5");
    const { tables } = await broughtBack("public.long", "page-transplant");
    expect(await textOf("select * from public.long where id > 5")).toBe(before);
    expect(tables[0]?.values).toMatchObject({ willSet: 495, changedSince: 5 });
  });

  test("a row that it changed twice, under savepoints too, gets the value of before the first", async () => {
    await accounts("twice");
    await report();
    const before = await textOf("select * from public.twice");
    for (const one of [
      "begin",
      "update public.twice set balance = -1",
      "savepoint s",
      "update public.twice set balance = -2 where id % 2 = 0",
      "release s",
      "savepoint t",
      "update public.twice set balance = -3",
      "rollback to t",
      "commit",
    ])
      await app.run("", one);
    const { tables, state } = await broughtBack("public.twice", "page-transplant");
    expect(doneWords(state)).toBe("DONE");
    expect(await textOf("select * from public.twice")).toBe(before);
    expect(tables[0]?.values).toMatchObject({ willSet: 500 });
  });

  test("a table without a key is refused before anything is rescued: no way back is open", async () => {
    await app.client.query(
      "create table public.loose as select n as id, 'open' as state from generate_series(1, 50) n",
    );
    await report();
    await app.run("", "update public.loose set state = 'closed'");
    const made = () => textOf("select nspname from pg_namespace where nspname like 'holdfast_rescue%'");
    const before = [await made(), await textOf("select * from public.loose")];
    await expect(broughtBack("public.loose", "page-transplant")).rejects.toThrow(/HF-PATHS-CLOSED/);
    expect([await made(), await textOf("select * from public.loose")]).toEqual(before);
  });

  test("rows that it moved to another partition are told to the end, and not among those that are set back", async () => {
    await app.client
      .query(`create table public.parts (id int, part int, n int, primary key (id, part)) partition by list (part);
      create table public.parts_1 partition of public.parts for values in (1); create table public.parts_2 partition of public.parts for values in (2);
      insert into public.parts select n, 1 + n % 2, n from generate_series(1, 20) n`);
    await report();
    await app.run("", "update public.parts set part = 1, n = -1");
    const { state } = await broughtBack("public.parts", "page-transplant");
    const told = stepOf(state, "rescue" as never)
      .verified.map(({ text }) => text)
      .join(" ");
    expect(told).toMatch(/NOT COUNTED: it moved 10 rows to another partition/);
    expect(
      await textOf(
        "select count(*) filter (where n > 0) as back, count(*) filter (where n = -1) as moved from public.parts",
      ),
    ).toBe("(10,10)");
  });

  test("triggers of an UPDATE are asked about, and skipped they do not run", async () => {
    await accounts("fired");
    await app.client.query(
      `create function public.touch() returns trigger language plpgsql as $$ begin new.at := now(); return new; end $$;
       create trigger touch before update on public.fired for each row execute function public.touch()`,
    );
    await report();
    await app.run("", "alter table public.fired disable trigger touch");
    const before = await textOf("select * from public.fired");
    await app.run("", "update public.fired set state = 'x'");
    await app.run("", "alter table public.fired enable trigger touch");
    await broughtBack("public.fired", "page-transplant", { triggers: "skip" });
    expect(await textOf("select * from public.fired")).toBe(before);
  });

  test("out of a clone: the rows as they were just before it, and of later changes none is overwritten", async () => {
    await accounts("cloned");
    const base = await takeBackup(from, `base-${major}`);
    const before = await textOf("select * from public.cloned where id > 20");
    await app.run("", "update public.cloned set state = 'closed', balance = 0");
    await app.run("", "update public.cloned set state = 'checked' where id <= 10");
    await app.run("", "delete from public.cloned where id between 11 and 20");
    await app.run("", "vacuum public.cloned");
    const later = await textOf("select * from public.cloned where id <= 20");
    await archiveAll(from, sql);
    const backup: Backup = { base, log: { kind: "folder", folder: from.archive } };
    const { tables } = await broughtBack("public.cloned", "clone", {}, backup);
    expect(await textOf("select * from public.cloned where id > 20")).toBe(before);
    expect(await textOf("select * from public.cloned where id <= 20")).toBe(later);
    expect(tables[0]?.values).toEqual({ willSet: 480, changedSince: 10, gone: 10, keyChanged: 0 });
  });

  test("a table that was given a new file since is refused by a clone: places mean nothing in it", async () => {
    await accounts("moved");
    const base = await takeBackup(from, `moved-${major}`);
    await report(); // for it VACUUM FULL carries the dead versions along, so that the statement is still found
    await app.client.query("begin; update public.moved set state = 'closed'");
    const { xid } = await app.row("", "select pg_current_xact_id()::text as xid");
    await app.run("", "commit");
    const after = await textOf("select * from public.moved");
    await app.run("", "vacuum full public.moved");
    await archiveAll(from, sql);
    const backup: Backup = { base, log: { kind: "folder", folder: from.archive } };
    const refused = broughtBack("public.moved", "clone", { statement: `update:${xid}` }, backup);
    await expect(refused).rejects.toThrow(/HF-CLONE-REWRITTEN public.moved was given a new file/);
    expect(await textOf("select * from public.moved")).toBe(after);
  });

  test.runIf(major >= 16)("out of the log, after VACUUM has taken the former versions", async () => {
    await accounts("logged");
    await sql.run("", "checkpoint");
    const before = await textOf("select * from public.logged where id > 20");
    await app.run("", "update public.logged set state = 'closed', balance = 0");
    await app.run("", "update public.logged set state = 'checked' where id <= 10");
    await app.run("", "vacuum public.logged");
    const later = await textOf("select * from public.logged where id <= 10");
    const { tables } = await broughtBack("public.logged", "wal");
    expect(await textOf("select * from public.logged where id > 20")).toBe(before);
    expect(await textOf("select * from public.logged where id <= 10")).toBe(later);
    expect(tables[0]?.values).toEqual({ willSet: 490, changedSince: 10, gone: 0, keyChanged: 0 });
  });
});
