import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { usualMajor } from "../../support/postgres.ts";
import { quiet, startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

/** Every kind of value that a driver, a float or a quoting mistake would change. */
const everyValue = `
  create type mood as enum ('ok', 'so so');
  create type pair as (a int, b text);
  create domain short as text check (length(value) < 10);
  create table things (
    id int primary key, at timestamptz, day timestamp, n numeric, scaled numeric(10, 4), f float8, j json, jb jsonb, b bytea,
    list int[], words text[], span tstzrange, m mood, p pair, d short, t text, x xml, pt point, i interval, c char(5), dead int,
    vec tsvector, u uuid, ip inet, bits varbit, mr int4multirange, cash money);
  alter table things drop column dead;
  insert into things (id, at, day, n, scaled, f, j, jb, b, list, words, span, m, p, d, t, x, pt, i, c, vec, u, ip, bits, mr, cash) values
  (1, '2026-01-02 03:04:05.678901+00', 'infinity', 'NaN', 1.5, '-0', '{"a" :  1, "a":2}', '{"a": 1.10}', '\\x00ff5c0a',
   '[3:4]={1,NULL}', '{"a,b","NULL",NULL,""}', '[2026-01-01,infinity)', 'so so', '(1,)', 'kurz', E'back\\\\slash\\ttab\\nline\\rret',
   '<a  b="1"/>', '(0.1,-0)', '1 mon -1 day 00:00:00.000001', 'ab', 'a:1 b:2', gen_random_uuid(), '::1/128', '101', '{[1,3),[5,6)}', 12.34),
  (2, '-infinity', '4713-01-01 BC', '-Infinity', null, 'NaN', 'null', 'null', '', '{}', null, 'empty', 'ok', null, '', '', null, null,
   '-178000000 years', '', '', null, null, '', '{}', null),
  (3, null, null, 1e-20, 0.1000, 1e-320, null, null, null, null, '{{a,b},{c,d}}', null, null, row(null, 'x'), null, E'\\\\.', null, null, null, null,
   null, null, null, null, null, null),
  (4, null, null, 1.10, 0.1, 0.1, '"\\u0041"', '"e"', null, '{{{1}}}', null, null, null, row(2, ''), null, E'\\\\N', null, null, null, null,
   null, null, null, null, null, null)`;

test("every value comes back to the digit, and verify says so", async () => {
  const g = await grounds.fresh(everyValue);
  const before = await g.content("public.things");
  await g.rescue(await g.lose("public.things", "true", "id"));
  expect(await g.mergeAll("public.things")).toEqual({ inserted: 4, left: 0, batches: 1, upTo: 4, done: true });
  expect(await g.content("public.things")).toEqual(before);
  const [verified] = await g.merge.verify(g.run, ["public.things"], quiet);
  expect(verified).toMatchObject({ rescued: 4, equal: 4, different: 0, absent: 0 });
  expect(verified?.findings.map((one) => one.level)).toEqual(["ok"]);
});

test("a difference that SQL equality overlooks is a difference", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, f float8, n numeric, j json); insert into t values (1, '-0', 1.10, '{}')",
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.mergeAll("public.t");
  for (const change of ["f = 0", "n = 1.1", "j = '{ }'"]) {
    await g.sql.run("begin", "begin");
    await g.sql.run("changing", `update public.t set ${change}`);
    await g.sql.run("commit", "commit");
    const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
    expect(verified, change).toMatchObject({ equal: 0, different: 1, absent: 0 });
    await g.sql.run("back", "update public.t set f = '-0', n = 1.10, j = '{}'");
  }
});

test("identity ALWAYS and generated columns come back, stored and virtual ones by the server's own expression", async () => {
  const g = await grounds.fresh(`create table t (id bigint generated always as identity primary key, a int,
      twice int generated always as (a * 2) stored, thrice int generated always as (a * 3) virtual);
    insert into t (a) select g from generate_series(1, 10) g`);
  const before = await g.content("public.t");
  await g.rescue(await g.lose("public.t", "id <= 7", "id"));
  expect((await g.mergeAll("public.t", "fire", 3)).batches).toBe(3);
  expect(await g.content("public.t")).toEqual(before);
});

