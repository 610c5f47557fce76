import { afterAll, beforeAll, expect, test } from "vitest";
import type { Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, type Scene, scene, text, watch } from "./scene.ts";

let server: TestServer;
let sql: Connection;
const open: Scene[] = [];
const stage = () => {
  const made = scene(server, "postgres");
  open.push(made);
  return made;
};

beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", max_wal_size: "4GB" } });
  sql = await server.connect("postgres");
  await sql.run("", "CREATE EXTENSION pageinspect SCHEMA public");
  await sql.run("", "CREATE EXTENSION pg_walinspect SCHEMA public");
});
afterAll(async () => {
  for (const one of open) await one.release();
  await sql.close();
  await server.end();
});
const run = (statement: string) => sql.run("", statement);

async function statementOf(table: string, rows: number, statements: readonly string[]): Promise<Statement> {
  await run("BEGIN");
  const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
  for (const one of statements) await run(one);
  await run("COMMIT");
  return {
    value: xid ?? "",
    kind: "one",
    transactions: [xid ?? ""],
    subtransactions: [],
    at: null,
    until: null,
    rows,
    tables: [{ table, rows }],
    doubts: [],
    who: null,
  };
}

test("rows that VACUUM took come back out of the log, long values too, to the digit", async () => {
  await run("CREATE TABLE public.t (id int PRIMARY KEY, v numeric, note text, big text)");
  await run("ALTER TABLE public.t ALTER COLUMN big SET STORAGE EXTERNAL");
  await run(
    "INSERT INTO public.t SELECT n, n / 7.0, CASE n % 3 WHEN 0 THEN NULL ELSE repeat('x', n % 90) END, CASE WHEN n % 50 = 0 THEN repeat(md5(n::text), 300) END FROM generate_series(1, 5000) n",
  );
  await run("UPDATE public.t SET v = v + 1 WHERE id % 4 = 0");
  await run("CHECKPOINT");
  const expected = await copyOf(sql, "SELECT * FROM public.t WHERE id % 10 <> 0 OR id % 50 = 0 ORDER BY id");
  const statement = await statementOf("public.t", 4600, ["DELETE FROM public.t WHERE id % 10 <> 0 OR id % 50 = 0"]);
  await run("VACUUM public.t");
  const rescue = stage();
  const counted = await rescue.evidence.count(statement, "wal", watch);
  const back = await rescue.recover(statement, "wal");
  expect(back.tables).toEqual(counted);
  expect(back.tables[0]).toMatchObject({
    rows: 4600,
    lost: 0,
    unknown: 0,
    own: 0,
    from: { "page-transplant": 0, wal: 4600 },
  });
  expect(await text(await back.rows("public.t"))).toBe(expected);
  await back.close();
});

test("a statement whose rows VACUUM took is found by the log, with its savepoints, its commit, and what else it wrote to", async () => {
  await run("CREATE TABLE public.parent (id int PRIMARY KEY, note text)");
  await run("CREATE TABLE public.child (id int PRIMARY KEY, parent int REFERENCES public.parent ON DELETE CASCADE)");
  await run("CREATE TABLE public.trail (id int, told text)");
  await run(
    "CREATE FUNCTION public.trace() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.trail VALUES (old.id, 'gone'); RETURN old; END$$",
  );
  await run("CREATE TRIGGER trace AFTER DELETE ON public.parent FOR EACH ROW EXECUTE FUNCTION public.trace()");
  await run("INSERT INTO public.parent SELECT n, 'p' FROM generate_series(1, 300) n");
  await run("INSERT INTO public.child SELECT n, n % 300 + 1 FROM generate_series(1, 900) n");
  for (const one of ["BEGIN", "SAVEPOINT a", "DELETE FROM public.parent WHERE id <= 40", "RELEASE a"]) await run(one);
  for (const one of ["DELETE FROM public.parent WHERE id <= 100", "COMMIT"]) await run(one);
  for (const one of ["BEGIN", "DELETE FROM public.parent WHERE id > 200", "ROLLBACK"]) await run(one);
  for (const from of [110, 120, 130, 140])
    await run(`DELETE FROM public.parent WHERE id BETWEEN ${from} AND ${from + 9}`);
  await run("VACUUM public.parent");
  await run("VACUUM public.child");
  const search = await stage().find("public.parent");
  expect(search.statements[0]).toMatchObject({
    kind: "one",
    rows: 400,
    tables: [
      { table: "public.parent", rows: 100 },
      { table: "public.child", rows: 300 },
    ],
  });
  const [largest, group] = search.statements;
  expect(largest?.subtransactions).toHaveLength(1);
  expect(largest?.positions?.[0]).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  expect(largest?.doubts.join(" ")).toContain("It also wrote to public.trail (100 inserted)");
  expect(largest?.doubts.join(" ")).toContain("no row of it is on its page any more");
  expect(group).toMatchObject({ kind: "group", rows: 160 });
  expect(group?.positions).toHaveLength(4);
  expect(search.statements.every(({ rows }) => rows !== 100 && rows < 401)).toBe(true);
});
