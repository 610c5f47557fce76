import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aCli, type Cli, type Ended, headless, packageNode } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { root } from "../support/source.ts";
import { anIncident, type Incident } from "./incident.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" };
/** Nobody listens on port 1. */
const nowhere = "postgresql://ops@127.0.0.1:1/shop";
const table = ["--set", "table=shop.orders"];
const wholeRun = [...headless, ...table];

function onShop(url = nowhere): Cli {
  const cli = aCli({ DATABASE_URL: url });
  cli.config({ targets: { shop } });
  return cli;
}

/** The three things that every refusal says, and the one that it never shows. */
function expectCoded({ exit, stdout, stderr }: Ended, wanted: string, code: string): void {
  const said = stdout + stderr;
  expect([exit, said]).toEqual([wanted, expect.stringContaining(code)]);
  expect(said).toMatch(/^ {2}still true: \S/m);
  expect(said).toMatch(/^ {2}what to do: \S/m);
  expect(said).not.toMatch(/^\s+at |node:internal|file:\/\/|HF-BUG/m);
}

describe("what no pattern lets through is refused with its code before any server is asked", () => {
  const injected = "shop.orders'; drop table shop.orders; --";
  const long = `shop.${"x".repeat(64)}`;
  test.each<[string, readonly string[], string, string]>([
    ["SQL in the table", ["--set", `table=${injected}`], "input", "HF-INPUT-INVALID"],
    ["a table without a schema", ["--set", "table=orders"], "input", "HF-INPUT-INVALID"],
    ["three parts", ["--set", "table=a.b.c"], "input", "HF-INPUT-INVALID"],
    ["a name of 64 bytes", ["--set", `table=${long}`], "input", "HF-INPUT-INVALID"],
    ["an empty name", ["--set", 'table=""."t"'], "input", "HF-INPUT-INVALID"],
    ["a quote left open", ["--set", 'table="shop.orders'], "input", "HF-INPUT-INVALID"],
    ["no table", [], "input", "HF-INPUT-MISSING"],
    ["an empty table", ["--set", "table="], "input", "HF-INPUT-MISSING"],
    ["a blank table", ["--set", "table=  "], "input", "HF-INPUT-MISSING"],
    ["SQL in since", [...table, "--set", "since=2026-01-01T00:00:00Z' or 1=1"], "input", "HF-INPUT-INVALID"],
    ["a date without a time", [...table, "--set", "since=2026-01-01"], "input", "HF-INPUT-INVALID"],
    ["an instant without a zone", [...table, "--set", "since=2026-01-01T00:00:00"], "input", "HF-INPUT-INVALID"],
    ["a day that is none", [...table, "--set", "since=2026-02-30T00:00:00Z"], "input", "HF-INPUT-INVALID"],
    ["the future", [...table, "--set", "since=2199-01-01T00:00:00Z"], "input", "HF-INPUT-INVALID"],
    ["an input that is none", [...table, "--set", "tabel=x"], "input", "HF-INPUT-UNKNOWN"],
    ["an input from the prototype", [...table, "--set", "__proto__=x"], "input", "HF-INPUT-UNKNOWN"],
    ["an input twice", [...table, ...table], "usage", "HF-USAGE"],
    ["an input without a value", ["--set", "table"], "usage", "HF-USAGE"],
    ["an unknown flag", [...table, "--froce"], "usage", "HF-USAGE"],
    ["a value without its flag", [...table, "orders"], "usage", "HF-USAGE"],
    ["an operator with a line break", [...table, "--operator", "anna\nSTEP"], "usage", "HF-USAGE"],
    ["an operator with an escape sequence", [...table, "--operator", "\u001b[2J"], "usage", "HF-USAGE"],
    ["a target that is none", [...table, "--target", "production"], "input", "HF-TARGET-UNKNOWN"],
  ])("%s", async (_, words, exit, code) => {
    const cli = onShop();
    const end = await cli.run([...headless, ...words]);
    expectCoded(end, exit, code);
    for (const typed of ["drop table", "1=1", "\u001b"]) expect(end.stdout + end.stderr).not.toContain(typed);
  });

  test.each([
    ["postgresql://ops@127.0.0.1:0/shop", "HF-URL-PORT"],
    ["postgresql://ops@127.0.0.1:99999/shop", "HF-URL-FORM"],
    ["postgresql://ops@-host-/shop", "HF-URL-HOST"],
    ["postgresql://ops@127.0.0.1/sh%20op", "HF-URL-DATABASE"],
    ["postgresql://ops@127.0.0.1/select", "HF-URL-DATABASE"],
    ["postgresql://ops@127.0.0.1/shop%27%3B--", "HF-URL-DATABASE"],
    ["postgresql://ops@127.0.0.1/", "HF-URL-DATABASE"],
    ["postgresql://ops:p%zz@127.0.0.1/shop", "HF-URL-FORM"],
    ["postgresql://ops@127.0.0.1/shop\nhost", "HF-URL-FORM"],
    ["mysql://ops@127.0.0.1/shop", "HF-URL-SCHEME"],
    ["shop", "HF-URL-SCHEME"],
    ["", "HF-SECRET-EMPTY"],
  ])("the URL %j", async (url, code) => {
    expectCoded(await onShop(url).run(wholeRun), "input", code);
  });

  test.each<[string, readonly string[], string, string]>([
    ["no command, and no terminal", [], "usage", "HF-USAGE"],
    ["an unknown command", ["destroy"], "usage", "HF-USAGE"],
    ["a flag before the command", ["--plain", "lint"], "usage", "HF-USAGE"],
    ["two faces at once", [...wholeRun, "--json"], "usage", "HF-USAGE"],
    ["no target", ["run", "restore-after-bad-delete", ...table], "usage", "HF-USAGE"],
    ["an unknown runbook", ["run", "restore-everything", "--target", "shop"], "input", "HF-RUNBOOK-NOT-FOUND"],
    ["a runbook elsewhere", ["run", "../../../etc/shadow.yaml", "--target", "shop"], "input", "HF-RUNBOOK-NOT-FOUND"],
    ["a device as runbook", ["run", "/dev/zero", "--target", "shop"], "input", "HF-RUNBOOK-UNREADABLE"],
    ["a run that is none", ["resume", "../x"], "input", "HF-RUN-UNKNOWN"],
    ["a run that is none, shown", ["journal", "show", "%"], "input", "HF-RUN-UNKNOWN"],
    [
      "a variable that is none",
      ["init", "--url-env", "postgres://u:pw@h/d", "--target", "a", "--environment", "sandbox", "--config", "n.yaml"],
      "input",
      "HF-CONFIG-VARIABLE",
    ],
    [
      "an environment that is none",
      ["init", "--url-env", "A", "--target", "a", "--environment", "prod", "--config", "n.yaml"],
      "input",
      "HF-CONFIG-ENVIRONMENT",
    ],
    [
      "a config that would be lost",
      ["init", "--url-env", "A", "--target", "a", "--environment", "sandbox"],
      "input",
      "HF-CONFIG-EXISTS",
    ],
  ])("the command line with %s", async (_, words, exit, code) => {
    const cli = onShop();
    const before = readFileSync(path.join(cli.work, "holdfast.yaml"), "utf8");
    expectCoded(await cli.run(words), exit, code);
    expect(readdirSync(cli.work)).toEqual(["holdfast.yaml"]);
    expect(readFileSync(path.join(cli.work, "holdfast.yaml"), "utf8")).toBe(before);
  });
});

