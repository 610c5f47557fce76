import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ground, quiet, startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

const remade = ["remade"] as const;

/** All rows of `public.t` were lost and rescued; what others did since is in the safety copy. */
async function afterOthers(tables: string, since: string): Promise<Ground> {
  const g = await grounds.fresh(tables);
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.client.query(since);
  await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t", remade));
  return g;
}

test("a row that was changed once more after the safety copy stays as it is, whatever was decided", async () => {
  const g = await afterOthers(
    "create table t (id int primary key, n int); insert into t select n, n from generate_series(1, 4) n",
    "insert into public.t values (1, -1), (2, -2)",
  );
  await g.sql.run("others", "update public.t set n = -22 where id = 2");
  expect(await g.mergeAll("public.t", "fire", 2, remade)).toMatchObject({ inserted: 3, left: 1 });
  expect(await g.content("public.t")).toEqual(["(1,1)", "(2,-22)", "(3,3)", "(4,4)"]);
});

test("rows in two partitions at the same place are each overwritten by their own", async () => {
  const g = await afterOthers(
    `create table t (id int primary key, n int) partition by range (id);
     create table t1 partition of t for values from (0) to (10); create table t2 partition of t for values from (10) to (20);
     insert into t values (1, 1), (11, 11)`,
    "insert into public.t values (1, -1), (11, -11)",
  );
  expect(await g.mergeAll("public.t", "fire", 9, remade)).toMatchObject({ inserted: 2, left: 0 });
  expect(await g.content("public.t")).toEqual(["(1,1)", "(11,11)"]);
});

test.each(["fire", "skip"] as const)(
  "with %s, a row whose parent is gone is not overwritten to refer to it",
  async (mode) => {
    const g = await afterOthers(
      `create table p (id int primary key); insert into p values (1), (2);
     create table t (id int primary key, p int references p); insert into t values (1, 1), (2, 2)`,
      "insert into public.t values (1, null), (2, null); delete from public.p where id = 1",
    );
    expect(await g.mergeAll("public.t", mode, 9, remade)).toMatchObject({ inserted: 1, left: 1 });
    expect(await g.content("public.t")).toEqual(["(1,)", "(2,2)"]);
  },
);

test.each(["fire", "skip"] as const)(
  "with %s, a key that others name by now does not go away under them",
  async (mode) => {
    const g = await afterOthers(
      `create table t (id int primary key, code text unique); insert into t values (1, 'a'), (2, 'b');
     create table k (code text references t (code))`,
      "insert into public.t values (1, 'x'), (2, 'y'); insert into public.k values ('x')",
    );
    expect(await g.mergeAll("public.t", mode, 9, remade)).toMatchObject({ inserted: 1, left: 1 });
    expect(await g.content("public.t")).toEqual(["(1,x)", "(2,b)"]);
  },
);

test("with skip a parent that somebody is about to delete is waited for, as the server would", async () => {
  const g = await grounds.fresh(
    `create table p (id int primary key); insert into p values (1);
     create table t (id int primary key, p int references p on delete cascade); insert into t values (1, 1)`,
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.client.query("begin; delete from public.p where id = 1");
  await expect(g.mergeAll("public.t", "skip")).rejects.toMatchObject({ record: { code: "HF-PG-LOCK-TIMEOUT" } });
  await g.sql.client.query("commit");
  expect(await g.mergeAll("public.t", "skip")).toMatchObject({ inserted: 0, left: 1 });
  expect((await g.merge.verify(g.run, ["public.t"], quiet))[0]).toMatchObject({ absent: 1 });
});

test("what the server alone makes can't be overwritten: such a row stays as it is", async () => {
  const g = await afterOthers(
    `create table t (id int primary key, seq int generated always as identity, n int);
     insert into t (id, n) values (1, 1), (2, 2)`,
    "insert into public.t (id, n) values (1, -1); insert into public.t overriding system value values (2, 2, -2)",
  );
  expect(await g.mergeAll("public.t", "fire", 9, remade)).toMatchObject({ inserted: 1, left: 1 });
  expect(await g.content("public.t")).toEqual(["(1,3,-1)", "(2,2,2)"]);
});

test("a deferrable unique constraint closes skip: the server would not check it", async () => {
  const g = await grounds.fresh("create table t (id int primary key, mail text unique deferrable)");
  const closed = await g.merge.closedModes(["public.t"]);
  expect(closed).toEqual({ skip: expect.stringMatching(/t_mail_key on public.t is DEFERRABLE/) });
});

test("a function of somebody else's that bears the name of one of the server's is not called", async () => {
  const g = await grounds.fresh(
    `create table t (id int primary key, n int); insert into t values (1, 1), (2, 2);
     create function public.set_config(text, text, boolean) returns text language plpgsql as $$begin raise 'called'; end$$;
     do $$begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end$$`,
  );
  await g.rescue(await g.lose("public.t", "true", "id"));
  await g.sql.run("others", "insert into public.t values (1, -1)");
  await g.marked((tx) => g.area.safetyCopy(tx, g.run, "public.t", remade));
  expect(await g.mergeAll("public.t", "fire", 9, remade)).toMatchObject({ inserted: 2, left: 0 });
});
