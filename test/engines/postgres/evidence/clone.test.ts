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
  await sql.run("", "insert into public.orders select n, 'note ' || n, n / 7.0 from generate_series(1, 1000) n");
  backup = { base: await takeBackup(from, "first"), log: { kind: "folder", folder: from.archive } };
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

async function inOne(statements: string): Promise<string> {
  await sql.run("", "begin");
  await sql.client.query(statements);
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  return xid ?? "";
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
  expect(await here.option(statement)).toMatchObject({ feasible: true, loses: "nothing" });
  const back = await here.recover(statement).catch((e) => {
    console.log(JSON.stringify(e.record));
    throw e;
  });
  expect(back.tables).toMatchObject([{ table: "public.orders", rows: 333, updated: 0, moved: 0, own: 0, unknown: 0 }]);
  expect(await text(await back.rows("public.orders"))).toBe(expected);
});