test("sequences move forward to the rescued values, and never back", async () => {
  const g = await grounds.fresh(`create table t (id serial primary key, a int generated always as identity,
      down int default 0); create sequence public.down_seq increment -1 owned by t.down;
    insert into t (id, a, down) overriding system value values (500, 3, -20), (2, 900, -3); select setval('t_id_seq', 90), setval('t_a_seq', 1000)`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  const request = { run: g.run, table: "public.t", triggers: "fire" as const };
  const moved = await g.marked((tx) => g.merge.sequences(tx, request));
  expect(moved).toEqual([
    { sequence: "public.t_id_seq", from: "90", to: "500" },
    { sequence: "public.down_seq", from: "-1", to: "-20" },
  ]);
  expect(await g.marked((tx) => g.merge.sequences(tx, request))).toEqual([]);
  const next =
    "select nextval('public.t_id_seq')::text as a, nextval('public.t_a_seq')::text as b, nextval('public.down_seq')::text as c";
  expect(await g.sql.row("drawing", next)).toEqual({ a: "501", b: "1001", c: "-21" });
});

test("a session that draws from a sequence while it is moved waits, so it is never moved back", async () => {
  const g = await grounds.fresh("create table t (id serial primary key); insert into t values (100)");
  await g.rescue(await g.lose("public.t", "true", "id"));
  const drawn = await g.marked(async (tx) => {
    await g.merge.sequences(tx, { run: g.run, table: "public.t", triggers: "fire" });
    await g.sql.run("limit", "set lock_timeout = '200ms'");
    return g.sql.run("drawing", "select nextval('public.t_id_seq')").catch((error: unknown) => error);
  });
  expect(drawn).toMatchObject({ record: { code: "HF-PG-LOCK-TIMEOUT" } });
});

const withTrigger = `create table log (n serial primary key, what text);
  create table t (id int primary key, a int, changed timestamptz);
  create function note() returns trigger language plpgsql as $$begin insert into log (what) values (new.id); return new; end$$;
  create function touch() returns trigger language plpgsql as $$begin new.changed := now(); return new; end$$;
  insert into t select g, g, '2020-01-01' from generate_series(1, 5) g;
  create trigger noting after insert on t for each row execute function note();
  create trigger touching before insert or update on t for each row execute function touch();
  create trigger asleep after insert on t for each row execute function note(); alter table t disable trigger asleep;
  create trigger other after delete on t for each row execute function touch()`;

test("triggers that an INSERT fires are listed by name, and no other", async () => {
  const g = await grounds.fresh(`${withTrigger}; alter table t enable always trigger noting`);
  expect(await g.merge.triggers(["public.t", "public.log"])).toEqual([
    {
      table: "public.t",
      name: "noting",
      words: "AFTER INSERT, for each row, calls public.note(); fires with skip too (ENABLE ALWAYS)",
    },
    { table: "public.t", name: "touching", words: "BEFORE INSERT, for each row, calls public.touch()" },
  ]);
});

test("fired triggers find the application's names by its own search path, and verify tells what they changed", async () => {
  const g = await grounds.fresh(withTrigger);
  await g.rescue(await g.lose("public.t", "id > 2", "id"));
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 3, left: 0 });
  expect(await g.content("public.log")).toHaveLength(3);
  const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
  expect(verified).toMatchObject({ rescued: 3, equal: 0, different: 3, absent: 0 });
});