describe("a runbook file", () => {
  const shipped = readFileSync(path.join(root, "runbooks/restore-after-bad-delete.yaml"), "utf8");
  const bomb = `a: &a [x, x]\n${Array.from("bcdefghij", (name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[at]}`).join(", ")}]`).join("\n")}\n`;

  test.each([
    [
      "an unknown key",
      shipped.replace("    do: freeze-evidence", "    do: freeze-evidence\n    shell: rm"),
      "HF-RUNBOOK-UNKNOWN-KEY",
      /mine\.yaml:25:5/,
    ],
    ["a key twice", shipped.replace("id: restore", "id: x\nid: restore"), "HF-RUNBOOK-DUPLICATE-KEY", /mine\.yaml:3:1/],
    ["a YAML bomb", bomb, "HF-RUNBOOK-ANCHOR", /mine\.yaml:1:7/],
    ["a depth without end", `${"[".repeat(20_000)}`, "HF-RUNBOOK-YAML", /mine\.yaml:1:/],
    ["a tag", shipped.replace("holdfast: 1", "holdfast: !!js/function 1"), "HF-RUNBOOK-TAG", /mine\.yaml:1:25/],
    ["10 MB", "#".repeat(10_000_000), "HF-RUNBOOK-TOO-LARGE", /10,000,000 bytes/],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00]), "HF-RUNBOOK-UNREADABLE", /mine\.yaml/],
    ["nothing", "", "HF-RUNBOOK-SHAPE", /mine\.yaml:1:1/],
    [
      "an action that is none",
      shipped.replace("do: freeze-evidence", "do: drop-database"),
      "HF-RUNBOOK-",
      /mine\.yaml:24:9/,
    ],
    [
      "a reference inside a text",
      shipped.replace('"${inputs.table}"', '"x ${inputs.table}"'),
      "HF-RUNBOOK-",
      /mine\.yaml:25:/,
    ],
  ])("with %s is refused, by run and by lint, at its place", async (_, text, code, place) => {
    const cli = onShop();
    writeFileSync(path.join(cli.work, "mine.yaml"), text);
    const run = await cli.run(wholeRun.with(1, "./mine.yaml"));
    expect([run.exit, run.stderr]).toEqual(["input", expect.stringContaining(code)]);
    expect(run.stderr).toMatch(place);
    expect(run.stderr).toMatch(/still true: Nothing was started/);
    const lint = await cli.run(["lint", "mine.yaml"]);
    expect(lint.exit).toBe("input");
    expect(lint.stdout + lint.stderr).toMatch(place);
  });

  test("of one's own works like one that ships", async () => {
    const incident = await anIncident(server, "own_runbook");
    const cli = onShop(incident.url);
    writeFileSync(path.join(cli.work, "mine.yaml"), shipped.replace("id: restore-after-bad-delete", "id: mine"));
    const run = await cli.run(wholeRun.with(1, "./mine.yaml"));
    expect([run.exit, run.stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
  });
});

