import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fault } from "../../../src/core/errors.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import type { Lease, LeaseKeeper } from "../../../src/core/lease.ts";
import { spread } from "../../../src/engines/postgres/rescue-area/sample.ts";
import { rescueAreaKeepers } from "../../../src/engines/postgres/rescue-area.ts";
import { type Ground, type Lost, quiet, startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

const ten =
  "create table t (id int primary key, a text); insert into t select g, 'x' || g from generate_series(1, 10) g";
const kindOf = (g: Ground, name: string) =>
  g.sql.row("looking", "select relpersistence::text as kind from pg_class where oid = to_regclass($1)", [
    `${g.area.name(g.run)}.${name}`,
  ]);

async function take(
  g: Ground,
  ...lost: readonly Lost[]
): Promise<{ readonly lease: Lease; readonly keeper: LeaseKeeper }> {
  const part = g.area.part(g.run, lost);
  const facts = await part.take();
  const keeper = rescueAreaKeepers(g.target)["rescue-area"] as LeaseKeeper;
  return { lease: { ...part.lease, id: "l1", step: "rescue", facts }, keeper };
}

test("rows wait in a schema of the run, with an ordinal in key order, counted and with a digest that any order gives", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id desc");
  await take(g, lost);
  const filled = await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  expect(filled).toMatchObject({ rows: 10, bytes: Buffer.byteLength(lost.text) });
  expect(g.area.name(g.run)).toBe(`holdfast_rescue_${g.run.replaceAll("-", "").slice(-12)}`);
  const kept = await g.content(`${g.area.name(g.run)}.t1`);
  expect(kept).toEqual(expect.arrayContaining(["(1,10,x10)", "(10,1,x1)"]));
  const lines = lost.text.trimEnd().split("\n").toReversed().join("\n");
  const turned = { ...lost, stream: () => Readable.from([`${lines}\n`]) };
  const again = await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, turned.stream()));
  expect(again).toEqual(filled);
  const other = await g.marked((tx) =>
    g.area.fill(tx, g.run, lost.table, lost.columns, Readable.from([lost.text.replace("x3", "x4")])),
  );
  expect(other.digest).not.toBe(filled.digest);
});

test("the file has the same rows as the area, to be read by this account alone", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  const { lease } = await take(g, lost);
  await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  const { folder } = lease.facts as JsonObject & { folder: string };
  expect(path.dirname(folder)).toBe(g.scratch);
  expect(readFileSync(path.join(folder, "t1.copy"), "utf8")).toBe(lost.text);
  expect(JSON.parse(readFileSync(path.join(folder, "tables.json"), "utf8"))).toEqual([
    { file: "t1.copy", table: "public.t", columns: ["id", "a"] },
  ]);
  expect([folder, path.join(folder, "t1.copy")].map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o600]);
});

test("a fill that was killed half-way leaves nothing, and the next one begins at the first ordinal", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  await take(g, lost);
  const broken = async function* () {
    yield Buffer.from("1\tone\n2\ttwo\n3\t");
    throw new Fault("HF-EVIDENCE-GONE", "the evidence ended");
  };
  const failing = g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, Readable.from(broken())));
  await expect(failing).rejects.toMatchObject({ record: { code: "HF-EVIDENCE-GONE" } });
  const killed = g.marked(async (tx) => {
    await g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream());
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  expect(await g.content(`${g.area.name(g.run)}.t1`)).toEqual([]);
  await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  expect(await g.content(`${g.area.name(g.run)}.t1`)).toContain("(1,1,x1)");
});

test("a value that the server refuses is in no message", async () => {
  const g = await grounds.fresh("create table t (id int primary key)");
  const lost = await g.lose("public.t", "true", "id");
  await take(g, lost);
  const failing = g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, Readable.from(["4711secret\n"])));
  const error = (await failing.catch((thrown: unknown) => thrown)) as Fault;
  expect(error.record.code).toBe("HF-PG-22P02");
  expect(JSON.stringify(error.record)).not.toContain("4711secret");
});

