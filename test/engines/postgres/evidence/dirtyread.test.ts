import { afterAll, beforeAll, expect, test } from "vitest";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { PathOption, Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidence } from "../../../../src/engines/postgres/evidence.ts";
import { debian, withDirtyread } from "../../../support/dirtyread.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, type Scene, scene, stageOn, text, watch } from "./scene.ts";

const way = "pg-dirtyread";

withDirtyread(() => {
  let server: TestServer;
  let sql: Connection;
  const stage = stageOn(() => server);

  beforeAll(async () => {
    server = await startTestServer({ ...debian, settings: { autovacuum: "off", fsync: "off" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const run = async (...statements: string[]) => {
    for (const statement of statements) await sql.run("", statement);
  };
  const optionOf = async ({ evidence: held }: Pick<Scene, "evidence">, statement: Statement, path = way) => {
    const option = (await held.paths(statement, watch)).find((one) => one.path === path);
    if (!option) throw new Error(`${path} is not listed`);
    return option;
  };
  const installed = () =>
    copyOf(sql, "SELECT extname FROM pg_extension WHERE extname IN ('pg_dirtyread', 'pageinspect')");
  /** The same evidence for a machine without programs of a PostgreSQL. */
  const withoutPrograms = ({ target }: Scene): Pick<Scene, "evidence"> => {
    const machine = { ...target.request.machine, serverBinaries: { [debian.major]: "/nowhere" } };
    return { evidence: evidence({ ...target, request: { ...target.request, machine } }, headStarts()) };
  };

  /** Hears what the scene's shared session is about to be asked. */
  const listen = ({ target }: Scene, hear: (doing: string) => unknown) => {
    const { catalogue } = target;
    const heard = async () => {
      const asking = await catalogue();
      const rows: Connection["rows"] = async (doing, ...asked) => {
        await hear(doing);
        return asking.rows(doing, ...asked);
      };
      return { ...asking, rows };
    };
    Object.assign(target, { catalogue: heard });
  };

  test("every kind of value comes back as it was, and what was made for it is gone afterwards", async () => {
    await run(
      `CREATE SCHEMA "Odd ""Name"""`,
      `CREATE TYPE public.mood AS ENUM ('sad', 'it''s fine', 'glad')`,
      `CREATE TYPE public.addr AS (street text, gone int, m public.mood)`,
      `ALTER TYPE public.addr DROP ATTRIBUTE gone`,
      `CREATE DOMAIN public.dd AS text CHECK (value <> '')`,
      `CREATE DOMAIN public.named AS regclass`,
      `CREATE TYPE public.span AS RANGE (subtype = float8)`,
      // Columns called as the extension calls what it adds itself.
      `CREATE TABLE "Odd ""Name"""."T 1" (id bigint GENERATED ALWAYS AS IDENTITY, gone int, "dead" text, dropped_2 text, amount numeric(12,3),
         at timestamptz(3), doc jsonb, list int[], m public.mood, ms public.mood[], a public.addr, "as" public.addr[], d public.dd, ds public.dd[],
         sp public.span, big text, lz text COMPRESSION lz4, c10 char(10), bp bpchar, bits bit(3), iv interval day to second(2), ref regclass, refs regtype[],
         nr public.named, gen bigint GENERATED ALWAYS AS (id * 2) STORED, "sel""ect" varchar(40), PRIMARY KEY (gen, id))`,
      `INSERT INTO "Odd ""Name"""."T 1" (gone, "dead", dropped_2, amount, at, doc, list, m, ms, a, "as", d, ds, sp, big, lz, c10, bp, bits, iv, ref, refs, nr, "sel""ect")
       SELECT n, 'dead', 'dropped', CASE n % 5 WHEN 0 THEN 'NaN' ELSE n * 1.101 END, CASE n % 7 WHEN 0 THEN 'infinity' ELSE '2026-01-01'::timestamptz + n * interval '1.001 s' END,
         jsonb_build_object('n', n), ARRAY[n, NULL, -n], 'sad', ARRAY['glad', NULL]::public.mood[], ROW(E'a\\tb' || n, 'sad')::public.addr,
         ARRAY[ROW('x,"y', 'glad')::public.addr], 'dom' || n, ARRAY['q']::public.dd[], public.span(n, n + 0.5),
         (SELECT string_agg(md5((n * i)::text), '') FROM generate_series(1, 200) i), repeat(md5(n::text), 500), 'pad', 'b  ', '101', n * interval '1 hour',
         'pg_class', ARRAY['int4'::regtype], 'pg_type', E'back\\\\slash\\nline' FROM generate_series(1, 3000) n`,
      `ALTER TABLE "Odd ""Name"""."T 1" DROP COLUMN gone`,
      `ALTER TABLE "Odd ""Name"""."T 1" ADD COLUMN late public.mood DEFAULT 'it''s fine', ADD COLUMN late2 text DEFAULT 'a,"b{'`,
    );
    const columns = `id, "dead", dropped_2, amount, at, doc, list, m, ms, a, "as", d, ds, sp, big, lz, c10, bp, bits, iv, ref::oid, refs::oid[], nr::oid, "sel""ect", late, late2`;
    const expected = await copyOf(sql, `SELECT ${columns} FROM "Odd ""Name"""."T 1" WHERE id % 3 <> 0 ORDER BY id`);
    await stage.keepRows();
    await run(`DELETE FROM "Odd ""Name"""."T 1" WHERE id % 3 <> 0`);
    const rescue = stage.scene();
    const statement = largest(await rescue.find(`"Odd ""Name"""."T 1"`));
    await stage.letGo();
    // What kills evidence everywhere else, long values included: the one pin must bear it all.
    await run(`SELECT count(big) FROM "Odd ""Name"""."T 1"`, `VACUUM "Odd ""Name"""."T 1"`);

    // Nothing closes the page transplant, so it stays the first choice.
    expect(await optionOf(rescue, statement)).toMatchObject({ feasible: true, rows: 2000, recommended: false });
    expect(await optionOf(withoutPrograms(rescue), statement)).toMatchObject({ feasible: true, recommended: true });
    const counted = await rescue.evidence.count(statement, way, watch);
    const back = await rescue.recover(statement, way);
    expect(back.tables).toEqual(counted.map(({ bytes: _about, ...exact }) => exact));
    expect(back.tables[0]).toMatchObject({ rows: 2000, updated: 0, moved: 0, own: 0, unknown: 0 });
    expect(back.tables[0]?.columns).not.toContain("gen");
    const table = statement.tables[0]?.table ?? "";
    expect(await text(await back.rows(table))).toBe(expected);
    expect(await text(await back.rows(table)), "may be read again").toBe(expected);
    await back.close();
    expect(await installed()).toBe("pageinspect\npg_dirtyread\n");
    await rescue.release();
    expect(await installed()).toBe("");
  }, 60_000);

  test("types of extensions, which close the page transplant, come back; an extension that is there already stays", async () => {
    await run(
      "CREATE SCHEMA tools",
      "CREATE EXTENSION pg_dirtyread SCHEMA tools",
      "CREATE EXTENSION citext SCHEMA public",
      "CREATE EXTENSION hstore SCHEMA public",
      "CREATE TABLE public.strange (name public.citext PRIMARY KEY, h public.hstore)",
      "INSERT INTO public.strange SELECT 'Name ' || n, public.hstore('a', n::text) FROM generate_series(11, 40) n",
    );
    const expected = await copyOf(
      sql,
      "SELECT * FROM public.strange WHERE lower(name::text) < 'name 31' ORDER BY name",
    );
    await stage.keepRows();
    await run("DELETE FROM public.strange WHERE lower(name::text) < 'name 31'");
    const one = stage.scene();
    const statement = largest(await one.find("public.strange"));
    expect(await optionOf(one, statement, "page-transplant")).toMatchObject({ feasible: false });
    expect(await optionOf(one, statement)).toMatchObject({ feasible: true, recommended: true, rows: 20 });
    const back = await one.recover(statement, way);
    expect(await text(await back.rows("public.strange"))).toBe(expected);
    await back.close();
    expect(one.leases.filter(({ lease }) => lease.name === "pg_dirtyread")).toEqual([]);
    await one.release();
    expect(await installed()).toBe("pg_dirtyread\n");
    await run("DROP EXTENSION pg_dirtyread");
  });

  test("what others deleted, what a savepoint or a rollback gave up, and what was only locked is not given back; what the statement moved on is counted", async () => {
    await run(
      "CREATE TABLE public.mixed (id int PRIMARY KEY, v int)",
      "INSERT INTO public.mixed SELECT n, n FROM generate_series(1, 900) n",
    );
    await stage.keepRows();
    const before = await copyOf(sql, "SELECT * FROM public.mixed WHERE id <= 200 AND id <> 150 ORDER BY id");
    const locker = await server.connect("postgres");
    await locker.run("", "BEGIN");
    await locker.rows("", "SELECT FROM public.mixed WHERE id BETWEEN 61 AND 90 FOR KEY SHARE");
    await run(
      "BEGIN",
      "UPDATE public.mixed SET v = -v WHERE id <= 40",
      "INSERT INTO public.mixed SELECT n, n FROM generate_series(1001, 1030) n",
      "SAVEPOINT a",
      "UPDATE public.mixed SET v = v + 1000 WHERE id BETWEEN 61 AND 90", // under a multixact with the locker
      "SAVEPOINT b",
      "DELETE FROM public.mixed WHERE id BETWEEN 101 AND 250", // given up
      "ROLLBACK TO b",
      "RELEASE a",
    );
    await locker.run("", "COMMIT");
    await locker.close();
    await run(
      "DELETE FROM public.mixed WHERE (id <= 200 AND id <> 150) OR id > 1000",
      "UPDATE public.mixed SET v = 0 WHERE id = 150 OR id BETWEEN 201 AND 210",
      "COMMIT",
      "UPDATE public.mixed SET v = 1 WHERE id = 205",
      "DELETE FROM public.mixed WHERE id = 300",
    );
    await run("BEGIN", "DELETE FROM public.mixed WHERE id > 650", "ROLLBACK");
    await run("BEGIN", "SELECT FROM public.mixed WHERE id BETWEEN 301 AND 450 FOR UPDATE", "COMMIT");

    const one = stage.scene();
    const statement = largest(await one.find("public.mixed"));
    // Later than the search, under the pin: another's DELETE of rows beside ours.
    await run("DELETE FROM public.mixed WHERE id BETWEEN 401 AND 420");
    const back = await one.recover(statement, way);
    expect(back.tables[0]).toMatchObject({ rows: 199, updated: 11, moved: 0, own: 30, unknown: 0 });
    expect(await text(await back.rows("public.mixed"))).toBe(before);
    await back.close();
  });

  test("one broken long value of a row that nobody wants ends the read with a code, leaves our lock, and the page transplant still works", async () => {
    await run(
      "CREATE TABLE public.broken (id int PRIMARY KEY, big text)",
      "ALTER TABLE public.broken ALTER big SET STORAGE EXTERNAL",
      "INSERT INTO public.broken SELECT n, repeat(md5(n::text), 200) FROM generate_series(1, 40) n",
      "BEGIN",
      "INSERT INTO public.broken SELECT n, repeat(md5(n::text), 200) FROM generate_series(41, 50) n",
      "ROLLBACK",
    );
    const toast = "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'public.broken'::regclass";
    await run(`VACUUM ${(await copyOf(sql, toast)).trim()}`);
    const expected = await copyOf(sql, "SELECT * FROM public.broken WHERE id <= 25 ORDER BY id");
    await stage.keepRows();
    await run("DELETE FROM public.broken WHERE id <= 25");
    const one = stage.scene(true);
    const statement = largest(await one.find("public.broken"));
    expect((await optionOf(one, statement)).loses).toContain("broken");
    const failed: unknown = await one.recover(statement, way).catch((error: unknown) => error);
    expect(failed).toMatchObject({ record: { code: "HF-PG-DIRTYREAD-BROKEN", exit: "refused" } });
    expect(failed).toMatchObject({ record: { hint: expect.stringContaining("page transplant") as string } });
    await run("SET lock_timeout = '100ms'");
    await expect(run("SELECT count(*) FROM public.broken")).rejects.toThrow(/lock/);
    const back = await one.recover(statement, "page-transplant");
    expect(await text(await back.rows("public.broken"))).toBe(expected);
    await back.close();
  });

  test("under our exclusive lock rows are read through the session that holds it, one table after the other", async () => {
    await run(
      "CREATE TABLE public.orders (id int PRIMARY KEY)",
      "CREATE TABLE public.lines (id int, order_id int REFERENCES public.orders ON DELETE CASCADE)",
      "INSERT INTO public.orders SELECT generate_series(1, 30)",
      "INSERT INTO public.lines SELECT n, n % 30 + 1 FROM generate_series(1, 90) n",
    );
    const lines = await copyOf(sql, "SELECT * FROM public.lines WHERE order_id <= 9 ORDER BY ctid");
    await stage.keepRows();
    await run("DELETE FROM public.orders WHERE id <= 9");
    const one = stage.scene(true);
    const statement = largest(await one.find("public.orders"));
    const back = await one.recover(statement, way);
    expect(await text(await back.rows("public.lines")), "no key: in the order of the pages").toBe(lines);
    expect(await text(await back.rows("public.orders"))).toBe("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    await back.close();
    await run("SET lock_timeout = '100ms'");
    await expect(run("SELECT count(*) FROM public.orders")).rejects.toThrow(/lock/);
  });

  test("rows that are left half way, and a count that is stopped, end on the server; the session that holds our lock lives on", async () => {
    await run(
      "CREATE TABLE public.wide (id int PRIMARY KEY, words text)",
      "INSERT INTO public.wide SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 60000) n",
    );
    await stage.keepRows();
    await run("DELETE FROM public.wide WHERE id <= 50000");
    const one = stage.scene(true);
    const statement = largest(await one.find("public.wide"));
    await one.take(await one.evidence.recoveryParts(statement, way, one.run));
    const stopped = new AbortController();
    const heard: string[] = [];
    listen(one, (doing) => {
      heard.push(doing);
      // Asked for between the pages and the count: the count has begun by then.
      if (doing.startsWith("reading the catalogue of")) setTimeout(() => stopped.abort(), 100);
    });
    const seen = { ...watch, signal: stopped.signal };
    await expect(one.evidence.recover(statement, way, one.run, seen)).rejects.toMatchObject({
      record: { code: "HF-PG-CANCELLED" },
    });
    const back = await one.evidence.recover(statement, way, one.run, watch);
    heard.length = 0;
    const left = await back.rows("public.wide");
    await new Promise((resolve) => left.once("data", resolve));
    left.pause();
    await back.close();
    await expect(text(left)).rejects.toThrow();
    expect(heard, "not only read to its end").toEqual(["cancelling a read"]);
    const active =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'holdfast:%'";
    expect(await copyOf(sql, active)).toBe("0\n");
    await run("SET lock_timeout = '100ms'");
    await expect(run("SELECT count(*) FROM public.wide")).rejects.toThrow(/lock/);
    const again = await one.evidence.recover(statement, way, one.run, watch);
    expect((await text(await again.rows("public.wide"))).split("\n")).toHaveLength(50_001);
    await again.close();
  });

  test("a version that is no longer what was judged is not handed out: the counts must agree", async () => {
    await run(
      "CREATE TABLE public.swapped (id int PRIMARY KEY)",
      "INSERT INTO public.swapped SELECT generate_series(1, 20)",
    );
    await stage.keepRows();
    await run("DELETE FROM public.swapped WHERE id <= 5");
    const one = stage.scene();
    const statement = largest(await one.find("public.swapped"));
    await one.take(await one.evidence.recoveryParts(statement, way, one.run));
    await run("CREATE EXTENSION pg_surgery SCHEMA public");
    // Between the judging and the reading, by the superuser's own surgery: another row lies in the place of a dead one.
    const surgery = [
      "SELECT public.heap_force_kill('public.swapped', ARRAY['(0,1)']::tid[])",
      "VACUUM public.swapped",
      "INSERT INTO public.swapped VALUES (99)",
      "DELETE FROM public.swapped WHERE id = 99",
    ];
    listen(one, async (doing) => {
      if (doing.startsWith("reading the catalogue of")) await run(...surgery.splice(0));
    });
    await expect(one.evidence.recover(statement, way, one.run, watch)).rejects.toMatchObject({
      record: { code: "HF-EVIDENCE-COUNT", message: "4 rows of public.swapped can be read, the pages held 5" },
    });
    expect(surgery).toEqual([]);
    const there = "SELECT ctid, id FROM pg_dirtyread('public.swapped') AS d(ctid tid, id int) WHERE id > 20";
    expect(await copyOf(sql, there.replace("pg_dirtyread", "public.pg_dirtyread"))).toBe("(0,1)\t99\n");
  });

  test("it is closed, with words that open it, where the extension, the pin or the right to it is missing", async () => {
    await run("CREATE TABLE public.shut (id int)", "INSERT INTO public.shut SELECT generate_series(1, 9)");
    await stage.keepRows();
    await run("DELETE FROM public.shut WHERE id <= 5");
    const one = stage.scene();
    const statement = largest(await one.find("public.shut"));
    const closed = async (held: Pick<Scene, "evidence">): Promise<PathOption> => {
      const option = await optionOf(held, statement);
      expect(option).toMatchObject({ feasible: false, recommended: false, rows: null });
      return option;
    };
    expect((await optionOf(one, { ...statement, transactions: ["700"] })).why).toMatch(
      /^The pin holds only what died since/,
    );

    await sql.run("", "CREATE ROLE plain LOGIN REPLICATION IN ROLE pg_read_all_stats");
    const plain = {
      ...one.target,
      catalogue: async () => {
        const session = await one.target.catalogue();
        await session.run("", "SET ROLE plain");
        return session;
      },
    };
    expect((await closed({ evidence: evidence(plain, headStarts()) })).why).toContain("no superuser");
    await (await one.target.catalogue()).run("", "RESET ROLE");

    await one.release();
    const late = stage.scene();
    await run("CREATE EXTENSION pageinspect SCHEMA public");
    expect(await closed(late)).toMatchObject({ why: "No pin holds the rows and their long values." });
    await expect(late.recover(statement, way)).rejects.toMatchObject({ record: { code: "HF-PG-DIRTYREAD-CLOSED" } });
    await run("DROP EXTENSION pageinspect");
  });
});

test("a server without the extension names the package that brings it", async () => {
  const npm = await startTestServer({ settings: { autovacuum: "off" } });
  const session = await npm.connect("postgres");
  const one = scene(npm, "postgres");
  try {
    await session.run("", "CREATE TABLE public.t (id int)");
    await session.run("", "INSERT INTO public.t SELECT generate_series(1, 9)");
    await session.run("", "DELETE FROM public.t WHERE id <= 5");
    const statement = largest(await one.find("public.t"));
    const option = (await one.evidence.paths(statement, watch)).find(({ path }) => path === way);
    expect(option).toMatchObject({ feasible: false, why: "The server does not have the extension pg_dirtyread." });
    expect(option?.opensWith).toContain(`postgresql-${npm.binaries.major}-dirtyread`);
  } finally {
    await one.release();
    await session.close();
    await npm.end();
  }
});