describe("a configuration", () => {
  test.each<[string, string, string]>([
    [
      "wrong types",
      '{"targets": {"shop": {"engine": "postgres", "url": 5, "environment": "sandbox"}}}',
      "HF-CONFIG-SHAPE",
    ],
    ["a list of targets", '{"targets": []}', "HF-CONFIG-SHAPE"],
    ["no targets", "{}", "HF-CONFIG-MISSING"],
    ["an unknown key", '{"targets": {}, "target": 1}', "HF-CONFIG-UNKNOWN-KEY"],
    [
      "an environment that is none",
      '{"targets": {"shop": {"engine": "postgres", "url": "env:A", "environment": "prod"}}}',
      "HF-CONFIG-SHAPE",
    ],
    ["no environment", '{"targets": {"shop": {"engine": "postgres", "url": "env:A"}}}', "HF-CONFIG-MISSING"],
    ["a limit as text", '{"targets": {}, "limits": {"batchRows": "many"}}', "HF-CONFIG-SHAPE"],
    ["no YAML", "targets: [", "HF-CONFIG-YAML"],
    ["an alias", "targets: &a {}\nlimits: *a", "HF-CONFIG-A"],
  ])("with %s is refused at its place", async (_, text, code) => {
    const cli = aCli();
    writeFileSync(path.join(cli.work, "holdfast.yaml"), text);
    const end = await cli.run(wholeRun);
    expect(end.exit).toBe("input");
    expect(end.stderr).toContain(code);
    expect(end.stderr).toMatch(/holdfast\.yaml:\d+:\d+: /);
    expect(end.stderr).toMatch(/still true: Nothing was started/);
  });

  test("that is not there, is a folder, or is named wrongly, is told", async () => {
    const cli = aCli();
    expectCoded(await cli.run(wholeRun), "input", "HF-CONFIG-NOT-FOUND");
    expectCoded(await cli.run([...wholeRun, "--config", "/nowhere.yaml"]), "input", "HF-CONFIG-NOT-FOUND");
    expectCoded(await cli.run([...wholeRun, "--config", "/dev/null/x"]), "input", "HF-CONFIG-NOT-FOUND");
    mkdirSync(path.join(cli.work, "holdfast.yaml"));
    expectCoded(await cli.run(wholeRun), "input", "HF-CONFIG-UNREADABLE");
  });

  test.skipIf(process.getuid?.() === 0)("that may not be read is told", async () => {
    const cli = onShop();
    chmodSync(path.join(cli.work, "holdfast.yaml"), 0);
    expectCoded(await cli.run(wholeRun), "input", "HF-CONFIG-UNREADABLE");
  });
});