test("a search path that the database sets wins over the server's default", async () => {
  const g = await grounds.fresh(`create schema app; create table app.log (what text);
    create table t (id int primary key); insert into t values (1);
    create function note() returns trigger language plpgsql as $$begin insert into log values (new.id); return new; end$$;
    create trigger noting after insert on t for each row execute function note();
    do $$begin execute format('alter database %I set search_path = app, public', current_database()); end$$`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.mergeAll("public.t");
  expect(await g.content("app.log")).toEqual(["(1)"]);
});

test("what a trigger's own write is refused is no conflict of the row: the batch is taken back, and goes through once that is mended", async () => {
  const g = await grounds.fresh(`create table public.log (what int primary key); insert into public.log values (4);
    create table public.t (id int primary key); insert into public.t select generate_series(1, 5);
    create function public.note() returns trigger language plpgsql as $$begin insert into public.log values (new.id); return new; end$$;
    create trigger noting after insert on public.t for each row execute function public.note()`);
  await g.rescue(await g.lose("public.t", "id > 2", "id"));
  await expect(g.mergeAll("public.t")).rejects.toMatchObject({
    record: { code: "HF-PG-23505", subject: "public.log" },
  });
  expect(await g.content("public.t")).toHaveLength(2);
  await g.sql.run("mending", "delete from public.log");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 3, left: 0 });
});

test("skipped triggers do nothing, and the rows are equal", async () => {
  const g = await grounds.fresh(withTrigger);
  const before = await g.content("public.t");
  await g.rescue(await g.lose("public.t", "id > 2", "id"));
  await g.mergeAll("public.t", "skip");
  expect(await g.content("public.log")).toEqual([]);
  expect(await g.content("public.t")).toEqual(before);
});

test.each(["fire", "skip"] as const)(
  "with %s, rows without a parent stay out and are counted by the key",
  async (triggers) => {
    const g =
      await grounds.fresh(`create table parent (id int primary key); create table child (id int primary key, parent int references parent);
    insert into parent select generate_series(1, 10); insert into child select g, nullif(g, 7) from generate_series(1, 10) g`);
    const lost = await g.lose("public.child", "true", "id");
    await g.sql.run("a parent goes for good", "delete from public.parent where id in (2, 3)");
    await g.rescue(lost);
    const [checked] = await g.area.check(g.run, ["public.child"], quiet);
    expect(checked).toMatchObject({ missing: 10, orphans: 2, willInsert: 8 });
    expect(await g.mergeAll("public.child", triggers, 4)).toMatchObject({ inserted: 8, left: 2, batches: 3 });
    const [verified] = await g.merge.verify(g.run, ["public.child"], quiet);
    expect(verified).toMatchObject({ equal: 8, absent: 2 });
    expect(verified?.findings.find((one) => one.text.includes("child_parent_fkey"))).toMatchObject({ level: "warn" });
  },
);

test("verify tells a row whose parent is gone although foreign keys were off", async () => {
  const g =
    await grounds.fresh(`create table parent (id int primary key); create table child (id int primary key, parent int references parent);
    insert into parent values (1); insert into child values (1, 1)`);
  await g.rescue(await g.lose("public.child", "true", "id"));
  await g.mergeAll("public.child", "skip");
  await g.sql.run(
    "deleting past the key",
    "set session_replication_role = replica; delete from public.parent; reset session_replication_role",
  );
  const [verified] = await g.merge.verify(g.run, ["public.child"], quiet);
  expect(verified?.findings).toContainEqual(
    expect.objectContaining({ level: "stop", text: expect.stringContaining("HF-PG-ORPHANS") }),
  );
});

test("a child whose rescued parent can't be merged stays out too", async () => {
  const g =
    await grounds.fresh(`create table parent (id int primary key, code text unique); create table child (id int primary key, parent int references parent);
    insert into parent values (1, 'a'), (2, 'b'); insert into child values (1, 1), (2, 2)`);
  const children = await g.lose("public.child", "true", "id");
  const parents = await g.lose("public.parent", "true", "id");
  await g.sql.run("the code is taken", "insert into public.parent values (9, 'a')");
  await g.rescue(children, parents);
  expect(await g.merge.order(["public.child", "public.parent"])).toEqual(["public.parent", "public.child"]);
  const [child, parent] = await g.area.check(g.run, ["public.child", "public.parent"], quiet);
  expect(parent).toMatchObject({ missing: 2, otherUnique: 1, willInsert: 1 });
  expect(child).toMatchObject({ missing: 2, orphans: 1, willInsert: 1 });
  expect(child?.findings.map(({ text }) => text)).toEqual([
    "public.child: 1 row can't be merged: the parent by child_parent_fkey was rescued, and stays out of the merge itself",
  ]);
  expect(await g.mergeAll("public.parent")).toMatchObject({ inserted: 1, left: 1 });
  expect(await g.mergeAll("public.child")).toMatchObject({ inserted: 1, left: 1 });
});

