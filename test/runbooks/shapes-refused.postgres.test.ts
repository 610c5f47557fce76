import { afterAll, beforeAll, expect, test } from "vitest";
import { footprintOf } from "../cli-on-postgres/incident.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { aScene, type Shape, wordsOf } from "./shapes.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off", track_commit_timestamp: "on" } });
  const session = await server.connect("postgres");
  await session.client.query("create role clerk login replication; create role reader login");
  await session.close();
});
afterAll(() => server.end());

interface Refused extends Shape {
  readonly as?: string;
  /** What is said, and what to do about it. */
  readonly code: string;
  readonly says: string;
  /** That done, it is not said again. */
  readonly mended?: string;
}

const policies = `create table public.t (id int primary key, who text); insert into t select n, case when n % 2 = 0 then 'clerk' else 'x' end from generate_series(1, 20) n;
  create policy own on t using (who = current_user); alter table t enable row level security; grant all on t to clerk, reader`;
const circle = `create table public.a (id int primary key, b int); create table public.b (id int primary key, a int references a on delete cascade);
  insert into a select n, n from generate_series(1, 20) n; insert into b select n, n from generate_series(1, 20) n;
  alter table a add foreign key (b) references b on delete cascade; grant all on a, b to clerk`;

const refused: readonly Refused[] = [
  {
    is: "policies that hide rows from the role",
    made: policies,
    bad: "delete from public.t where id <= 10",
    input: "public.t",
    tables: ["public.t"],
    as: "clerk",
    code: "HF-PG-ROW-SECURITY",
    says: "ALTER ROLE clerk BYPASSRLS;",
    mended: "alter role clerk bypassrls",
  },
  {
    is: "policies that are forced on the owner",
    made: `${policies}; alter table t owner to reader; alter table t force row level security`,
    bad: "delete from public.t where id <= 10",
    input: "public.t",
    tables: ["public.t"],
    as: "reader",
    code: "HF-PG-ROW-SECURITY",
    says: "ALTER TABLE public.t NO FORCE ROW LEVEL SECURITY;",
    mended: "alter table public.t no force row level security",
  },
  {
    is: "a rule that runs in place of every INSERT",
    made: `create table public.t (id int primary key); insert into t select generate_series(1, 20);
      create rule r as on insert to t do instead nothing; alter table t enable always rule r`,
    bad: "delete from public.t where id <= 10",
    input: "public.t",
    tables: ["public.t"],
    code: "HF-PG-NO-MERGE",
    says: "DISABLE RULE",
    mended: "alter table public.t disable rule r",
  },
  {
    is: "a circle of foreign keys, and a role that may not skip their checks",
    made: circle,
    bad: "delete from public.a where id <= 10",
    input: "public.a",
    tables: ["public.a", "public.b"],
    as: "clerk",
    code: "HF-PG-NO-MERGE",
    says: "GRANT SET ON PARAMETER session_replication_role TO clerk;",
    mended: "grant set on parameter session_replication_role to clerk",
  },
];

test.each(refused)(
  "$is: refused before any effect, with what mends it",
  async ({ as, code, says, mended, ...shape }) => {
    const scene = await aScene(server, shape);
    const [before, clean] = [await scene.content(), await footprintOf(scene.session)];
    const end = await scene.run(as === undefined ? {} : { as });
    expect(end.exit, wordsOf(end.state)).toBe("refused");
    const stops = wordsOf(end.state)
      .split("\n")
      .filter((line) => line.startsWith("freeze stop"));
    expect(stops.join("\n")).toContain(code);
    expect(stops.join("\n")).toContain(says);
    expect(end.state.leases).toEqual([]);
    expect(await footprintOf(scene.session)).toEqual(clean);
    expect(await scene.content()).toEqual(before);
    const ours = "select nspname from pg_namespace where nspname like 'holdfast%'";
    expect(await scene.session.rows("looking", ours)).toEqual([]);
    await scene.session.client.query(mended ?? "");
    const again = await scene.run(as === undefined ? {} : { as });
    expect(wordsOf(again.state)).not.toContain(code);
  },
);

test.each([
  ["a view with an INSTEAD OF trigger", "public.v", /public\.v is a view, not a table/],
  ["a materialized view", "public.m", /public\.m is a materialized view, not a table/],
  ["a foreign table", "public.f", /public\.f is a foreign table, not a table/],
])("%s is no table to bring rows back to: that is said before there is a run", async (_is, input, says) => {
  const scene = await aScene(server, {
    is: "views",
    made: `create table public.t (id int primary key); create view public.v as select * from t; create materialized view public.m as select * from t;
      create foreign data wrapper w; create server s foreign data wrapper w; create foreign table public.f (id int) server s;
      create function public.into_t() returns trigger language plpgsql as $$begin insert into public.t values (new.id); return new; end$$;
      create trigger instead_of instead of insert on public.v for each row execute function into_t()`,
    bad: "select 1",
    input,
    tables: ["public.t"],
  });
  const clean = await footprintOf(scene.session);
  await expect(scene.run()).rejects.toMatchObject({
    record: { code: "HF-TABLE-UNKNOWN", exit: "input" },
    message: expect.stringMatching(says),
  });
  expect(await footprintOf(scene.session)).toEqual(clean);
});
