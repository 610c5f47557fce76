import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import type { Backup } from "../../../src/engines/engine.ts";
import {
  type ArchivingServer,
  archiveAll,
  dropOldLog,
  startArchivingServer,
  takeBackup,
} from "../../support/backup.ts";
import { debian, withDirtyread } from "../../support/dirtyread.ts";
import { dumped } from "../../support/dump.ts";
import { majors, onEachMajor } from "../../support/majors.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { beforeAndAfter, type Case, programsWithout, type Role, roles } from "./readiness-ground.ts";

/**
 * What doctor said before an incident is what a run finds after it: path by path, open for open, and closed for the same reason. `open`
 * and `closed` say what of it this very test is about, so that two blind eyes do not agree.
 */
interface Truth extends Omit<Case, "backup"> {
  readonly title: string;
  readonly on: Place;
  readonly backup?: Named;
  readonly open: readonly string[];
  readonly closed: Readonly<Record<string, RegExp>>;
  /** Only on these. */
  readonly only?: (major: number) => boolean;
}
type Place = "usual" | "minimal" | "no-pages" | "no-inspect" | "few-slots";
type Named = "whole" | "fetched" | "gap" | "of-another" | "no-label" | "of-another-timeline" | "damaged";

const fromPages = ["page-transplant"];
const extensionType = "create table T (id int primary key, note public.citext)";
const noBackup = { clone: /names no base backup/ };
const noDirtyread = { "pg-dirtyread": /does not have the extension/ };
const isNew = (major: number) => major >= 16;