test("rows made again since are never changed, and told from equal ones", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, a text); insert into t values (1, 'x'), (2, 'x'), (3, 'x')",
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("made again", "insert into public.t values (1, 'x'), (2, 'new')");
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ rows: 3, missing: 1, identical: 1, remade: 1, willInsert: 1 });
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 1, left: 2 });
  expect(await g.content("public.t")).toEqual(["(1,x)", "(2,new)", "(3,x)"]);
  const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
  expect(verified).toMatchObject({ equal: 2, different: 1, remade: 1, absent: 0 });
});

test("a row that came back and was changed since is told from one whose key was used again, and so is in a table", async () => {
  const g = await grounds.fresh("create table t (id int primary key, a text); insert into t values (1, 'x'), (2, 'x')");
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("made again", "insert into public.t values (1, 'new')");
  await g.mergeAll("public.t");
  await g.sql.run("traffic", "update public.t set a = 'later'");
  const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
  expect(verified).toMatchObject({ equal: 0, different: 2, remade: 1, absent: 0 });
  expect(verified?.findings.map(({ level, text }) => [level, text])).toEqual([
    ["warn", "public.t: 1 key was used again since, with other values: its rescued row is in no table"],
    ["warn", "public.t: 1 row came back, and has other values by now"],
  ]);
});

test("unique indexes on expressions, parts of a table and equal NULLs keep rows out, each by name", async () => {
  const g = await grounds.fresh(`create table t (id int primary key, email text, live bool, code int);
    create unique index by_email on t (lower(email)) where live; create unique index by_code on t (code) nulls not distinct;
    insert into t values (1, 'A@x', true, 1), (2, 'b@x', false, 2), (3, 'c@x', true, null), (4, 'd@x', true, 4)`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run(
    "taken",
    "insert into public.t values (11, 'a@X', true, 11), (12, 'B@x', true, 12), (13, 'z', true, null)",
  );
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  // Before 15 no NULL is equal to another, so nothing stands in that row's way.
  const names = usualMajor < 15 ? ["by_email"] : ["by_code", "by_email"];
  const kept = { otherUnique: names.length, willInsert: 4 - names.length };
  expect(checked).toMatchObject({ missing: 4, ...kept });
  expect(checked?.findings.map((one) => /index (\w+)/.exec(one.text)?.[1])).toEqual(names);
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: kept.willInsert, left: kept.otherUnique });
});

test("two rescued rows that claim one place in a unique index: the first has it, and the batch goes on", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, code int unique); insert into t select g, g from generate_series(1, 20) g",
  );
  const lost = await g.lose("public.t", "true", "id");
  const text = lost.text.replace("13\t13", "13\t5");
  await g.rescue({ ...lost, stream: () => Readable.from([Buffer.from(text)]) });
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ otherUnique: 1, willInsert: 19 });
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 19, left: 1 });
  expect(await g.content("public.t")).not.toContain("(13,5)");
});

test("odd names and a key of several columns, one of them in a collation of its own", async () => {
  const g =
    await grounds.fresh(`create schema "Odd ""S"; create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create table "Odd ""S"."T; drop" ("select" int, "a ""b" text collate nocase, r int, k int, holdfast_n int, primary key ("a ""b", "select"));
    insert into "Odd ""S"."T; drop" values (1, 'x', 1, 1, 1), (1, 'y', 2, 2, 2), (2, 'x', 3, 3, 3)`);
  const table = `"Odd ""S"."T; drop"`;
  await g.rescue(await g.lose(table, "true", `"a ""b", "select"`));
  await g.sql.run("made again, in capitals", `insert into ${table} values (1, 'X', 1, 1, 1)`);
  expect(await g.area.check(g.run, [table], quiet)).toMatchObject([{ missing: 2, remade: 1, willInsert: 2 }]);
  expect(await g.mergeAll(table, "fire", 1)).toMatchObject({ inserted: 2, left: 1, batches: 3 });
});