test("the columns keep their types and collations, and lose what would refuse a row", async () => {
  const g =
    await grounds.fresh(`create table t (id int primary key check (id > 0), "B b" varchar(3) collate "C" not null default 'x', n numeric(6, 2) unique);
    insert into t values (1, 'abc', 1.10)`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  const found = await g.sql.rows(
    "looking",
    `select format_type(atttypid, atttypmod) as type, attcollation::regcollation::text as collation, attnotnull::text as fixed, atthasdef::text as def
     from pg_attribute where attrelid = to_regclass($1) and attnum > 1 order by attnum`,
    [`${g.area.name(g.run)}.t1`],
  );
  expect(found.map((row) => Object.values(row))).toEqual([
    ["integer", "-", "false", "false"],
    ["character varying(3)", '"C"', "false", "false"],
    ["numeric(6,2)", "-", "false", "false"],
  ]);
});

test("making the area locks no table of the user's: it is made while another session holds them all", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, a text); create unique index on t (lower(a)); insert into t values (1, 'x')",
  );
  const lost = await g.lose("public.t", "true", "id");
  await g.sql.run("locking", "begin; lock table public.t in access exclusive mode");
  await g.rescue(lost);
  await g.sql.run("letting go", "rollback");
  expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([{ willInsert: 1 }]);
});

test("the lease is found by its name, taken twice without harm, and given back with its files", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  const { lease, keeper } = await take(g, lost);
  await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  expect((await take(g, lost)).lease.facts).toEqual(lease.facts);
  expect(await g.content(`${g.area.name(g.run)}.t1`)).toHaveLength(10);
  expect(await keeper.find(lease)).toBe("present");
  await keeper.release(lease);
  await keeper.release(lease);
  expect(await keeper.find(lease)).toBe("absent");
  expect(existsSync((lease.facts as { folder: string }).folder)).toBe(false);
});

test("killed between its schema and its files, the lease is still there, and giving it back again removes the files", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  const { lease } = await take(g, lost);
  await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  const { folder } = lease.facts as { folder: string };
  const reached = (point: string) => {
    if (point === "lease.half:rescue-area") throw new Error("killed");
  };
  const keeperOf = (target: Ground["target"]) => rescueAreaKeepers(target)["rescue-area"] as LeaseKeeper;
  const dying = keeperOf({ ...g.target, request: { ...g.target.request, reached } });
  await expect(dying.release(lease)).rejects.toThrow("killed");
  const schemas = await g.sql.rows("looking", "select from pg_namespace where nspname = $1", [g.area.name(g.run)]);
  expect([schemas, existsSync(folder)]).toEqual([[], true]);
  const after = keeperOf(g.target);
  expect(await after.find(lease)).toBe("present");
  await after.release(lease);
  expect([await after.find(lease), existsSync(folder)]).toEqual(["absent", false]);
});

test("a schema of that name which is not ours is neither used nor dropped", async () => {
  const g = await grounds.fresh(ten);
  const name = g.area.name(g.run);
  await g.sql.run(
    "somebody else's",
    `create schema ${name}; create table ${name}.theirs (); comment on schema ${name} is 'Holdfast rescue area of run other'`,
  );
  const lost = await g.lose("public.t", "true", "id");
  await expect(g.area.part(g.run, [lost]).take()).rejects.toMatchObject({ record: { code: "HF-PG-RESCUE-FOREIGN" } });
  const keeper = rescueAreaKeepers(g.target)["rescue-area"] as LeaseKeeper;
  const lease = { ...g.area.part(g.run, [lost]).lease, id: "l1", step: "rescue" };
  expect(await keeper.find(lease)).toBe("present"); // its folder, made before the schema was looked at
  await keeper.release(lease);
  expect(await keeper.find(lease)).toBe("absent");
  expect(await g.content(`${name}.theirs`)).toEqual([]);
});

test("a publication for all tables gets nothing of ours: the area is unlogged, and the lease says so", async () => {
  const g = await grounds.fresh(`${ten}; create publication everything for all tables`);
  const lost = await g.lose("public.t", "true", "id");
  const { lease } = await take(g, lost);
  await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, lost.stream()));
  expect(lease.facts).toMatchObject({ unlogged: true });
  expect(lease.words).toContain("unlogged");
  for (const name of ["t1", "x1", "o1"]) expect(await kindOf(g, name), name).toEqual({ kind: "u" });
  const published = await g.sql.rows(
    "looking",
    "select tablename as name from pg_publication_tables where schemaname like 'holdfast%'",
  );
  expect(published).toEqual([]);
});

test("without such a publication the area is logged", async () => {
  const g = await grounds.fresh(`${ten}; create publication one for table t`);
  await take(g, await g.lose("public.t", "true", "id"));
  for (const name of ["t1", "x1", "o1"]) expect(await kindOf(g, name), name).toEqual({ kind: "p" });
});

