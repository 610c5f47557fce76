import { afterAll, beforeAll, expect, test } from "vitest";
import { fromTable, lockFreeShape, rowKey, tableShape } from "../../../src/engines/postgres/catalogue.ts";
import { usualMajor as major } from "../../support/postgres.ts";
import { startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

test("a shape tells columns as the row on disk has them, dropped ones too", async () => {
  const g =
    await grounds.fresh(`create type mood as enum ('ok'); create table t (id int generated always as identity, "Odd ""C" varchar(7)[] not null,
    gone int, m mood, s int generated always as (1) stored, v int generated always as (2) virtual, c text collate "C"); alter table t drop gone`);
  const { columns, kind, ancestors, rowSecurity } = await tableShape(g.sql, "public.t");
  expect({ kind, ancestors, rowSecurity }).toEqual({ kind: "table", ancestors: ["public.t"], rowSecurity: false });
  expect(columns.map((one) => [one.quoted, one.type, one.notNull, one.identity, one.generated, one.dropped])).toEqual([
    ["id", "integer", true, "a", "", false],
    [`"Odd ""C"`, "character varying(7)[]", true, "", "", false],
    [`"........pg.dropped.3........"`, "-", false, "", "", true],
    ["m", "public.mood", false, "", "", false],
    ["s", "integer", false, "", "s", false],
    ["v", "integer", false, "", major < 18 ? "s" : "v", false],
    ["c", "text", false, "", "", false],
  ]);
  expect(columns.map((one) => one.collation).filter((one) => one !== null)).toEqual([
    'pg_catalog."default"',
    'pg_catalog."C"',
  ]);
});

test("the row key is the primary key; else a unique key that holds for every row; else there is none", async () => {
  const g = await grounds.fresh(`create table a (id int primary key, code int not null unique);
    create table b (code int not null, other int unique, part int not null); create unique index b_part on b (part) where part > 0;
    create unique index b_expr on b ((part + 1)); create unique index b_code on b (code, part);
    create table c (code int unique); create table d (id int not null, unique (id) deferrable); create table e (x int)`);
  const keys: Record<string, string | undefined> = {};
  for (const table of ["a", "b", "c", "d", "e"]) keys[table] = rowKey(await tableShape(g.sql, `public.${table}`))?.name;
  expect(keys).toEqual({ a: "a_pkey", b: "b_code", c: undefined, d: "d_id_key", e: undefined });
});

test("unique keys carry the operator and collation of their index, and every column they read", async () => {
  const g = await grounds.fresh(`create table t (id int, a text, b text, live bool);
    create unique index x on t (lower(a) collate "C", id) nulls not distinct where live and b is not null`);
  const [key] = (await tableShape(g.sql, "public.t")).uniqueKeys;
  expect(key).toMatchObject({
    name: "x",
    primary: false,
    valid: true,
    nullsEqual: major >= 15,
    method: "btree",
    uses: ["a", "b", "id", "live"],
  });
  expect(key?.parts).toEqual([
    { text: "lower(a)", column: null, collation: 'pg_catalog."C"', equals: "operator(pg_catalog.=)" },
    { text: "id", column: "id", collation: null, equals: "operator(pg_catalog.=)" },
  ]);
  expect(key?.predicate).toContain("live");
});

test("foreign keys name each parent once, though a partitioned parent has one per partition", async () => {
  const g = await grounds.fresh(`create table p (id int, day int, primary key (id, day)) partition by range (day);
    create table p1 partition of p for values from (0) to (10); create table p2 partition of p for values from (10) to (20);
    create table t (id int primary key, p_id int, p_day int, up int references t, foreign key (p_id, p_day) references p);
    create table c (id int references t not enforced)`);
  const { foreignKeys } = await tableShape(g.sql, "public.t");
  expect(
    foreignKeys.map((key) => [key.parent, key.parentKind, key.pairs.map((one) => [one.childQuoted, one.parentQuoted])]),
  ).toEqual([
    [
      "public.p",
      "partitioned",
      [
        ["p_id", "id"],
        ["p_day", "day"],
      ],
    ],
    ["public.t", "table", [["up", "id"]]],
  ]);
  expect((await tableShape(g.sql, "public.c")).foreignKeys).toHaveLength(major < 18 ? 1 : 0);
  const leaf = await tableShape(g.sql, "public.p1");
  expect(leaf.ancestors).toEqual(["public.p1", "public.p"]);
  expect([fromTable(leaf), fromTable(await tableShape(g.sql, "public.p"))]).toEqual(["only public.p1", "public.p"]);
});

test("the lock-free shape waits for nobody, the whole one only as long as the session allows", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, a text); create unique index on t (lower(a)); create table u (id int primary key)",
  );
  await g.sql.run("locking", "begin; lock table public.t, public.u in access exclusive mode");
  const other = await g.target.open("reading", { lock_timeout: "200ms" });
  expect((await lockFreeShape(other, "public.t")).uniqueKeys.map((key) => key.name)).toEqual(["t_pkey"]);
  expect((await tableShape(other, "public.u")).uniqueKeys).toHaveLength(1);
  await expect(tableShape(other, "public.t")).rejects.toMatchObject({ record: { code: "HF-PG-LOCK-TIMEOUT" } });
  await g.sql.run("letting go", "rollback");
});

test("an unknown table, a view and hostile text are coded faults", async () => {
  const g = await grounds.fresh("create view v as select 1; create table t ()");
  for (const name of ["public.nothing", "public.v", "public.t; drop table public.t"]) {
    const failed = tableShape(g.sql, name);
    await expect(failed).rejects.toHaveProperty("record.code", expect.stringMatching(/^HF-(TABLE-UNKNOWN|PG-42)/));
  }
  expect(await g.content("public.t")).toEqual([]);
});