test("a partitioned table is merged by its own key, each row into its partition", async () => {
  const g =
    await grounds.fresh(`create table t (id int, day date, a text, primary key (id, day)) partition by range (day);
    create table t1 partition of t for values from ('2026-01-01') to ('2026-02-01');
    create table t2 partition of t for values from ('2026-02-01') to ('2026-03-01');
    insert into t select g, '2026-01-20'::date + g, 'x' from generate_series(1, 30) g`);
  const before = await g.content("public.t");
  await g.rescue(await g.lose("public.t", "true", "id, day"));
  expect(await g.mergeAll("public.t", "fire", 7)).toMatchObject({ inserted: 30, batches: 5 });
  expect(await g.content("public.t")).toEqual(before);
  expect(await g.merge.verify(g.run, ["public.t"], quiet)).toMatchObject([{ equal: 30, absent: 0 }]);
});

test("a partition that is gone keeps its rows out, and only them", async () => {
  const g = await grounds.fresh(`create table t (id int primary key) partition by range (id);
    create table t1 partition of t for values from (0) to (10); create table t2 partition of t for values from (10) to (20);
    insert into t select generate_series(5, 14)`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("gone", "drop table public.t2");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 5, left: 5 });
  const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
  expect(verified).toMatchObject({ equal: 5, absent: 5 });
  expect(verified?.findings).toContainEqual(
    expect.objectContaining({ level: "stop", text: expect.stringContaining("HF-PG-NOT-MERGED") }),
  );
});

test("rows of tables that inherit from the table are not taken for its own", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key); create table heir () inherits (t); insert into t values (1); insert into heir values (2)",
  );
  await g.rescue(await g.lose("public.t", "id = 1", "id", "delete from only public.t"));
  await g.sql.run("the heir has the key", "insert into public.heir values (1)");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 1 });
});

const tree = `create table t (id int primary key, up int references t);
  insert into t values (1, 9), (2, 1), (9, null), (5, 5), (6, 7), (7, 6)`;

test.each(["fire", "skip"] as const)(
  "with %s, a table that refers to itself comes back in one batch, circles and all",
  async (triggers) => {
    const g = await grounds.fresh(tree);
    const before = await g.content("public.t");
    await g.rescue(await g.lose("public.t", "true", "id"));
    expect(await g.mergeAll("public.t", triggers, 2)).toMatchObject({ inserted: 6, left: 0, batches: 1 });
    expect(await g.content("public.t")).toEqual(before);
  },
);

test.each(["fire", "skip"] as const)(
  "with %s, a branch below a row that can't come back stays out, the rest does not",
  async (triggers) => {
    const g = await grounds.fresh(`${tree}; alter table t add code int unique; update t set code = id`);
    await g.rescue(await g.lose("public.t", "true", "id"));
    await g.sql.run("taken", "insert into public.t values (99, null, 1)");
    expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([
      { otherUnique: 1, orphans: 1, willInsert: 4 },
    ]);
    expect(await g.mergeAll("public.t", triggers)).toMatchObject({ inserted: 4, left: 2 });
    expect(await g.content("public.t")).toEqual(["(5,5,5)", "(6,7,6)", "(7,6,7)", "(9,,9)", "(99,,1)"]);
  },
);

test("what the server refuses of a table that refers to itself stays out with all below it, the rest comes level by level", async () => {
  const g = await grounds.fresh(
    `create table t (id int primary key, up int references t); insert into t values (9, null), (1, 9), (2, 1), (3, 9), (4, 3)`,
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("a rule that came since", "alter table public.t add check (id <> 1)");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 3, left: 2, batches: 1 });
  expect(await g.content("public.t")).toEqual(["(3,9)", "(4,3)", "(9,)"]);
});

