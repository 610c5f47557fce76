import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { cloneGround, statementOf } from "./clone-ground.ts";
import { copyOf, text } from "./scene.ts";

let from: ArchivingServer;
let sql: Connection;
let other: Connection;
let base: string;

const tables = ["alone", "locked", "wrote", "made", "given_up", "held", "group_of"] as const;

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off", autovacuum: "off" } });
  sql = await from.server.connect("postgres");
  other = await from.server.connect("postgres");
  for (const name of tables) {
    await sql.run("", `create table public.${name} as select n as id, 'v' || n as note from generate_series(1, 100) n`);
    await sql.run("", `alter table public.${name} add primary key (id)`);
  }
  base = await takeBackup(from, "base");
});
afterAll(async () => {
  await sql.close();
  await other.close();
  await from.end();
});

/** The bad transaction: what it took by DELETE of `id <= 10`, and what a clone brings back of it, with the pauses it took. */
async function broughtBack(table: string, before: readonly string[]) {
  const expected = await copyOf(other, `select id, note from public.${table} where id <= 10 order by id`);
  await sql.run("", "begin");
  for (const statement of before) await sql.client.query(statement);
  await sql.run("", `delete from public.${table} where id <= 10`);
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await archiveAll(from, other);
  const pauses: string[] = [];
  const ground = cloneGround(from, { base, log: { kind: "folder", folder: from.archive } }, "postgres", (boundary) => {
    if (boundary.startsWith("clone.paused")) pauses.push(boundary.slice("clone.paused:".length));
  });
  onTestFinished(() => ground.leave());
  const back = await ground.recover(statementOf([xid ?? ""], [`public.${table}`]));
  return { pauses, counts: back.tables[0], rows: await text(await back.rows(`public.${table}`)), expected };
}

test("a transaction that did nothing but delete is proved by its count: the clone stands once, just before it", async () => {
  const { pauses, counts, rows, expected } = await broughtBack("alone", []);
  expect(rows).toBe(expected);
  expect(counts).toMatchObject({ rows: 10, updated: 0, moved: 0, own: 0 });
  expect(pauses).toEqual(["before"]);
});

/** In each of these more versions are marked as ended than it deleted, or the log does not prove that it did nothing else. */
test.each([
  ["locked", "it also locked rows that live on", ["select from public.locked where id > 90 for update"]],
  ["wrote", "it also updated a row", ["update public.wrote set note = 'new' where id = 50"]],
  [
    "made",
    "it deleted a row of its own, and locked another one",
    [
      "insert into public.made values (0, 'own')",
      "delete from public.made where id = 0",
      "select from public.made where id = 77 for update",
    ],
  ],
  [
    "given_up",
    "a savepoint of it deleted more, and was given up",
    ["savepoint s", "delete from public.given_up where id > 50", "rollback to savepoint s"],
  ],
] as const)("%s: where %s, what is left just after it decides", async (table, _what, before) => {
  const { pauses, rows, expected } = await broughtBack(table, before);
  expect(rows).toBe(expected);
  expect(pauses).toEqual(["before", "after"]);
});

test("rows that another transaction holds locked at that moment are not taken for its own", async () => {
  await other.client.query("begin; select from public.held where id = 60 for update");
  const holder = await from.server.connect("postgres");
  await sql.client.query("begin; delete from public.held where id <= 10");
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await other.run("", "commit");
  await archiveAll(from, holder);
  await holder.close();
  const ground = cloneGround(from, { base, log: { kind: "folder", folder: from.archive } });
  onTestFinished(() => ground.leave());
  const back = await ground.recover(statementOf([xid ?? ""], ["public.held"]));
  expect(back.tables).toMatchObject([{ rows: 10 }]);
  expect((await text(await back.rows("public.held"))).split("\n").filter(Boolean)).toHaveLength(10);
});

test("of a group nothing is proved by count: a row that was only locked is not taken for one that another member made", async () => {
  await sql.client.query("begin; update public.group_of set note = 'new' where id = 5");
  const ids: string[] = [];
  const committed = async (...statements: readonly string[]) => {
    for (const one of statements) await sql.client.query(one);
    ids.push((await sql.row("", "select pg_current_xact_id()::text as xid")).xid ?? "");
    await sql.run("", "commit");
  };
  await committed("delete from public.group_of where id <= 3");
  await other.client.query("begin; select from public.group_of where id = 50 for key share; commit");
  await sql.run("", "begin");
  await committed("delete from public.group_of where id in (5, 11, 12)");
  await sql.run("", "begin");
  await committed("delete from public.group_of where id between 21 and 23");
  await archiveAll(from, other);
  const ground = cloneGround(from, { base, log: { kind: "folder", folder: from.archive } });
  onTestFinished(() => ground.leave());
  const back = await ground.recover(statementOf(ids, ["public.group_of"], "group"));
  const rows = (await text(await back.rows("public.group_of"))).split("\n").filter(Boolean);
  expect(rows.map((row) => Number(row.split("\t")[0])).toSorted((a, b) => a - b)).toEqual([
    1, 2, 3, 11, 12, 21, 22, 23,
  ]);
  expect(back.tables).toMatchObject([{ rows: 8, own: 1 }]);
});
