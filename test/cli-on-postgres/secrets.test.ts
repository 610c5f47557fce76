import { mkdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { aCli, type Cli, type Ended, filesBelow, headless } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { canary, watchProcesses } from "./canary.ts";
import { anIncident } from "./incident.ts";
import { socketFolder } from "../../src/engines/postgres/server/account.ts";

const planted = canary("pw");
const other = canary("env");
/** With what a URL has to encode, and what a shell, JSON or a regular expression would trip over. */
const password = `${planted.core}/@:%$"'\\ü`;
const wholeRun = [...headless, "--set", "table=shop.orders"];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
  const session = await server.connect("postgres");
  await session.client.query(`create role ops superuser login password ${session.client.escapeLiteral(password)}`);
  const hba =
    "local all postgres trust\nlocal replication postgres trust\nlocal all ops scram-sha-256\nlocal replication ops scram-sha-256\n";
  writeFileSync(path.join(server.data, "pg_hba.conf"), hba);
  await session.client.query("select pg_reload_conf()");
  await session.close();
});
afterAll(() => server.end());

const urlOf = (database: string, word = password, more = "") =>
  `postgresql://ops:${encodeURIComponent(word)}@/${database}?host=${encodeURIComponent(socketFolder(server.folder))}&port=5432${more}`;

/** Where the URL comes from, and what of the test's own files may hold it. */
type Reference = readonly [
  name: string,
  place: (cli: Cli, url: string) => { readonly url: Json; readonly env?: Record<string, string> },
];
const references: readonly Reference[] = [
  ["env:", (_, url) => ({ url: "env:DATABASE_URL", env: { DATABASE_URL: url } })],
  ["file:", (cli, url) => ({ url: `file:${secretFile(cli, url)}` })],
  ["command:", (cli, url) => ({ url: { command: ["/bin/cat", secretFile(cli, url)] } })],
];

function secretFile(cli: Cli, url: string): string {
  const folder = path.join(cli.folder, "vault");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, "url");
  writeFileSync(file, `${url}\n`, { mode: 0o600 });
  return file;
}

/** Everything that a run can leave behind or print, without the vault that the test itself filled. */
function traces(cli: Cli, ...ends: readonly Ended[]): readonly (readonly [string, string])[] {
  const files = [...filesBelow(cli.folder)].filter(([file]) => !file.startsWith(path.join(cli.folder, "vault")));
  expect(files.map(([file]) => path.basename(file))).toContain("holdfast.yaml");
  return [
    ...files,
    ...ends.flatMap((end, at) => [[`stdout ${at}`, end.stdout] as const, [`stderr ${at}`, end.stderr] as const]),
  ];
}

test.each(references)(
  "a password behind %s is in no file, no output and no process of a whole run, its stop and its resume",
  async (_, place) => {
    const incident = await anIncident(server, "vaulted");
    const cli = aCli({ PGPASSWORD: other.core, HOLDFAST_TOKEN: other.core });
    const { url, env = {} } = place(cli, urlOf("vaulted"));
    mkdirSync(path.join(cli.folder, "tmp"));
    const how = { env: { ...env, TMPDIR: path.join(cli.folder, "tmp") } };
    cli.config({ targets: { shop: { engine: "postgres", url, environment: "sandbox" } } });
    const begun = cli.start(
      wholeRun.filter((word, at) => word !== "path=recommended" && wholeRun[at + 1] !== "path=recommended"),
      how,
    );
    const watched = [watchProcesses(begun.child.pid ?? 0)];
    const stopped = await begun.ended;
    expect([stopped.exit, stopped.stderr]).toEqual(["needs-person", ""]);
    expect(planted.findIn(traces(cli, stopped))).toEqual([]);
    const resumed = cli.start(["resume", "--choose", "path=recommended", "--yes-sandbox", "--json"], how);
    watched.push(watchProcesses(resumed.child.pid ?? 0));
    const ended = await resumed.ended;
    for (const one of watched) one.stop();
    expect(ended.exit).toBe("ok");
    expect(await incident.content()).toEqual(incident.before);
    const shown = await cli.run([
      "journal",
      "show",
      cli.withJournal((journal) => journal.runs()[0]?.run ?? ""),
      "--json",
    ]);
    expect(planted.findIn(traces(cli, stopped, ended, shown))).toEqual([]);
    expect(other.findIn(traces(cli, stopped, ended, shown))).toEqual([]);
    const environments = watched
      .flatMap((one) => [...one.environments])
      .filter(([name]) => !/bin\/cat|main\.js/.test(name));
    const commandLines = watched.flatMap((one) => [...one.commandLines]);
    expect(environments.some(([name]) => /postgres -D/.test(name))).toBe(true);
    expect([planted.findIn(environments), other.findIn(environments)]).toEqual([[], []]);
    expect([planted.findIn(commandLines), other.findIn(commandLines)]).toEqual([[], []]);
  },
);