test("tables that refer to each other in a circle are refused, and merged with foreign keys skipped", async () => {
  const g =
    await grounds.fresh(`create table a (id int primary key, b int); create table b (id int primary key, a int references a);
    alter table a add constraint a_b foreign key (b) references b; insert into a values (1, null); insert into b values (1, 1); update a set b = 1`);
  const lostA = await g.lose("public.a", "true", "id", "set session_replication_role = replica; delete from public.a");
  const lostB = await g.lose("public.b", "true", "id", "delete from public.b; reset session_replication_role");
  await g.rescue(lostA, lostB);
  const tables = ["public.a", "public.b"];
  await expect(g.merge.order(tables)).rejects.toMatchObject({ record: { code: "HF-PG-FK-CIRCLE" } });
  for (const table of await g.merge.order(tables, "skip")) await g.mergeAll(table, "skip");
  expect(await g.merge.verify(g.run, tables, quiet)).toMatchObject([{ equal: 1 }, { equal: 1 }]);
});

test("a key that another session takes in the same moment is left to it", async () => {
  const g = await grounds.fresh(
    "create table t (id int primary key, a text, code int unique); insert into t select g, 'old', g from generate_series(1, 9) g",
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("open", "begin");
  await g.sql.run("taking a key and a code", "insert into public.t values (3, 'new', 103), (105, 'new', 5)");
  const merging = g.mergeAll("public.t");
  await new Promise((resolve) => setTimeout(resolve, 150));
  await g.sql.run("commit", "commit");
  expect(await merging).toMatchObject({ inserted: 7, left: 2 });
  expect(await g.content("public.t")).toEqual(expect.arrayContaining(["(3,new,103)", "(105,new,5)"]));
  expect(await g.content("public.t")).not.toContain("(5,old,5)");
});

test("a lock that is not given in time rolls the batch back, says so, and the batch can be repeated", async () => {
  const g = await grounds.fresh("create table t (id int primary key); insert into t select generate_series(1, 9)");
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("locking", "begin; lock table public.t in access exclusive mode");
  await expect(g.mergeAll("public.t")).rejects.toMatchObject({
    record: { code: "HF-PG-LOCK-TIMEOUT", after: "rolled-back" },
  });
  await g.sql.run("letting go", "rollback");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 9, left: 0 });
});

test("a batch whose transaction rolled back is repeated with the same numbers; one that is repeated after all inserts nothing", async () => {
  const g = await grounds.fresh("create table t (id int primary key); insert into t select generate_series(1, 9)");
  await g.rescue(await g.lose("public.t", "true", "id"));
  const request = { run: g.run, table: "public.t", triggers: "fire" as const };
  const killed = g.marked(async (tx) => {
    await g.merge.batch(tx, request, 0, 4);
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  expect(await g.content("public.t")).toEqual([]);
  expect(await g.marked((tx) => g.merge.batch(tx, request, 0, 4))).toEqual({
    upTo: 4,
    inserted: 4,
    left: 0,
    done: false,
  });
  expect(await g.marked((tx) => g.merge.batch(tx, request, 0, 4))).toMatchObject({ inserted: 0, left: 4 });
  expect(await g.marked((tx) => g.merge.batch(tx, request, 4, 5))).toEqual({
    upTo: 9,
    inserted: 5,
    left: 0,
    done: true,
  });
  expect(await g.marked((tx) => g.merge.batch(tx, request, 9, 5))).toEqual({
    upTo: 9,
    inserted: 0,
    left: 0,
    done: true,
  });
});

test("deferred constraints are checked within the batch, not at its COMMIT, and a deferrable key works without ON CONFLICT", async () => {
  const g =
    await grounds.fresh(`create table t (id int primary key deferrable initially deferred, code int unique deferrable initially deferred);
    insert into t select g, g from generate_series(1, 9) g`);
  const lost = await g.lose("public.t", "true", "id");
  await g.rescue({ ...lost, stream: () => Readable.from([lost.text.replace("8\t8", "8\t5")]) });
  await g.sql.run("one is there", "insert into public.t values (4, 4)");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 7, left: 2 });
  expect(await g.content("public.t")).not.toContain("(8,5)");
});