const truths: readonly Truth[] = [
  { title: "a superuser", on: "usual", open: fromPages, closed: { ...noBackup, ...noDirtyread } },
  { title: "a superuser, and the log can be read", on: "usual", open: ["wal"], closed: {}, only: isNew },
  {
    title: "a log that can't be read yet",
    on: "usual",
    open: fromPages,
    closed: { wal: /can't show/ },
    only: (m) => m < 16,
  },
  {
    title: "a type of an extension",
    on: "usual",
    table: extensionType,
    open: [],
    closed: { "page-transplant": /note/, ...noBackup },
  },
  {
    title: "a type of an extension in what is deleted with it",
    on: "usual",
    table:
      "create table T (id int primary key, note text); create table T_child (id int references T on delete cascade, note public.citext)",
    filled: "insert into T_child values (1)",
    open: [],
    closed: { "page-transplant": /_child/ },
  },
  {
    title: "no programs here",
    on: "usual",
    withoutPrograms: true,
    open: [],
    closed: { "page-transplant": /no PostgreSQL/, ...noBackup },
  },
  {
    title: "no programs here, with a backup",
    on: "usual",
    withoutPrograms: true,
    backup: "whole",
    open: [],
    closed: { clone: /no PostgreSQL/ },
  },
  { title: "a backup", on: "usual", backup: "whole", open: [...fromPages, "clone"], closed: {} },
  {
    title: "a backup whose log a program fetches",
    on: "usual",
    backup: "fetched",
    open: [...fromPages, "clone"],
    closed: {},
  },
  {
    title: "a backup, and a type of an extension",
    on: "usual",
    table: extensionType,
    backup: "whole",
    open: ["clone"],
    closed: { "page-transplant": /note/ },
  },
  {
    title: "a backup, and an unlogged table",
    on: "usual",
    table: "create unlogged table T (id int primary key, note text)",
    backup: "whole",
    open: fromPages,
    closed: { clone: /unlogged/ },
  },
  { title: "a gap in the archive", on: "usual", backup: "gap", open: fromPages, closed: { clone: /breaks off/ } },
  {
    title: "a damaged file in the archive",
    on: "usual",
    backup: "damaged",
    open: fromPages,
    closed: { clone: /damaged/ },
  },
  {
    title: "the backup of another server",
    on: "usual",
    backup: "of-another",
    open: fromPages,
    closed: { clone: /another server/ },
  },
  {
    title: "the backup of another timeline",
    on: "usual",
    backup: "of-another-timeline",
    open: fromPages,
    closed: { clone: /timeline/ },
  },
  {
    title: "a backup without its label",
    on: "usual",
    backup: "no-label",
    open: fromPages,
    closed: { clone: /no backup_label/ },
  },
  ...(["replicator", "reader", "clerk"] as const).map((who) => ({
    title: `${who}, without a backup`,
    on: "usual" as const,
    who,
    open: [],
    closed: { "page-transplant": /./, clone: /./ },
  })),
  ...(["replicator", "reader", "clerk"] as const).map((who) => ({
    title: `${who}, with a backup`,
    on: "usual" as const,
    who,
    backup: "whole" as const,
    open: [],
    closed: { "page-transplant": /./, clone: /./ },
  })),
  {
    title: "a role that may replicate, read the log and write the table, with a backup",
    on: "usual",
    who: "clone",
    table: "create table T (id int primary key, note text); grant select, insert on T to clone",
    backup: "whole",
    open: ["clone"],
    closed: { "page-transplant": /superuser/, wal: /superuser/ },
  },
  {
    title: "a role that may write the table alone, with a backup whose newest log is not archived",
    on: "usual",
    who: "cloner",
    table: "create table T (id int primary key, note text); grant select, insert on T to cloner",
    backup: "whole",
    open: [],
    closed: { "page-transplant": /superuser/ },
  },
  {
    title: "the same role without a right to the table that a DELETE cascades to",
    on: "usual",
    who: "clone",
    table:
      "create table T (id int primary key, note text); create table T_child (id int references T on delete cascade); grant select, insert on T to clone",
    filled: "insert into T_child select n from generate_series(1, 400) n",
    backup: "whole",
    open: [],
    closed: { clone: /may not put rows back/ },
  },
  {
    title: "policies that hide rows from the role",
    on: "usual",
    who: "clone",
    table:
      "create table T (id int primary key, note text); grant select, insert on T to clone; alter table T enable row level security",
    backup: "whole",
    open: [],
    closed: { clone: /may not put rows back/ },
  },
  {
    title: "a rule in place of each INSERT, and a role that can't skip it",
    on: "usual",
    who: "clone",
    table: "create table T (id int primary key, note text); grant select, insert on T to clone",
    filled: "create rule nothing as on insert to T do instead nothing",
    backup: "whole",
    open: [],
    closed: { clone: /HF-PG-NO-MERGE/ },
  },
  {
    title: "a type of an extension where a DELETE only sets the reference to null",
    on: "usual",
    table:
      "create table T (id int primary key, note text); create table T_child (id int references T on delete set null, note public.citext)",
    filled: "insert into T_child values (1)",
    open: fromPages,
    closed: {},
  },
  {
    title: "partitions, of which one has a type of an extension in a column that is gone",
    on: "usual",
    table:
      "create table T (id int, note text, gone public.citext) partition by range (id); create table T_low partition of T for values from (0) to (150); create table T_high partition of T for values from (150) to (1000); alter table T drop column gone",
    backup: "whole",
    open: [...fromPages, "clone"],
    closed: {},
  },
  { title: "full_page_writes off", on: "no-pages", open: fromPages, closed: { wal: /full_page_writes|can't show/ } },
  {
    title: "wal_level minimal",
    on: "minimal",
    open: [],
    closed: { "page-transplant": /wal_level is minimal/, clone: /wal_level/ },
  },
  { title: "no slot free", on: "few-slots", open: [], closed: { "page-transplant": /slots are needed/ } },
  { title: "no pageinspect on the server", on: "no-inspect", open: [], closed: { "page-transplant": /pageinspect/ } },
];

onEachMajor(majors(14, 18), (major) => {
  let from: ArchivingServer;
  let backups: Readonly<Record<Named, Backup>>;
  const places = new Map<Place, { readonly server: TestServer; readonly sql: Connection }>();
  const ends: (() => unknown)[] = [];
  const prepared = async (place: Place, server: TestServer) => {
    const sql = await server.connect("postgres");
    await sql.client.query("create extension citext schema public");
    for (const role of Object.values(roles)) if (role !== "") await sql.client.query(role);
    places.set(place, { server, sql });
    ends.unshift(() => sql.close());
    return sql;
  };
  const started = async (place: Place, options: Parameters<typeof startTestServer>[0]) => {
    const server = await startTestServer({ major, ...options, settings: { autovacuum: "off", ...options?.settings } });
    ends.push(() => server.end());
    await prepared(place, server);
  };
  beforeAll(async () => {
    from = await startArchivingServer({ major, settings: { autovacuum: "off", fsync: "off" } });
    ends.push(() => from.end());
    const sql = await prepared("usual", from.server);
    backups = await madeBackups(from, sql);
    await started("minimal", { settings: { wal_level: "minimal", max_wal_senders: "0" } });
    await started("no-pages", { settings: { full_page_writes: "off" } });
    await started("few-slots", { settings: { max_replication_slots: "1" } });
    const programs = programsWithout(from.server, "pageinspect");
    ends.push(() => programs.end());
    await started("no-inspect", { bin: programs.bin });
  }, 120_000);
  afterAll(async () => {
    for (const end of ends) await end();
  });

  const here = truths.filter(({ only }) => only?.(major) ?? true);
  test.each(here.map((one, nth) => [one.title, one, `t${nth}`] as const))("%s", async (_, truth, name) => {
    const { on, backup, open, closed, ...rest } = truth;
    const place = places.get(on);
    if (!place) throw new Error(`no server ${on}`);
    const named = backup === undefined ? {} : { backup: backups[backup] };
    const { asked, found } = await beforeAndAfter(place.server, place.sql, name, { ...rest, ...named });
    expectTruth(asked, found, open, closed);
  });
});

function expectTruth(
  asked: Awaited<ReturnType<typeof beforeAndAfter>>["asked"],
  found: Readonly<Record<string, string>>,
  open: readonly string[],
  closed: Truth["closed"],
): void {
  const before = Object.fromEntries(asked.paths.map(({ path: name, open: is, why }) => [name, is ? "open" : why]));
  // A run stops at the first thing that is in its way; doctor says all of them.
  const first = Object.fromEntries(
    Object.entries(before).map(([name, why]) => [name, why.startsWith(found[name] ?? "-") ? found[name] : why]),
  );
  expect(first).toEqual(found);
  for (const name of open) expect(before).toMatchObject({ [name]: "open" });
  for (const [name, words] of Object.entries(closed)) {
    const one = asked.paths.find(({ path: each }) => each === name);
    expect(one).toMatchObject({ open: false, why: expect.stringMatching(words) });
    expect(`${one?.opensWith} ${one?.changes.map(({ text }) => text).join("")}`).toMatch(/\w/);
  }
  expect(asked.open).toBe(Object.values(before).includes("open"));
}

/** By Debian's client programs, which are there where its server is. */
function dumpOf(database: string, ...words: readonly string[]): NonNullable<Case["dumped"]> {
  return (server, table) =>
    dumped(debian.bin, server.url(database), path.join(server.scratch, `${table}.dump`), "custom", words);
}

/** All of one server, but for that which is not. */
async function madeBackups(from: ArchivingServer, sql: Connection): Promise<Readonly<Record<Named, Backup>>> {
  const base = await takeBackup(from, "whole");
  await sql.run("", "create table public.filler (n int)");
  await archiveAll(from, sql);
  await sql.run("", "insert into public.filler values (1)");
  await dropOldLog(from, sql);
  const copied = (name: string, change: (folder: string) => void): string => {
    const to = path.join(from.backups, name);
    cpSync(base, to, { recursive: true });
    change(to);
    return to;
  };
  const archived = (name: string, change: (file: string) => void): string => {
    const to = path.join(from.backups, name);
    cpSync(from.archive, to, { recursive: true });
    const files = readdirSync(to)
      .filter((file) => /^[0-9A-F]{24}$/.test(file))
      .toSorted();
    change(path.join(to, files.at(-2) ?? ""));
    return to;
  };
  const folder = (at: string, log = from.archive): Backup => ({ base: at, log: { kind: "folder", folder: log } });
  const label = (text: (before: string) => string) => (at: string) => {
    const file = path.join(at, "backup_label");
    writeFileSync(file, text(readFileSync(file, "utf8")));
  };
  return {
    whole: folder(base),
    fetched: { base, log: { kind: "command", argv: ["cp", `${from.archive}/%f`, "%p"] } },
    gap: folder(
      base,
      archived("gap", (file) => rmSync(file)),
    ),
    damaged: folder(
      base,
      archived("damaged", (file) => {
        const bytes = readFileSync(file);
        writeFileSync(file, bytes.fill(0xff, 60, 4096));
      }),
    ),
    "of-another": folder(
      copied("of-another", (at) => {
        const file = path.join(at, "global/pg_control");
        const bytes = readFileSync(file);
        bytes.writeBigUInt64LE(1n, 0);
        writeFileSync(file, bytes);
      }),
    ),
    "no-label": folder(copied("no-label", (at) => rmSync(path.join(at, "backup_label")))),
    "of-another-timeline": folder(
      copied(
        "of-another-timeline",
        label((text) => text.replace(/^START TIMELINE: .*$/m, "START TIMELINE: 7")),
      ),
    ),
  };
}

withDirtyread(() => {
  let server: TestServer;
  let sql: Connection;
  beforeAll(async () => {
    server = await startTestServer({ ...debian, settings: { autovacuum: "off", fsync: "off" } });
    sql = await server.connect("postgres");
    await sql.client.query("create extension citext schema public");
    await sql.client.query(`${roles.replicator}; create table public.nothing (n int)`);
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const cases: readonly (Omit<Case, "backup"> & {
    title: string;
    open: readonly string[];
    closed: Truth["closed"];
    who?: Role;
  })[] = [
    { title: "a dump", dumped: dumpOf("postgres"), open: ["dump"], closed: noBackup },
    {
      title: "a dump of another table",
      dumped: dumpOf("postgres", "--table=public.nothing"),
      open: [],
      closed: { dump: /no rows of/ },
    },
    {
      title: "a dump of another database",
      dumped: dumpOf("template1"),
      open: [],
      closed: { dump: /database template1/ },
    },
    {
      title: "a dump, and a table without a key",
      table: "create table T (id int, note text)",
      dumped: dumpOf("postgres"),
      open: [],
      closed: { dump: /no key/ },
    },
    {
      title: "a dump that is not there",
      dumped: () => Promise.resolve("/nowhere/dump"),
      open: [],
      closed: { dump: /no dump/ },
    },
    { title: "the extension is there", open: ["pg-dirtyread", "page-transplant"], closed: noBackup },
    {
      title: "and the machine has no programs",
      withoutPrograms: true,
      open: ["pg-dirtyread"],
      closed: { "page-transplant": /no PostgreSQL/ },
    },
    {
      title: "and a type of an extension",
      table: extensionType,
      open: ["pg-dirtyread"],
      closed: { "page-transplant": /note/ },
    },
    { title: "and a role that is no superuser", who: "replicator", open: [], closed: { "pg-dirtyread": /./ } },
  ];
  describe("what doctor said", () => {
    test.each(cases.map((one, nth) => [one.title, one, `d${nth}`] as const))("%s", async (_, truth, name) => {
      const { asked, found } = await beforeAndAfter(server, sql, name, truth);
      expectTruth(asked, found, truth.open, truth.closed);
    });
  });
});
