import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Statement, StatementSearch } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import {
  type ArchivingServer,
  archiveAll,
  dropOldLog,
  startArchivingServer,
  takeBackup,
} from "../../../support/backup.ts";
import { areaKeepers } from "../../../../src/engines/postgres/rescue-area/keepers.ts";
import { areaPart } from "../../../../src/engines/postgres/rescue-area/make.ts";
import { cloneGround } from "./clone-ground.ts";
import { watch } from "./scene.ts";

/** What the log since the backup adds to a search. */
let from: ArchivingServer;
let sql: Connection;
let base: string;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
  sql = await from.server.connect("postgres");
  await sql.run("", "create extension pageinspect");
  base = await takeBackup(from, "first");
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

async function searched(table: string): Promise<StatementSearch> {
  await archiveAll(from, sql);
  const here = cloneGround(from, { base, log: { kind: "folder", folder: from.archive } });
  onTestFinished(() => here.leave());
  const { tables } = await here.evidence.examine(table);
  return here.evidence.search({ table, tables: tables.map((one) => one.table) }, watch);
}
const made = async (...names: readonly string[]) => {
  for (const name of names) {
    await sql.run("", `create table public.${name} (id int primary key, note text)`);
    await sql.run("", `insert into public.${name} select n, repeat('x', 100) from generate_series(1, 2000) n`);
    await sql.run("", `vacuum public.${name}`);
  }
  await sql.run("", "checkpoint");
};
async function inOne(statements: string): Promise<string> {
  await sql.run("", "begin");
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.client.query(statements);
  await sql.run("", "commit");
  return xid ?? "";
}
const numbers = ({ statements }: StatementSearch) =>
  statements.filter(({ kind }) => kind === "one").map(({ value, rows, most = rows }) => [value, rows, most]);

test("where the server's own log is gone, the archive tells how much a statement took at most", async () => {
  await made("pruned");
  const xid = await inOne(
    `delete from public.pruned where id <= 1000;
     insert into public.pruned select n, repeat('y', 100) from generate_series(10001, 10990) n`,
  );
  await sql.client.query("set enable_seqscan = off; set enable_bitmapscan = off");
  await sql.run("", "select count(note) from public.pruned where id < 700");
  await sql.client.query("reset enable_seqscan; reset enable_bitmapscan");
  await dropOldLog(from, sql);
  const [found] = (await searched("public.pruned")).statements as [Statement];
  expect(found).toMatchObject({ value: xid, most: 1000 });
  expect(found.rows).toBeLessThan(500);
  expect(found.doubts.join(" ")).toContain(`The log tells of ${1000 - found.rows} deletes more`);
});

test("rows of another table that lost its file in the same transaction are never counted", async () => {
  await made("aa", "bb");
  const xid = await inOne("delete from public.aa where id <= 1500; truncate public.aa, public.bb");
  expect(numbers(await searched("public.bb"))).toEqual([]);
  const both = await searched("public.aa");
  expect(numbers(both)).toEqual([[xid, 1500, 1500]]);
  // Nor when it got a third file.
  await sql.run("", "insert into public.bb values (1)");
  await sql.run("", "vacuum full public.bb");
  expect(numbers(await searched("public.bb"))).toEqual([]);
});

test("deletes in a file that a table had between its first and today's may have been its own, and are told as that", async () => {
  await made("twice");
  await sql.run("", "vacuum full public.twice");
  const between = await inOne("delete from public.twice where id <= 300");
  await sql.run("", "vacuum full public.twice");
  const search = await searched("public.twice");
  const found = search.statements.find(({ value }) => value === between);
  expect(found).toMatchObject({ rows: 0, most: 300, tables: [{ table: "public.twice", rows: 0, most: 300 }] });
  expect(found?.doubts.join(" ")).toContain("nothing tells which of several was its own then");
});

test("of a table that was made again, rescue areas that were dropped are no DROP, nor is what came and went; others are, with how many files they took", async () => {
  await made("gone", "other");
  const drops = [await inOne("drop table public.other"), await inOne("drop table public.gone")];
  const here = cloneGround(from, { base, log: { kind: "folder", folder: from.archive } });
  onTestFinished(() => here.leave());
  const part = areaPart(here.target, here.run, [{ table: "public.pruned", columns: ["id", "note"] }]);
  const facts = await part.take();
  const [area] = await sql.rows("", "select nspname as name from pg_namespace where nspname like 'holdfast_rescue_%'");
  await sql.run("", `create table ${area?.name}.t2 (id int primary key)`);
  await areaKeepers(here.target)["rescue-area"]?.release({ ...part.lease, id: "area", facts } as never);
  await inOne("create unlogged table public.brief (id int); drop table public.brief");
  await made("gone");
  const { statements } = await searched("public.gone");
  expect(statements.filter(({ kind }) => kind === "drop").map(({ value }) => value)).toEqual(
    drops.map((xid) => `drop:${xid}`).toReversed(),
  );
  expect(statements.find(({ kind }) => kind === "drop")?.doubts).toEqual([
    "It took 4 files of tables and indexes away. Whether this table was among them is proved when the clone stands.",
  ]);
});