test("rows hidden by row security are never taken for missing: the merge is refused", async () => {
  const g = await grounds.fresh(
    `create table t (id int primary key, who text); insert into t values (1, 'a'), (2, 'b');
     alter table t enable row level security; create policy own on t using (who = 'a');
     do $$begin if not exists (select from pg_roles where rolname = 'clerk') then create role clerk login; end if;
       execute format('grant create on database %I to clerk', current_database()); end$$;
     grant select, insert, delete on t to clerk; grant usage on schema public to clerk`,
    { user: "clerk" },
  );
  await g.rescue(await g.lose("public.t", "id = 1", "id"));
  const hidden = { record: { code: "HF-PG-NOT-ALLOWED" } };
  await expect(g.mergeAll("public.t")).rejects.toMatchObject(hidden);
  await expect(g.area.check(g.run, ["public.t"], quiet)).rejects.toMatchObject(hidden);
  await expect(g.merge.verify(g.run, ["public.t"], quiet)).rejects.toMatchObject(hidden);
});

test("the statements of the preview are those that run, also before there is a rescue area", async () => {
  const g = await grounds.fresh(
    "create table t (id int generated always as identity primary key, a text, b text generated always as (a) stored); insert into t (a) values ('x')",
  );
  const request = { run: g.run, table: "public.t", triggers: "skip" as const };
  const planned = await g.merge.statements(request);
  expect(planned.join("\n")).toContain("insert into public.t (id, a) overriding system value");
  await g.rescue(await g.lose("public.t", "true", "id"));
  expect(await g.merge.statements(request)).toEqual(planned);
  const insert = planned.find((sql) => sql.startsWith("insert")) ?? "";
  expect(await g.sql.run("as it stands", insert, [0, 10])).toBe(1);
});

const withRule = (how: string) =>
  grounds.fresh(
    `create table t (id int primary key); insert into t values (1), (2); create table u (id int); create rule r as on insert to t do ${how} insert into u values (new.id)`,
  );

test("a rule that runs as well is listed, runs where triggers fire, and not where they are skipped", async () => {
  const g = await withRule("also");
  expect(await g.merge.triggers(["public.t"])).toEqual([
    { table: "public.t", name: "r", words: "rule ON INSERT DO ALSO" },
  ]);
  expect(await g.merge.closedModes(["public.t"])).toEqual({});
  await g.rescue(await g.lose("public.t", "true", "id"));
  expect(await g.mergeAll("public.t", "skip")).toMatchObject({ inserted: 2 });
  expect(await g.content("public.u")).toEqual([]);
  await g.sql.run("once more", "delete from public.t");
  expect(await g.mergeAll("public.t", "fire", 1)).toMatchObject({ inserted: 2 });
  expect(await g.content("public.u")).toEqual(["(1)", "(2)"]);
});

test("a rule that would run in place of the INSERT closes the way that it would run in, and no row goes there", async () => {
  const g = await withRule("instead");
  const lost = await g.lose("public.t", "true", "id");
  await g.rescue(lost);
  const words = "The rule ON INSERT DO INSTEAD r on public.t would run in place of our INSERT.";
  expect(await g.merge.closedModes(["public.t"])).toEqual({ fire: words });
  await expect(g.mergeAll("public.t")).rejects.toMatchObject({ record: { code: "HF-PG-REWRITE-RULES" } });
  expect(await g.mergeAll("public.t", "skip")).toMatchObject({ inserted: 2 });
  await g.sql.run("always", "alter table public.t enable always rule r");
  expect(await g.merge.closedModes(["public.t"])).toEqual({ fire: words, skip: words });
  await expect(g.mergeAll("public.t", "skip")).rejects.toMatchObject({ record: { code: "HF-PG-REWRITE-RULES" } });
  await g.sql.run("only there", "alter table public.t enable replica rule r");
  expect(await g.merge.closedModes(["public.t"])).toEqual({ skip: words });
  await g.sql.run("off", "alter table public.t disable rule r");
  expect(await g.merge.closedModes(["public.t"])).toEqual({});
  expect(await g.content("public.u")).toEqual([]);
});

