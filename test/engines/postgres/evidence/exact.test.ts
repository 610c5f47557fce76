import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, olderSnapshot, type Scene, scene, text, watch } from "./scene.ts";

onEachMajor(majors(14, 16, 18), (major) => {
  let server: TestServer;
  let sql: Connection;
  const open: Scene[] = [];
  const stage = (lockTable = false) => {
    const made = scene(server, "postgres", lockTable);
    open.push(made);
    return made;
  };

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { track_commit_timestamp: "off" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    for (const one of open) await one.release();
    await sql.close();
    await server.end();
  });
  const run = (statement: string) => sql.run("", statement);

  test("every kind of value comes back as it was: rescued and left are what was there before, to the digit", async () => {
    await run(`CREATE SCHEMA "Odd ""Name"""`);
    await run(`CREATE TYPE public.mood AS ENUM ('sad', 'it''s fine', 'glad')`);
    await run(`ALTER TYPE public.mood ADD VALUE 'first' BEFORE 'sad'`);
    await run(`CREATE TYPE public.addr AS (street text, gone int, m public.mood)`);
    await run(`ALTER TYPE public.addr DROP ATTRIBUTE gone`);
    await run(`CREATE DOMAIN public.dd AS text CHECK (value <> '')`);
    await run(`CREATE TYPE public.span AS RANGE (subtype = float8)`);
    await run(`CREATE TABLE "Odd ""Name"""."T 1" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, amount numeric,
    at timestamptz, doc jsonb, list int[], u uuid, m public.mood, ms public.mood[], a public.addr, "as" public.addr[], d public.dd,
    ds public.dd[], r int4range, sp public.span, sps public.span[], b bytea, big text COLLATE "C", lz text, flag bool, ch "char", c10 char(10),
    iv interval, ip inet, gen bigint GENERATED ALWAYS AS (id * 2) STORED, virt bigint GENERATED ALWAYS AS (id + 1) ${major < 18 ? "STORED" : "VIRTUAL"},
    ref regclass, "sel""ect" text)`);
    await run(`INSERT INTO "Odd ""Name"""."T 1" (gone, amount, at, doc, list, u, m, ms, a, "as", d, ds, r, sp, sps, b, big, lz, flag, ch, c10, iv, ip, ref, "sel""ect")
    SELECT n, CASE n % 5 WHEN 0 THEN 'NaN' ELSE n * 1.10 END, CASE n % 7 WHEN 0 THEN 'infinity' ELSE '2026-01-01 00:00:00.123456+00'::timestamptz + n * interval '1 s' END,
      jsonb_build_object('n', n, 's', repeat('x', n % 50)), ARRAY[n, NULL, -n], gen_random_uuid(), (ARRAY['first', 'sad', 'it''s fine', 'glad'])[n % 4 + 1]::public.mood,
      ARRAY['glad', NULL]::public.mood[], ROW(E'a\\tb' || n, 'sad')::public.addr, ARRAY[ROW('x,"y', 'glad')::public.addr], 'dom' || n, ARRAY['q']::public.dd[],
      int4range(n, n + 5), public.span(n, n + 0.5), ARRAY[public.span(1, 2)], decode(md5(n::text), 'hex'), CASE WHEN n % 10 = 0 THEN NULL ELSE repeat(md5(n::text), 10) END,
      repeat(md5(n::text), 200), n % 2 = 0, 'x', 'pad', n * interval '1 day 2 hours', '10.0.0.1', 'pg_class', E'back\\\\slash\\nline'
      FROM generate_series(1, 3000) n`);
    // More than 1 MB each, compressible and not.
    await run(`UPDATE "Odd ""Name"""."T 1" SET big = (SELECT string_agg(md5((id * i)::text), '') FROM generate_series(1, 50000) i),
    lz = (SELECT string_agg(md5((id + i)::text), '') FROM generate_series(1, 50000) i) WHERE id IN (17, 2018)`);
    await run(`ALTER TABLE "Odd ""Name"""."T 1" DROP COLUMN gone`);
    await run(
      `ALTER TABLE "Odd ""Name"""."T 1" ADD COLUMN late public.mood DEFAULT 'it''s fine', ADD COLUMN late2 text DEFAULT 'a,"b{'`,
    );
    await run(`INSERT INTO "Odd ""Name"""."T 1" (amount, late) SELECT n, 'first' FROM generate_series(1, 100) n`);
    const columns = `id, amount, at, doc, list, u, m, ms, a, "as", d, ds, r, sp, sps, b, big, lz, flag, ch, c10, iv, ip, ref::oid, "sel""ect", late, late2`;
    const expected = await copyOf(sql, `SELECT ${columns} FROM "Odd ""Name"""."T 1" WHERE id % 3 <> 0 ORDER BY id`);
    const older = await olderSnapshot(server, "postgres");
    await run(`DELETE FROM "Odd ""Name"""."T 1" WHERE id % 3 <> 0`);
    const rescue = stage();
    const search = await rescue.find(`"Odd ""Name"""."T 1"`);
    await older.close();
    // What kills evidence everywhere else: a plain read and a VACUUM. The pin must bear both.
    await run(`SELECT count(*) FROM "Odd ""Name"""."T 1"`);
    await run(`VACUUM "Odd ""Name"""."T 1"`);

    const statement = largest(search);
    expect(statement.rows).toBe(2067);
    expect(statement.at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    const counted = await rescue.evidence.count(statement, "page-transplant", watch);
    const back = await rescue.recover(statement);
    expect(back.tables).toEqual(counted.map(({ bytes: _about, ...exact }) => exact));
    // 2,067 rows of a text column and more: neither nothing nor more than the whole table.
    expect(counted[0]?.bytes).toBeGreaterThan(2067 * 20);
    expect(counted[0]?.bytes).toBeLessThan(50e6);
    expect(back.tables[0]).toMatchObject({ rows: 2067, updated: 0, moved: 0, own: 0, unknown: 0 });
    expect(back.tables[0]?.columns).not.toContain("gen");
    expect(await text(await back.rows(statement.tables[0]?.table ?? ""))).toBe(expected);
    await back.close();
  }, 60_000);
});
