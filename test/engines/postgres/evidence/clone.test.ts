import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Backup } from "../../../../src/engines/engine.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { cloneGround, statementOf } from "./clone-ground.ts";
import { copyOf, text } from "./scene.ts";

let from: ArchivingServer;
let sql: Connection;
let backup: Backup;

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off" } });
  sql = await from.server.connect("postgres");
  await sql.run("", "create table public.orders (id int primary key, note text, amount numeric)");
  await sql.run("", "create table public.mixed (id int primary key, note text) with (autovacuum_enabled = off)");
  await sql.run("", "create table public.kid (id int references public.mixed on delete cascade on update cascade)");
  await sql.run(
    "",
    "create table public.parts (id int, region text, note text, primary key (id, region)) partition by list (region)",
  );
  await sql.run("", "create table public.parts_a partition of public.parts for values in ('a')");
  await sql.run("", "create table public.parts_b partition of public.parts for values in ('b')");
  await sql.run("", "create table public.keyless (n int, note text)");
  await sql.run("", "insert into public.mixed select n, 'm' || n from generate_series(1, 100) n");
  await sql.run("", "insert into public.parts select n, 'a', 'p' || n from generate_series(1, 100) n");
  await sql.run("", "insert into public.keyless select n % 10, 'k' from generate_series(1, 100) n");
  await sql.run("", "insert into public.orders select n, 'note ' || n, n / 7.0 from generate_series(1, 1000) n");
  backup = { base: await takeBackup(from, "first"), log: { kind: "folder", folder: from.archive } };
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

async function inOne(statements: string): Promise<string> {
  await sql.run("", "begin");
  try {
    await sql.client.query(statements);
    return (await sql.row("", "select pg_current_xact_id()::text as xid")).xid ?? "";
  } finally {
    await sql.run("", "commit");
  }
}

const ground = () => {
  const made = cloneGround(from, backup);
  onTestFinished(() => made.leave());
  return made;
};

test("rows come back as they were just before the commit, whatever vacuum and later traffic did", async () => {
  await sql.run("", "update public.orders set note = E'changed\\t\\\\ \\n' || id where id % 10 = 0");
  const expected = await copyOf(sql, "select * from public.orders where id % 3 = 0 order by id");
  const xid = await inOne("delete from public.orders where id % 3 = 0");
  await sql.run("", "delete from public.orders where id = 7");
  await sql.run("", "insert into public.orders values (3, 'made again', 1)");
  await sql.run("", "vacuum public.orders");
  await archiveAll(from, sql);
  const here = ground();
  const statement = statementOf([xid], ["public.orders"]);
  expect(await here.option(statement)).toMatchObject({
    feasible: true,
    loses: expect.stringMatching(/^nothing/),
    why: expect.not.stringContaining("since:"),
  });
  const back = await here.recover(statement);
  expect(back.tables).toMatchObject([{ table: "public.orders", rows: 333, updated: 0, moved: 0, own: 0, unknown: 0 }]);
  expect(await text(await back.rows("public.orders"))).toBe(expected);
});

test("a statement that also updates, inserts, changes keys and moves rows gives back what it deleted and nothing else", async () => {
  const other = await from.server.connect("postgres");
  await sql.run("", "insert into public.kid select n from generate_series(1, 40) n");
  // Rows that are updated under a lock of another session's carry a multixact.
  await other.run("", "begin");
  await other.run("", "select 1 from public.mixed where id between 30 and 60 for key share");
  const expected = await copyOf(sql, "select * from public.mixed where id in (1, 2, 3, 5, 35, 36, 71) order by id");
  const parts = await copyOf(sql, "select * from public.parts_a where id in (1, 2) order by id");
  const xid = await inOne(`
    delete from public.mixed where id in (1, 2);
    update public.mixed set note = 'changed' where id in (3, 4, 35);
    savepoint one; delete from public.mixed where id in (5, 3); release one;
    savepoint two; delete from public.mixed where id between 80 and 90; rollback to two;
    update public.mixed set id = id + 1000 where id between 10 and 19;
    insert into public.mixed values (71000, 'own'); delete from public.mixed where id = 71000;
    insert into public.mixed values (2, 'made by itself');
    select 1 from public.mixed where id between 90 and 95 for update;
    delete from public.parts where id in (1, 2); update public.parts set region = 'b' where id in (3, 4, 5);
    delete from public.mixed where id = 71`);
  await other.run("", "commit");
  await other.close();
  await sql.run("", "delete from public.mixed where id in (40, 41)");
  await archiveAll(from, sql);
  const here = ground();
  const back = await here.recover(statementOf([xid], ["public.mixed", "public.parts_a", "public.parts_b"]));
  const without = expected
    .split("\n")
    .filter((line) => !/^(35|36)\t/.test(line))
    .join("\n");
  expect(await text(await back.rows("public.mixed"))).toBe(without);
  expect(await text(await back.rows("public.parts_a"))).toBe(parts);
  expect(await text(await back.rows("public.parts_b"))).toBe("");
  expect(back.tables).toMatchObject([
    { table: "public.mixed", rows: 5, updated: 12, moved: 0, own: 1, unknown: 0 },
    { table: "public.parts_a", rows: 2, updated: 0, moved: 3, own: 0, unknown: 0 },
    { table: "public.parts_b", rows: 0 },
  ]);
});

