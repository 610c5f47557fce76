import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ground, quiet, startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

/** `x` three times, `y` once, and one of NULLs alone. */
const equal =
  "create table t (a text, b json); insert into t values ('x', '1'), ('x', '1'), ('x', '1'), ('y', '2'), (null, null), ('left', null)";

async function copied(g: Ground, table = "public.t") {
  return g.marked((tx) => g.area.safetyCopy(tx, g.run, table));
}

test("equal rows come back as often as they were taken, once, whatever the size of a batch", async () => {
  const g = await grounds.fresh(equal);
  const before = await g.content("public.t");
  await g.rescue(await g.lose("public.t", "a is distinct from 'left'", "a"));
  expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([{ missing: 5, willInsert: 5, findings: [] }]);
  expect(await copied(g)).toMatchObject({ keys: 5 });
  expect(await g.merge.divisible({ run: g.run, table: "public.t", triggers: "skip" })).toBe(false);
  expect(await g.mergeAll("public.t", "fire", 2)).toMatchObject({ inserted: 5, left: 0, batches: 1 });
  expect(await g.content("public.t")).toEqual(before);
  expect(await g.merge.verify(g.run, ["public.t"], quiet)).toMatchObject([{ rescued: 5, equal: 5, absent: 0 }]);
  expect(await g.area.check(g.run, ["public.t"], quiet)).toMatchObject([{ identical: 5, remade: 0, willInsert: 0 }]);
});

test("a row that is equal to one of the table's stays out and is told each time: nobody knows whether it was put back", async () => {
  const g = await grounds.fresh(equal);
  await g.rescue(await g.lose("public.t", "a is distinct from 'left'", "a"));
  await g.sql.run("somebody puts some back", "insert into public.t values ('x', '1'), ('x', '1'), (null, null)");
  const [checked] = await g.area.check(g.run, ["public.t"], quiet);
  expect(checked).toMatchObject({ rows: 5, missing: 2, identical: 0, remade: 3, willInsert: 2 });
  expect(checked?.findings).toMatchObject([
    { level: "warn", text: expect.stringMatching(/^HF-PG-EQUAL-ROWS: public\.t: 3 rows are equal/) },
  ]);
  expect(await copied(g)).toMatchObject({ keys: 2 });
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 2, left: 3 });
  expect(await g.content("public.t")).toEqual(["(,)", "(left,)", "(x,1)", "(x,1)", "(x,1)", "(y,2)"]);
  const [verified] = await g.merge.verify(g.run, ["public.t"], quiet);
  expect(verified).toMatchObject({ rescued: 5, equal: 2, different: 0, remade: 0, absent: 3 });
  expect(verified?.findings.map(({ level }) => level)).toEqual(["ok", "warn"]);
  const byHand = /those of (\S+) whose (\S+) is in (\S+)\.$/.exec(verified?.findings[1]?.hint ?? "");
  const [, rows, ordinal, leftOut] = byHand ?? [];
  const found = await g.sql.rows(
    "as the hint says",
    `select a from ${rows} where ${ordinal} in (select * from ${leftOut}) order by a`,
  );
  expect(found).toEqual([{ a: "x" }, { a: "x" }, { a: null }]);
});

test("a row that somebody puts back after the safety copy is not put in twice", async () => {
  const g = await grounds.fresh(equal);
  await g.rescue(await g.lose("public.t", "true", "a"));
  await copied(g);
  await g.sql.run("somebody puts one back", "insert into public.t values ('y', '2')");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 5, left: 1 });
  expect((await g.content("public.t")).filter((row) => row === "(y,2)")).toHaveLength(1);
});

test("a batch that is repeated after all inserts nothing", async () => {
  const g = await grounds.fresh(equal);
  await g.rescue(await g.lose("public.t", "true", "a"));
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 6 });
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 0, left: 6 });
  expect(await g.content("public.t")).toHaveLength(6);
});

test("where the server refuses a row, all others come once, equal ones too", async () => {
  const g = await grounds.fresh(
    "create table t (a int); insert into t select n / 3 from generate_series(0, 29) n; insert into t values (100)",
  );
  await g.rescue(await g.lose("public.t", "true", "a desc"));
  await g.sql.run("a check that came since", "alter table public.t add check (a <> 100)");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 30, left: 1 });
  const counted = "select a::text, count(*)::text as n from public.t group by a order by a";
  expect(new Set((await g.sql.rows("counting", counted)).map(({ n }) => n))).toEqual(new Set(["3"]));
});

test("a tree whose key may be NULL comes back level by level, each row once", async () => {
  const g = await grounds.fresh(
    `create table t (id int unique, up int references t (id), what text);
     insert into t values (9, null, 'r'), (1, 9, 'c'), (2, 1, 'c'), (3, 9, 'c'), (4, 3, 'c'), (null, 4, 'n'), (null, 4, 'n')`,
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("a rule that came since", "alter table public.t add check (id <> 1)");
  expect(await g.mergeAll("public.t")).toMatchObject({ inserted: 5, left: 2, batches: 1 });
  expect(await g.content("public.t")).toEqual(["(,4,n)", "(,4,n)", "(3,9,c)", "(4,3,c)", "(9,,r)"]);
});

test("a child without a key stays out where its parent is gone, also with foreign keys off", async () => {
  const g = await grounds.fresh(
    `create table p (id int primary key); create table c (p int references p on delete cascade, what text);
     insert into p select generate_series(1, 3); insert into c values (1, 'x'), (1, 'x'), (2, 'y'), (null, 'z')`,
  );
  await g.rescue(await g.lose("public.c", "true", "what"));
  await g.sql.run("a parent goes for good", "delete from public.p where id = 1");
  expect(await g.area.check(g.run, ["public.c"], quiet)).toMatchObject([{ orphans: 2, willInsert: 2 }]);
  expect(await g.mergeAll("public.c", "skip")).toMatchObject({ inserted: 2, left: 2 });
  expect(await g.content("public.c")).toEqual(["(,z)", "(2,y)"]);
});

test("the statements of the preview say that it is one batch, and weigh what is there", async () => {
  const g = await grounds.fresh(equal);
  const planned = await g.merge.statements({ run: g.run, table: "public.t", triggers: "fire" });
  expect(planned.join("\n")).toContain("has no key: one batch");
  await g.rescue(await g.lose("public.t", "true", "a"));
  expect(await g.merge.statements({ run: g.run, table: "public.t", triggers: "fire" })).toEqual(planned);
});