describe("a run that fails to connect never tells the password", () => {
  test.each<[string, (url: string) => string, string]>([
    ["a wrong password", () => urlOf("vaulted", `${password}wrong`), "HF-CONNECT-PASSWORD"],
    ["a wrong database", () => urlOf("no_such_database"), "HF-CONNECT-DATABASE"],
    [
      "a host that is none",
      () => `postgresql://ops:${encodeURIComponent(password)}@no-such-host.invalid/shop`,
      "HF-CONNECT-UNREACHABLE",
    ],
    [
      "nobody listening",
      () => `postgresql://ops:${encodeURIComponent(password)}@127.0.0.1:1/shop`,
      "HF-CONNECT-UNREACHABLE",
    ],
    [
      "no such socket",
      () => `postgresql://ops:${encodeURIComponent(password)}@/shop?host=/nowhere`,
      "HF-CONNECT-UNREACHABLE",
    ],
    [
      "a password in the query",
      () => `postgresql://ops@127.0.0.1:1/shop?password=${encodeURIComponent(password)}`,
      "HF-CONNECT-UNREACHABLE",
    ],
    ["a password that was not encoded", () => `postgresql://ops:${password}@/shop?host=/nowhere`, "HF-URL-"],
    ["a role that is none", (url) => url.replace("//ops:", "//nobody:"), "HF-CONNECT-PASSWORD"],
    ["encryption that is not offered", () => urlOf("vaulted", password, "&sslmode=verify-full"), "HF-CONNECT-"],
    ["another scheme", (url) => url.replace("postgresql", "mysql"), "HF-URL-SCHEME"],
  ])("%s", async (_, change, code) => {
    await anIncident(server, "vaulted");
    const cli = aCli({ DATABASE_URL: change(urlOf("vaulted")) });
    cli.config({ targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } } });
    const end = await cli.run(wholeRun);
    expect(end.stderr).toContain(code);
    expect(end.stderr).not.toContain("HF-BUG");
    const json = await cli.run([...wholeRun.filter((word) => word !== "--plain"), "--json"]);
    expect(planted.findIn(traces(cli, end, json))).toEqual([]);
  });

  test.each<[string, (url: string) => readonly string[]]>([
    ["prints it where errors go", (url) => ["/bin/sh", "-c", `echo '${url.replaceAll("'", "")}' >&2; exit 3`]],
    ["is not there, and is called with it", (url) => ["/nowhere/vault", url]],
    ["prints half of it", (url) => ["/bin/echo", url.slice(5)]],
  ])("a command that %s", async (_, argv) => {
    const cli = aCli();
    const url = { command: argv(urlOf("vaulted")) };
    cli.config({ targets: { shop: { engine: "postgres", url, environment: "sandbox" } } });
    const end = await cli.run(wholeRun);
    expect(end.exit).toBe("input");
    const found = traces(cli, end).filter(([name]) => path.basename(name) !== "holdfast.yaml");
    expect(planted.findIn(found)).toEqual([]);
  });

  test("a URL with a password in the configuration is refused, and not repeated", async () => {
    const cli = aCli();
    cli.config({ targets: { shop: { engine: "postgres", url: urlOf("vaulted"), environment: "sandbox" } } });
    const end = await cli.run(wholeRun);
    expect(end).toMatchObject({
      exit: "input",
      stderr: expect.stringMatching(/^HF-CONFIG-SECRET {2}.*holdfast\.yaml:\d+:\d+/),
    });
    const mistaken = await cli.run(["run", "restore-after-bad-delete", `--url=${urlOf("vaulted")}`]);
    expect(mistaken.exit).toBe("usage");
    expect(
      planted.findIn(traces(cli, end, mistaken).filter(([name]) => path.basename(name) !== "holdfast.yaml")),
    ).toEqual([]);
  });
});