test("a role that may not skip triggers is told before, with what lets it", async () => {
  const g = await grounds.fresh(
    `create table t (id int primary key);
     do $$begin if not exists (select from pg_roles where rolname = 'clerk') then create role clerk login; end if; end$$; grant select, insert on t to clerk`,
    { user: "clerk" },
  );
  const barred = "Role clerk may not UPDATE public.t; it may after GRANT UPDATE ON public.t TO clerk;";
  const update = await g.merge.closedModes(["public.t"], "update");
  expect(update).toEqual({ fire: barred, skip: expect.stringContaining(barred) });
  const { skip = "" } = await g.merge.closedModes(["public.t"]);
  expect(skip).toMatch(/^Role clerk may not set session_replication_role/);
  const grant = /GRANT SET ON PARAMETER .*;/.exec(skip)?.[0];
  if (grant === undefined) return expect(skip).toContain("only a superuser");
  await g.sql.run("as it says", grant);
  expect(await g.merge.closedModes(["public.t"])).toEqual({});
  await g.sql.run("as it was", "revoke set on parameter session_replication_role from clerk");
});

test("rows that an exclusion constraint keeps out are found before, and told by its name; all others come", async () => {
  const g = await grounds.fresh(
    `create extension btree_gist; create table t (id int primary key, room int, during int4range, constraint one_at_a_time exclude using gist (room with =, during with &&) where (room > 0));
     insert into t select n, n % 3, int4range(n * 10, n * 10 + 10) from generate_series(1, 30) n`,
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("somebody takes a room", "insert into public.t values (100, 1, '[35,45)'), (101, 0, '[0,999)')");
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ missing: 30, otherUnique: 1, willInsert: 29 });
  expect(checked?.findings).toMatchObject([{ level: "warn", text: expect.stringContaining("one_at_a_time") }]);
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 29, left: 1 });
  expect(await g.merge.verify(g.run, ["public.t"], quiet)).toMatchObject([
    { equal: 29, absent: 1, findings: [{ level: "ok" }, { level: "warn" }] },
  ]);
});

test("an operator that somebody put where the user's path looks is never called by us", async () => {
  const g = await grounds.fresh(`create type mood as enum ('active', 'gone');
    create table t (id bigint primary key, email text, status mood); create unique index u on t (email) where status = 'active';
    insert into t select g, 'v' || g, 'active' from generate_series(1, 10) g;
    create table called (by text); grant insert on called to public;
    create function same(a mood, b mood) returns boolean language sql as $$ insert into public.called values (current_user); select a::text = b::text $$;
    create operator = (leftarg = mood, rightarg = mood, function = same);
    create function greater(a bigint, b bigint) returns boolean language sql as $$ insert into public.called values (current_user); select true $$;
    create schema evil; create operator evil.> (leftarg = bigint, rightarg = bigint, function = greater)`);
  await g.sql.client.query(
    "do $$begin execute format('alter database %I set search_path = evil, public, pg_catalog', current_database()); end$$",
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t"));
  await g.sql.run("in the way", "insert into public.t values (99, 'v3', 'active')");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 9, left: 1 });
  await g.merge.verify(g.run, ["public.t"], quiet);
  expect(await g.content("public.called")).toEqual([]);
});

test("what a trigger raises is in no fault, whatever class it gives itself", async () => {
  const g =
    await grounds.fresh(`create table t (id int primary key, email text); insert into t values (1, 'canary@example.org');
    create function f() returns trigger language plpgsql as $$ begin raise 'customer %', new.email using errcode = 'insufficient_privilege'; end $$`);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run(
    "making a trigger",
    "create trigger f before insert on public.t for each row execute function public.f()",
  );
  const fault: unknown = await g.mergeAll("public.t").catch((error: unknown) => error);
  expect(fault).toMatchObject({ record: { code: "HF-PG-NOT-ALLOWED" } });
  expect(JSON.stringify((fault as { record: unknown }).record)).not.toContain("canary");
});