describe("a machine that lacks something", () => {
  test("no server there: the address is told, and no run stays open", async () => {
    const cli = onShop();
    expectCoded(await cli.run(wholeRun), "unreachable", "HF-CONNECT-UNREACHABLE");
    expect(await cli.run(["resume"])).toMatchObject({ exit: "ok" });
    expectCoded(
      await onShop("postgresql://ops@no-such-host.invalid/shop").run(wholeRun),
      "unreachable",
      "HF-CONNECT-UNREACHABLE",
    );
    expectCoded(
      await onShop("postgresql://ops@/shop?host=/nowhere").run(wholeRun),
      "unreachable",
      "HF-CONNECT-UNREACHABLE",
    );
  });

  test("TERM=dumb, no TERM, no HOME and no variable at all: it works", async () => {
    const incident = await anIncident(server, "bare");
    const cli = onShop(incident.url);
    const bare = { TERM: undefined, HOME: undefined, LANG: undefined, PATH: undefined };
    const run = await cli.run(
      wholeRun.filter((word) => word !== "--plain"),
      { env: bare },
    );
    expect([run.exit, run.stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
    expect(await cli.run(["lint"], { env: { ...bare, XDG_STATE_HOME: undefined, TERM: "dumb" } })).toMatchObject({
      exit: "ok",
    });
  });

  test.each([
    ["a file", (folder: string) => writeFileSync(folder, "")],
    ["a folder that others may write to", (folder: string) => (mkdirSync(folder), chmodSync(folder, 0o777))],
    ["a link to nowhere", (folder: string) => symlinkSync("/nowhere/at/all", folder)],
  ])("a state folder that is %s: nothing is begun", async (_, make) => {
    const incident = await anIncident(server, "no_state");
    const cli = onShop(incident.url);
    make(cli.journalFolder);
    const bytes = await incident.bytes();
    const end = await cli.run(wholeRun);
    expectCoded(end, "journal", "HF-JOURNAL-");
    expect(await incident.bytes()).toEqual(bytes);
  });

  test.skipIf(process.getuid?.() === 0)("a state folder that is read-only: nothing is begun", async () => {
    const cli = onShop();
    mkdirSync(cli.journalFolder);
    chmodSync(cli.journalFolder, 0o500);
    expectCoded(await cli.run(wholeRun), "journal", "HF-JOURNAL-NOT-WRITABLE");
  });
});

describe("tables with odd names that really are there", () => {
  test.each([
    [`"Odd ""Name"""."t; drop"`, '"Odd ""Name""".'],
    [`"Shöp"."Größe 'x'"`, "Größe"],
    [`"select"."from"`, "select"],
    [`"a.b"."c.d"`, '"a.b"'],
    [`"\${inputs.table}"."$1"`, "inputs"],
    [`"Up"."x${"y".repeat(60)}"`, "yyy"],
  ])("%s", async (name, shown) => {
    const incident = await oddIncident(name);
    const cli = onShop(incident.url);
    const run = await cli.run([...headless, "--set", `table=${name}`]);
    expect([run.exit, run.stderr]).toEqual(["ok", ""]);
    expect(run.stdout).toContain(shown);
    const { rows } = await incident.session.client.query(`select count(*), sum("Key ""1""") as sum from ${name}`);
    expect(rows).toEqual([{ count: "50", sum: "1275" }]);
  });
});

function oddIncident(name: string): Promise<Incident> {
  const schema = /^"(?:[^"]|"")*"/.exec(name)?.[0];
  const before = `create schema ${schema}; create table ${name} ("Key ""1""" int primary key, "va'l" text);
    insert into ${name} select n, 'v' || n from generate_series(1, 50) n`;
  return anIncident(server, "odd", { before, statement: `delete from ${name} where "Key ""1""" > 20` });
}

const oldNode = ["/usr/bin/node", "/usr/local/bin/node"].find((file) => {
  const { stdout } = execaSync(file, ["--version"], { reject: false });
  return /^v(18|20|22)\./.test(String(stdout ?? ""));
});

describe.skipIf(oldNode === undefined)("on an older Node", () => {
  const how = { node: oldNode ?? packageNode };

  test("the program starts itself again with the package's own, and a whole run works", async () => {
    const incident = await anIncident(server, "old_node");
    const cli = onShop(incident.url);
    const run = await cli.run(wholeRun, how);
    expect([run.exit, run.stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
  });

  test("without the package's own it says so, with a code and what to do", async () => {
    const cli = onShop();
    const lone = path.join(cli.folder, "lone");
    for (const part of ["dist", "package.json"])
      cpSync(path.join(root, part), path.join(lone, part), { recursive: true });
    const script = path.join(lone, "dist/main.js");
    expectCoded(await cli.run(wholeRun, { ...how, script }), "environment", "HF-NODE-OLD");
    expect(await cli.run(["--version"], { ...how, script })).toMatchObject({
      exit: "ok",
      stdout: expect.stringMatching(/^\d+\.\d+/),
    });
  });
});