describe("values of rows", () => {
  const row = canary("row");
  const people = `create schema if not exists hr;
    create table hr.people (email text primary key, badge text unique, doc jsonb, photo bytea, note text);
    insert into hr.people select '${row.core}' || n, '${row.core}b' || n, jsonb_build_object('${row.core}', '${row.core}' || n),
      convert_to('${row.core}' || n, 'UTF8'), repeat('${row.core}', 200) from generate_series(1, 60) n`;
  const bad = "delete from hr.people where right(email, 1) <> '1'";
  const run = [...headless, "--set", "table=hr.people"];

  test("are in no journal and no output: neither of rows that come back nor of those that stand in conflict", async () => {
    const incident = await anIncident(server, "people", { before: people, statement: bad });
    await incident.session.client.query(`insert into hr.people (email, badge, note) values
      ('someone else', '${row.core}b2', 'has the badge of a deleted row'), ('${row.core}3', 'new badge', 'was made again')`);
    const cli = onPeople(incident.url);
    const dry = await cli.run([...run, "--dry-run"]);
    const stopped = await cli.run(run);
    expect(stopped.stdout).toContain("1 made again since; 1 with another unique key taken");
    // The rescue area has the only copy of the row that can't be merged: nobody but a person gives that up.
    expect([stopped.exit, stopped.stdout]).toEqual(["needs-person", expect.stringContaining("--choose keep=drop")]);
    const end = await cli.run(["resume", "--choose", "keep=drop", "--yes-sandbox", "--plain"]);
    const list = await cli.run(["journal", "list", "--json"]);
    expect(row.findIn(traces(cli, dry, stopped, end, list))).toEqual([]);
    const { n } = await incident.session.row("counting", "select count(*) as n from hr.people");
    expect([end.exit, n]).toEqual(["ok", "60"]);
  });

  test.each([
    ["a trigger that says the row", "raise exception 'no %', new.email;", "failed"],
    ["a cast that quotes the value", "perform new.email::int;", "failed"],
    ["a key of another table that quotes the value", "insert into hr.seen values (new.email);", "failed"],
  ])("are in no error: %s; when it is mended, the run goes on and leaves no value behind", async (_, does, exit) => {
    const incident = await anIncident(server, "people", { before: people, statement: bad });
    await incident.session.client.query(`create table hr.seen (email text primary key);
      insert into hr.seen select '${row.core}' || n from generate_series(1, 60) n;
      create function hr.spoil() returns trigger language plpgsql as $$begin ${does} return new; end$$;
      create trigger spoil before insert on hr.people for each row execute function hr.spoil()`);
    const cli = onPeople(incident.url);
    const failed = await cli.run([...run, "--choose", "triggers=fire"]);
    expect([failed.exit, failed.stderr]).toEqual([exit, ""]);
    expect(
      row.findIn([
        ["stdout", failed.stdout],
        ["events", JSON.stringify(cli.events())],
      ]),
    ).toEqual([]);
    await incident.session.client.query("alter table hr.people disable trigger spoil");
    const resumed = await cli.run(["resume", "--choose", "triggers=fire", "--yes-sandbox", "--json"]);
    expect(resumed.exit).toBe("ok");
    expect(row.findIn(traces(cli, failed, resumed))).toEqual([]);
    expect(await cli.run(["journal", "verify"])).toMatchObject({ exit: "ok" });
  });

  test("of a run that was left open are only in the rescued copy, which nobody else may read", async () => {
    const incident = await anIncident(server, "people", { before: people, statement: bad });
    await incident.session.client.query(
      "create trigger t before insert on hr.people for each row execute function suppress_redundant_updates_trigger()",
    );
    const cli = onPeople(incident.url);
    const end = await cli.run(run);
    expect(end.exit).toBe("needs-person");
    const files = row.findIn(traces(cli, end));
    expect(files.map((file) => path.basename(file))).toEqual(["t1.copy"]);
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  function onPeople(url: string): Cli {
    const cli = aCli({ DATABASE_URL: url });
    cli.config({ targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } } });
    return cli;
  }
});