test("an area that a crash emptied is told, and nothing is merged or proved from it", async () => {
  const g = await grounds.fresh(ten);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("as a crash leaves an unlogged table", `truncate ${g.area.name(g.run)}.t1`);
  const emptied = { record: { code: "HF-PG-RESCUE-EMPTIED" } };
  await expect(g.area.check(g.run, ["public.t"], quiet)).rejects.toMatchObject(emptied);
  await expect(g.mergeAll("public.t")).rejects.toMatchObject(emptied);
  await expect(g.merge.verify(g.run, ["public.t"], quiet)).rejects.toMatchObject(emptied);
});

test("a table without a usable key is weighed by its content; given a key afterwards, it is compared by that", async () => {
  const g = await grounds.fresh("create table t (a int unique, b text); insert into t values (1, 'x')");
  await g.rescue(await g.lose("public.t", "true", "a"));
  const whole = { rows: 1, missing: 1, identical: 0, remade: 0, willInsert: 1, findings: [] };
  expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([whole]);
  await g.sql.run("giving it a key", "alter table public.t alter b set not null, add unique (b)");
  expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([whole]);
  await g.mergeAll("public.t");
  expect(await g.sql.rows("looking", "select a, b from public.t")).toEqual([{ a: "1", b: "x" }]);
});

test("a key that came back twice is a stop, counted", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  await g.rescue({ ...lost, stream: () => Readable.from([`${lost.text}3\tother\n3\tthird\n`]) });
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ rows: 12, missing: 12, duplicates: 2, willInsert: 10 });
  expect(checked?.findings).toMatchObject([{ level: "stop" }]);
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 10, left: 2 });
});

test("a sample has the ends and what is between, each beside today's row of the same key", async () => {
  const g = await grounds.fresh(`${ten}; insert into t values (11, null)`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("made again", "insert into public.t values (6, ''), (11, 'now')");
  expect(await g.area.sample(g.run, "public.t", 3)).toEqual([
    { rescued: { id: "1", a: "x1" }, present: null },
    { rescued: { id: "6", a: "x6" }, present: { id: "6", a: "" } },
    { rescued: { id: "11", a: null }, present: { id: "11", a: "now" } },
  ]);
  expect([spread(10, 1), spread(2, 5), spread(0, 5), spread(10, 0)]).toEqual([["1"], ["1", "2"], [], []]);
});

test("the safety copy notes exactly the keys that the merge then inserts", async () => {
  const g = await grounds.fresh(
    "create table t (b text, a int, code int unique, primary key (a, b)); insert into t select 'k', g, g from generate_series(1, 10) g",
  );
  await g.rescue(await g.lose("public.t", "true", "a"));
  await g.sql.run("in the way", "insert into public.t values ('k', 2, 2), ('k', 3, 33), ('k', 99, 4)");
  const copy = () => g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t"));
  expect(await copy()).toEqual({ keys: 7, overwritten: 0 });
  expect(await copy()).toEqual({ keys: 7, overwritten: 0 });
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ identical: 1, remade: 1, otherUnique: 1, willInsert: 7 });
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 7 });
  const noted = await g.sql.rows(
    "looking",
    `select a::text as a from ${g.area.name(g.run)}.s1 where b = 'k' order by a::int`,
  );
  expect(noted.map((row) => row["a"])).toEqual(["1", "5", "6", "7", "8", "9", "10"]);
  expect(await g.content(`${g.area.name(g.run)}.o1`)).toEqual([]);
});

test("a check that is cancelled ends at once and leaves no session behind", async () => {
  const g = await grounds.fresh(ten);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("locking", "begin; lock table public.t in access exclusive mode");
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  await expect(g.area.check(g.run, ["public.t"], { ...quiet, signal: stop.signal })).rejects.toMatchObject({
    record: { code: "HF-PG-CANCELLED" },
  });
  await g.sql.run("letting go", "rollback");
});

