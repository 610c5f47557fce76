import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import type { Watch } from "../../../../src/engines/engine.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { logSurvey } from "../../../../src/engines/postgres/evidence/clone/log-survey.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../../../support/backup.ts";
import { requestTo } from "../../../support/request.ts";
import { watch } from "./scene.ts";

let from: ArchivingServer;
let sql: Connection;
let base: string;
const tables = ["public.t"];

beforeAll(async () => {
  from = await startArchivingServer({ settings: { fsync: "off" } });
  sql = await from.server.connect("postgres");
  await sql.run("", "create table public.t as select n as id from generate_series(1, 1000) n");
  base = await takeBackup(from, "base");
});
afterAll(async () => {
  await sql.close();
  await from.end();
});

/** A deleting transaction, archived; its id. */
async function deleting(ids: string): Promise<string> {
  await sql.run("", "begin");
  await sql.run("", `delete from public.t where id in (${ids})`);
  const { xid } = await sql.row("", "select pg_current_xact_id()::text as xid");
  await sql.run("", "commit");
  await archiveAll(from, sql);
  return xid ?? "";
}

/** A survey that counts the files which it reads. */
function counting() {
  const target = postgresTarget(
    requestTo(from.server, "postgres", { backup: { base, log: { kind: "folder", folder: from.archive } } }),
  );
  onTestFinished(() => target.close());
  const read = { files: 0 };
  const told: Watch = { ...watch, progress: () => (read.files += 1) };
  return { survey: logSurvey(target), told, read };
}

let here: ReturnType<typeof counting>;
let first: string;
beforeEach(async () => {
  here = counting();
  first = await deleting("1, 2");
  await here.survey.read({ tables, xids: [] }, here.told);
  expect(here.read.files).toBeGreaterThan(0);
  here.read.files = 0;
});

test("what the search read of the log serves the survey and the rescue: no file is read twice", async () => {
  const again = await here.survey.upTo({ tables, xids: [first] }, here.told);
  expect(here.read.files).toBe(0);
  expect(again.log.commits.map(({ xid }) => String(xid))).toContain(first);
});

test("a commit that came after it is looked for anew, and so is one that nobody wrote", async () => {
  const later = await deleting("3");
  const again = await here.survey.upTo({ tables, xids: [later] }, here.told);
  expect(here.read.files).toBeGreaterThan(0);
  expect(again.log.commits.map(({ xid }) => String(xid))).toContain(later);
  here.read.files = 0;
  await here.survey.upTo({ tables, xids: ["4000000000"] }, here.told);
  expect(here.read.files).toBeGreaterThan(0);
});

test("a table that has another file since is read about anew, and so is one that nobody asked about", async () => {
  await sql.run("", "vacuum full public.t");
  const moved = await here.survey.upTo({ tables, xids: [first] }, here.told);
  expect(here.read.files).toBeGreaterThan(0);
  expect(moved.files.get("public.t")?.length).toBeGreaterThan(1);
  here.read.files = 0;
  await sql.run("", "create table if not exists public.other (n int)");
  await here.survey.upTo({ tables: ["public.other"], xids: [first] }, here.told);
  expect(here.read.files).toBeGreaterThan(0);
});

test("a search reads up to now, whatever was read before", async () => {
  const later = await deleting("4");
  const again = await here.survey.read({ tables, xids: [] }, here.told);
  expect(again.log.commits.map(({ xid }) => String(xid))).toContain(later);
});
