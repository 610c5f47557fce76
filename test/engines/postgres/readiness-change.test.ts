import { expect, onTestFinished, test } from "vitest";
import type { ReadyPath } from "../../../src/core/readiness.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { Backup } from "../../../src/engines/engine.ts";
import { type PrivateServer, startServer } from "../../../src/engines/postgres/server/private-server.ts";
import { settingsOf } from "../../../src/engines/postgres/evidence/ready/settings.ts";
import { startArchivingServer, takeBackup } from "../../support/backup.ts";
import { startTestServer, type TestServer, usualMajor } from "../../support/postgres.ts";
import { requestTo } from "../../support/request.ts";
import { askedBefore, type Role, roles } from "./readiness-ground.ts";

/** Who asks about `public.t` on a server, and what is typed there by who may. */
interface Ground {
  ask(path: string): Promise<ReadyPath>;
  type(sql: string): Promise<void>;
  restart(): Promise<void>;
}

function groundOn(
  server: TestServer,
  how: { who?: Role; backup?: Backup; restart?: () => Promise<void> } = {},
): Ground {
  const { who = "postgres", backup, restart } = how;
  const url = new Secret(server.url("postgres").reveal().replace("postgres@", `${who}@`));
  return {
    ask: async (name) => {
      const request = requestTo(server, "postgres", { url, ...(backup === undefined ? {} : { backup }) });
      const found = (await askedBefore(request, "public.t")).paths.find(({ path }) => path === name);
      if (!found) throw new Error(`${name} is not listed`);
      return found;
    },
    type: async (sql) => {
      const session = await server.connect("postgres");
      const whole = sql.match(/(?:"[^"]*"|'[^']*'|[^;"'])+/g) ?? [];
      for (const statement of whole.filter((one) => one.trim() !== "")) await session.run("", statement);
      await session.close();
    },
    restart: async () => {
      if (!restart) throw new Error("nothing here needs a restart");
      await restart();
    },
  };
}

/** Does all that one answer says, as it is typed: that has to do. */
async function mended(
  ground: Ground,
  path: string,
): Promise<{ readonly done: readonly string[]; readonly left: ReadyPath }> {
  const { changes } = await ground.ask(path);
  const sql = changes.filter(({ kind }) => kind === "sql");
  for (const { text } of sql) await ground.type(text);
  if (sql.some(({ restart }) => restart)) await ground.restart();
  return { done: sql.map(({ text }) => text), left: await ground.ask(path) };
}

const tables = "create table public.t (id int primary key, note text)";

/** A server whose own configuration says this; nothing on its command line would win over what is typed later. */
async function configured(settings: Readonly<Record<string, string>>): Promise<Ground> {
  const server = await startTestServer();
  const sql = await server.connect("postgres");
  await sql.run("", tables);
  for (const [name, value] of Object.entries({ autovacuum: "off", ...settings }))
    await sql.run("", `alter system set ${name} = '${value}'`);
  await sql.close();
  let running: PrivateServer = server;
  onTestFinished(async () => {
    await running.stop("immediate");
    await server.end();
  });
  const restart = async () => {
    await running.stop("fast");
    running = await startServer({ binaries: server.binaries, folder: server.folder });
  };
  await restart();
  return groundOn(server, { restart });
}

test.each([
  ["wal_level and max_wal_senders", { wal_level: "minimal", max_wal_senders: "0" }, "page-transplant", 1],
  ["max_replication_slots", { max_replication_slots: "1" }, "page-transplant", 1],
  ...(usualMajor < 16 ? [] : [["full_page_writes", { full_page_writes: "off" }, "wal", 1] as const]),
] as const)("what is said to open a path opens it, typed as it stands: %s", async (_, settings, path, changes) => {
  const ground = await configured(settings);
  expect(await ground.ask(path)).toMatchObject({ open: false, changes: [{ fromNowOn: true }] });
  const { done, left } = await mended(ground, path);
  expect([left.open, left.why]).toEqual([true, expect.stringMatching(/\w/)]);
  expect(done).toHaveLength(changes);
});

test("a role whose sessions are read-only is opened by what is typed, also by a session that is read-only itself", async () => {
  const ground = await configured({ default_transaction_read_only: "on" });
  expect(await ground.ask("page-transplant")).toMatchObject({ open: false, why: expect.stringContaining("read-only") });
  expect((await mended(ground, "page-transplant")).left).toMatchObject({ open: true });
});

test("an unlogged table is opened to a clone, and a role without rights to what only rights are missing for", async () => {
  const from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
  onTestFinished(() => from.end());
  const sql = await from.server.connect("postgres");
  onTestFinished(() => sql.close());
  await sql.client.query(`${tables.replace("table", "unlogged table")}; ${roles.clerk}`);
  const backup: Backup = { base: await takeBackup(from, "base"), log: { kind: "folder", folder: from.archive } };
  const superuser = groundOn(from.server, { backup });
  expect(await superuser.ask("clone")).toMatchObject({ open: false, why: expect.stringContaining("unlogged") });
  expect(await mended(superuser, "clone")).toMatchObject({
    done: ["ALTER TABLE public.t SET LOGGED;"],
    left: { open: true },
  });
});

test.each(["clerk", "replicator", "reader"] as const)(
  "what is said to a role without rights (%s) opens the clone in one go, also where tables hang on the table by foreign keys",
  async (who) => {
    const from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
    onTestFinished(() => from.end());
    const sql = await from.server.connect("postgres");
    onTestFinished(() => sql.close());
    await sql.client.query(`${tables}; ${roles[who]}; create schema "Far off";
      create table "Far off"."x;y; ALTER ROLE clerk SUPERUSER; GRANT z" (t int references public.t on delete cascade, id serial primary key);
      create table "Far off".child (id serial primary key, t int references public.t on delete cascade)`);
    const ask = (backup?: Backup) => groundOn(from.server, { who, ...(backup ? { backup } : {}) });
    const told = await ask().ask("clone");
    expect(told.why).toMatch(/may not put rows back.*names no base backup/);
    expect(told.changes.map(({ kind }) => kind).toSorted()).toEqual(["config", "sql"]);
    const pages = await ask().ask("page-transplant");
    expect(pages.changes).toEqual([expect.objectContaining({ text: expect.stringContaining("a superuser") })]);
    const backup: Backup = { base: await takeBackup(from, "base"), log: { kind: "folder", folder: from.archive } };
    // As ever: some of the log is not archived yet.
    await sql.client.query("create table public.later (n int); select pg_switch_wal()");
    await sql.client.query("insert into public.later select n from generate_series(1, 1000) n");
    const { done, left } = await mended(ask(backup), "clone");
    expect(done).toEqual([expect.stringMatching(/GRANT CREATE ON DATABASE.*"Far off"\.child.*pg_read_binary_file/)]);
    expect([left.why, left.open]).toEqual([expect.stringContaining("lead up to now"), true]);
  },
);

test("archiving that leads nowhere is no archiving, and what switches it on says where it is to lead", async () => {
  const server = await startTestServer({ settings: { archive_mode: "on", autovacuum: "off" } });
  onTestFinished(() => server.end());
  const sql = await server.connect("postgres");
  onTestFinished(() => sql.close());
  const told = async () => (await settingsOf(sql, true)).find(({ name }) => name === "archive_mode");
  expect(await told()).toMatchObject({
    level: "warn",
    words: expect.stringContaining("nothing is archived"),
    change: { text: expect.stringMatching(/^ALTER SYSTEM SET archive_command = .*%p.*pg_reload_conf/) },
  });
  await sql.run("", "alter system set archive_command = 'true'");
  await sql.run("", "select pg_reload_conf()");
  await expect.poll(told).toMatchObject({ level: "ok", words: "the log is archived." });
});