test("many rows go through with little memory, in order", async () => {
  const g = await grounds.fresh("create table t (id int primary key, a text)");
  const lost = await g.lose("public.t", "true", "id");
  await take(g, lost);
  const many = function* () {
    for (let at = 0; at < 300; at += 1)
      yield Buffer.from(Array.from({ length: 1000 }, (_n, n) => `${at * 1000 + n}\t${"y".repeat(200)}\n`).join(""));
  };
  const before = process.memoryUsage().rss;
  const filled = await g.marked((tx) => g.area.fill(tx, g.run, lost.table, lost.columns, Readable.from(many())));
  expect(filled.rows).toBe(300_000);
  expect(filled.bytes).toBeGreaterThan(60_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  const place = `${g.area.name(g.run)}.t1`;
  expect(await g.sql.row("looking", `select count(*)::text as n from ${place} where holdfast_n <> id + 1`)).toEqual({
    n: "0",
  });
});

test("storing a row runs no code of the table's owner: a domain's CHECK waits for the merge", async () => {
  const g = await grounds.fresh(`create sequence public.ran;
    create function public.ok(text) returns boolean language sql volatile as 'select nextval(''public.ran'') > 0';
    create domain public.word as text check (public.ok(value)); create domain public.longword as public.word;
    create table public.t (id int primary key, w public.longword); insert into public.t select n, 'w' || n from generate_series(1, 9) n`);
  const calls = async () => (await g.sql.row("asking", "select last_value::text as n from public.ran"))["n"];
  const before = await calls();
  await g.rescue(await g.lose("public.t", "id > 2", "id"));
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ rows: 7, missing: 7, willInsert: 7 });
  expect(await calls()).toBe(before);
  await g.mergeAll("public.t");
  expect((await g.merge.verify(g.run, ["public.t"], quiet))[0]).toMatchObject({ rescued: 7, equal: 7 });
});

test("what the merge did corrects what the safety copy foresaw: a row that the application made meanwhile is not ours to take back", async () => {
  const g = await grounds.fresh("create table t (id int primary key, code text unique)");
  const text = "1\tx\n2\ta\n3\tb\n4\tx\n";
  const columns = ["id", "code"];
  await g.rescue({ table: "public.t", columns, text, stream: () => Readable.from([Buffer.from(text)]) });
  expect(await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t"))).toMatchObject({ keys: 3 });
  await g.sql.run("the application", "insert into public.t values (3, 'later')");
  const merged = (after: number, upTo: number) =>
    g.marked((tx) => g.merge.batch(tx, { run: g.run, table: "public.t", triggers: "fire", upTo }, after, 1000));
  expect(await merged(2, 4)).toMatchObject({ inserted: 1, left: 1 }); // the second part first
  expect(await merged(0, 2)).toMatchObject({ inserted: 1, left: 1 });
  const ids = async (table: string) =>
    (await g.sql.rows("looking", `select id::text from ${table} order by 1`)).map(({ id }) => id);
  expect(await ids("public.t")).toEqual(["2", "3", "4"]);
  expect(await ids(`${g.area.name(g.run)}.s1`)).toEqual(["2", "4"]);
});

test("rows that a trigger swallows are not among those that can be taken back", async () => {
  const g = await grounds.fresh(`${ten}; create function no() returns trigger language plpgsql as
    'begin return case when new.id = 4 then null else new end; end'`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t"));
  await g.sql.run(
    "making a trigger",
    "create trigger no before insert on public.t for each row execute function public.no()",
  );
  expect(await g.mergeAll("public.t", "fire", 3)).toMatchObject({ inserted: 9 });
  const kept = await g.sql.row("looking", `select count(*)::text as n from ${g.area.name(g.run)}.s1`);
  const four = await g.sql.rows("looking", `select id from ${g.area.name(g.run)}.s1 where id = 4`);
  expect([kept["n"], four]).toEqual(["9", []]);
});

test("default privileges open neither the rescue area nor the markers to others", async () => {
  const g = await grounds.fresh(ten);
  await g.sql.client
    .query(`do $$begin if not exists (select from pg_roles where rolname = 'reporting') then create role reporting login; end if; end$$;
    alter default privileges grant usage on schemas to reporting, public;
    alter default privileges grant all on tables to reporting, public;
    alter default privileges grant all on sequences to reporting`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t"));
  const area = g.area.name(g.run);
  const may = await g.sql.row(
    "asking",
    `select has_schema_privilege('reporting', '${area}', 'usage') as schema, bool_or(has_table_privilege('reporting', c.oid, 'select,update,truncate')) as tables
       from pg_class c where relnamespace = '${area}'::regnamespace and relkind in ('r', 'v')`,
  );
  expect(may).toEqual({ schema: "f", tables: "f" });
});

test("what a check foretells of rows is over once they are written; what it found of the table's shape is not", async () => {
  const g = await grounds.fresh(ten);
  const lost = await g.lose("public.t", "true", "id");
  await g.sql.run("a column that came since", "alter table public.t add price int not null default 0");
  await g.sql.run("a key that was used again", "insert into public.t values (1, 'other')");
  await g.rescue(lost);
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  const untilOf = (words: string) => checked?.findings.find(({ text }) => text.includes(words));
  expect(untilOf("made again since")).toMatchObject({ until: "written" });
  expect(untilOf("price was not among the recovered columns")).toEqual({ level: "warn", text: expect.any(String) });
});