test("rows that the statement locked in one savepoint and deleted in another come back, without a key to know them by", async () => {
  const xid = await inOne(`savepoint one; select 1 from public.keyless where n < 5 for key share; release one;
    savepoint two; delete from public.keyless where n in (3, 7); release two;`);
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([xid], ["public.keyless"]));
  expect(back.tables).toMatchObject([{ rows: 20, updated: 0, own: 0 }]);
  const rows = (await text(await back.rows("public.keyless"))).trim().split("\n");
  expect(rows.toSorted()).toEqual([...Array(10).fill("3\tk"), ...Array(10).fill("7\tk")]);
});

test("three transactions of a loop come back together; what one made and the next deleted is nobody's loss", async () => {
  const expected = await copyOf(sql, "select * from public.orders where id in (100, 101, 103) order by id");
  const first = await inOne(
    "delete from public.orders where id = 100; update public.orders set note = 'u' where id = 200; insert into public.orders values (5000, 'own', 1)",
  );
  await sql.run("", "insert into public.orders values (6000, 'by another', 1)");
  const second = await inOne("delete from public.orders where id in (101, 5000)");
  const third = await inOne("delete from public.orders where id in (103, 200)");
  await sql.run("", "delete from public.orders where id = 6000");
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([first, second, third], ["public.orders"], "group"));
  expect(await text(await back.rows("public.orders"))).toBe(expected);
  expect(back.tables).toMatchObject([{ rows: 3, updated: 1, own: 2, unknown: 1 }]);
});

test("a row that a loop took, that was put back and taken again, comes back once, as it was taken last", async () => {
  const untouched = await copyOf(sql, "select * from public.orders where id between 303 and 306 order by id");
  const first = await inOne("delete from public.orders where id between 301 and 304");
  await sql.run("", "insert into public.orders select n, 'second', 1 from generate_series(301, 302) n");
  const second = await inOne("delete from public.orders where id in (301, 302, 305)");
  await sql.run("", "insert into public.orders values (301, E'third\\t', 1), (302, 'stays', 1)");
  const third = await inOne("delete from public.orders where id in (301, 306)");
  await archiveAll(from, sql);
  // The order of the names is not the order of the commits.
  const back = await ground().recover(statementOf([third, first, second], ["public.orders"], "group"));
  const rows = (await text(await back.rows("public.orders"))).trim().split("\n");
  const expected = ["301\tthird\\t\t1", "302\tsecond\t1", ...untouched.trim().split("\n")];
  expect(rows.toSorted()).toEqual(expected.toSorted());
  expect(back.tables).toMatchObject([{ rows: 4, older: 3, updated: 0, own: 0, unknown: 0 }]);
});

test("a table that was locked for itself first, and one that was truncated and filled anew, are read before the lock", async () => {
  await sql.run("", "create table public.anew as select n as id, 'x' || n as note from generate_series(1, 50) n");
  await sql.run("", "alter table public.anew add primary key (id)");
  const whole = await copyOf(sql, "select * from public.anew where id <= 20 order by id");
  const locked = await copyOf(sql, "select * from public.anew where id > 45 order by id");
  const deletes = await inOne("lock table public.anew; delete from public.anew where id > 45");
  const refill = await inOne(
    "truncate public.anew; insert into public.anew select n, 'again' from generate_series(21, 60) n",
  );
  await archiveAll(from, sql);
  const one = await ground().recover(statementOf([deletes], ["public.anew"]));
  expect(await text(await one.rows("public.anew"))).toBe(locked);
  const two = await ground().recover(statementOf([refill], ["public.anew"], "rewrite"));
  expect(await text(await two.rows("public.anew"))).toBe(whole);
  expect(two.tables).toMatchObject([{ rows: 20, updated: 25 }]);
});

