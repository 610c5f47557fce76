import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidence } from "../../../../src/engines/postgres/evidence.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { onEachMajor } from "../../../support/majors.ts";
import { requestTo } from "../../../support/request.ts";
import { watch } from "./scene.ts";

const tables = ["public.parents", "public.children"];

onEachMajor([14, 18], (major) => {
  let from: ArchivingServer;
  let sql: Connection;
  beforeAll(async () => {
    from = await startArchivingServer({ major, settings: { autovacuum: "off", fsync: "off" } });
    sql = await from.server.connect("postgres");
    await sql.run("", "create extension pageinspect");
  });
  afterAll(async () => {
    await sql.close();
    await from.end();
  });
  beforeEach(async () => {
    await sql.client.query(`
      drop table if exists public.parents, public.children;
      create table public.parents (id int primary key, what text);
      create table public.children (id int primary key, parent int references public.parents on delete cascade);
      insert into public.parents select n, md5(n::text) from generate_series(1, 90) n;
      insert into public.children select n, 1 + n % 90 from generate_series(1, 180) n`);
    // From here on the log tells what later transactions do.
    await sql.run("", "checkpoint");
  });

  const search = async (base?: string): Promise<readonly Statement[]> => {
    const backup =
      base === undefined ? {} : { backup: { base, log: { kind: "folder", folder: from.archive } } as const };
    const target = postgresTarget(requestTo(from.server, "postgres", backup));
    onTestFinished(() => target.close());
    const found = await evidence(target, headStarts()).search({ table: tables[0] ?? "", tables }, watch);
    return found.statements;
  };
  const damage = async () => {
    await sql.run("", "delete from public.parents where id % 3 = 0");
    await sql.run("", "vacuum public.children");
  };

  test("where the log has all of a statement, its rows are counted, on their pages or not, and nothing is said to be uncounted", async () => {
    await damage();
    const [found] = await search();
    expect(found).toMatchObject({ rows: 90 });
    expect(found).not.toHaveProperty("uncounted");
  });

  test("where the log is gone, rows that were vacuumed are said to be uncounted, by table, at least as many as the pages show", async () => {
    await damage();
    await dropOldLog(from, sql);
    const [found] = await search();
    expect(found).toMatchObject({ rows: 30, tables: [{ table: "public.parents", rows: 30 }] });
    const [, versions] = /at least (\d+) of public.children/.exec(found?.uncounted ?? "") ?? [];
    expect(Number(versions)).toBeGreaterThan(50);
    expect(Number(versions)).toBeLessThanOrEqual(60);
    expect(found?.uncounted).not.toContain("public.parents");
  });

  test("a page that was emptied as a whole shows that something is gone from it", async () => {
    await sql.run("", "delete from public.parents where id > 1");
    await sql.run("", "insert into public.children values (181, 1)");
    await sql.run("", "vacuum public.children");
    await dropOldLog(from, sql);
    const [found] = await search();
    expect(found?.uncounted).toMatch(/at least \d+ of public.children/);
  });

  test("where nothing was cleaned up, nothing is said to be uncounted, with the log or without", async () => {
    await sql.run("", "delete from public.parents where id % 3 = 0");
    await dropOldLog(from, sql);
    const [found] = await search();
    expect(found).toMatchObject({ rows: 90 });
    expect(found).not.toHaveProperty("uncounted");
  });

  test("a backup from before it, with the archive since, counts what the server's own log can't any more", async () => {
    const base = await takeBackup(from, "before");
    await damage();
    await dropOldLog(from, sql);
    const [found] = await search(base);
    expect(found).toMatchObject({ rows: 90 });
    expect(found).not.toHaveProperty("uncounted");
  });

  test("a backup that was taken after it counts nothing", async () => {
    await damage();
    const base = await takeBackup(from, "after");
    await dropOldLog(from, sql);
    const [found] = await search(base);
    expect(found).toMatchObject({ rows: 30 });
    expect(found?.uncounted).toMatch(/of public.children/);
  });
});