test("a column that was dropped or given another type since is named, and nothing is handed out", async () => {
  await sql.run("", "create table public.altered (id int primary key, note text, n int)");
  await sql.run("", "insert into public.altered select n, 'x', n from generate_series(1, 20) n");
  const xid = await inOne("delete from public.altered where id <= 5");
  await sql.client.query("alter table public.altered drop column note, alter column n type numeric");
  await archiveAll(from, sql);
  const before = await copyOf(sql, "select * from public.altered");
  const option = await ground().option(statementOf([xid], ["public.altered"]));
  expect(option?.why).toContain("Columns of public.altered were added, dropped or changed since");
  await expect(ground().recover(statementOf([xid], ["public.altered"]))).rejects.toThrow(
    /public\.altered has other columns now .*: note is not there now; n was .*integer, is .*numeric/,
  );
  expect(await copyOf(sql, "select * from public.altered")).toBe(before);
});

test("where more rows are left than are kept in memory, those that are gone come back and no other", async () => {
  await sql.run("", "create table public.wide as select n as id, 'w' || n as note from generate_series(1, 100300) n");
  await sql.run("", "alter table public.wide add primary key (id)");
  // A lock that was held once ends no version, and looks like an end until it is compared with what is there after.
  await sql.run("", "select count(*) from (select from public.wide for update) locked");
  const gone = await copyOf(sql, "select * from public.wide where id % 1000 = 0 order by id");
  const xid = await inOne("delete from public.wide where id % 1000 = 0");
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([xid], ["public.wide"]));
  expect(back.tables).toMatchObject([{ rows: 100, updated: 0, own: 0 }]);
  expect(await text(await back.rows("public.wide"))).toBe(gone);
});

test("what it did before a checkpoint counts as what it did after it", async () => {
  await sql.run("", "create table public.slow as select n as id, 's' || n as note from generate_series(1, 20) n");
  await sql.run("", "alter table public.slow add primary key (id)");
  const gone = await copyOf(sql, "select * from public.slow where id > 15 order by id");
  const other = await from.server.connect("postgres");
  await sql.run("", "begin");
  await sql.run("", "update public.slow set note = 'kept' where id = 1");
  await other.run("", "select pg_switch_wal()"); // a file is always read from its beginning
  await other.run("", "checkpoint");
  await sql.run("", "delete from public.slow where id > 15");
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await other.close();
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([xid ?? ""], ["public.slow"]));
  expect(back.tables).toMatchObject([{ rows: 5, updated: 1, own: 0 }]);
  expect(await text(await back.rows("public.slow"))).toBe(gone);
});

test("rows that it moved to another partition and deleted there are not claimed: at most so many are unknown, and that is said before", async () => {
  const xid = await inOne(
    "update public.parts set region = 'b' where region = 'a' and id between 50 and 60; delete from public.parts where id between 50 and 56 or (region = 'a' and id in (70, 71))",
  );
  await archiveAll(from, sql);
  const statement = statementOf([xid], ["public.parts_a", "public.parts_b"]);
  const moved = (await ground().option(statement))?.loses;
  expect(moved).toMatch(/^up to 1\d rows that it moved to another partition and may have deleted there/);
  const back = await ground().recover(statement);
  const [a, b] = ["public.parts_a", "public.parts_b"].map((name) => back.tables.find(({ table }) => table === name));
  expect([a?.rows, a?.moved, a?.unknown]).toEqual([2, Number(/\d+/.exec(moved ?? "")?.[0]), 0]);
  // What looks like a row of its own may be one that it moved there.
  expect([b?.rows, b?.own, b?.unknown]).toEqual([0, 0, 7]);
});

test("a key that was put back with another scale is the same key: its row comes back once", async () => {
  await sql.run("", "create table public.scaled (id numeric primary key, note text)");
  await sql.run("", "insert into public.scaled select n + 0.0, 'first' from generate_series(1, 5) n");
  const first = await inOne("delete from public.scaled where id <= 2");
  await sql.run("", "insert into public.scaled values (1.000, 'second')");
  const second = await inOne("delete from public.scaled where id <= 3");
  await archiveAll(from, sql);
  const back = await ground().recover(statementOf([first, second], ["public.scaled"], "group"));
  const rows = (await text(await back.rows("public.scaled"))).trim().split("\n");
  expect(rows.toSorted()).toEqual(["1.000\tsecond", "2.0\tfirst", "3.0\tfirst"]);
  expect(back.tables).toMatchObject([{ rows: 3, older: 1 }]);
});
