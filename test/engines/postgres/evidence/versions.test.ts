import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, type Scene, stageOn, text, watch } from "./scene.ts";

onEachMajor(majors(14, 18), (major) => {
  let server: TestServer;
  let sql: Connection;
  const stage = stageOn(() => server);

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { max_prepared_transactions: "5", autovacuum: "off" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const run = async (...statements: string[]) => {
    for (const statement of statements) await sql.run("", statement);
  };
  const numbered = async (table: string, rows: number) => {
    await run(
      `CREATE TABLE ${table} (id int PRIMARY KEY, v int, note text)`,
      `INSERT INTO ${table} SELECT n, n, 'row ' || n FROM generate_series(1, ${rows}) n`,
    );
    await stage.keepRows();
  };
  const rescued = async (scene_: Scene, table: string) => {
    const search = await scene_.find(table);
    const statement = largest(search);
    const back = await scene_.recover(statement);
    const rows = await text(await back.rows(table));
    await back.close();
    return { search, statement, back, rows };
  };

  test("a transaction that updates, inserts and deletes, with savepoints given up, beside cancelled DELETEs and row locks: exactly the rows it took, as they were before it", async () => {
    await numbered("public.mixed", 900);
    const before = await copyOf(sql, "SELECT * FROM public.mixed WHERE id <= 200 AND id <> 150 ORDER BY id");
    const locker = await server.connect("postgres");
    await locker.run("", "BEGIN");
    await locker.rows("", "SELECT FROM public.mixed WHERE id BETWEEN 61 AND 90 FOR KEY SHARE");
    await run(
      "BEGIN",
      "UPDATE public.mixed SET v = -v WHERE id <= 40", // rows 1 to 40 get a newer version by X
      "INSERT INTO public.mixed SELECT n, n, 'never there before' FROM generate_series(1001, 1030) n",
      "SAVEPOINT a",
      "UPDATE public.mixed SET v = v + 1000 WHERE id BETWEEN 21 AND 30 OR id BETWEEN 61 AND 90", // under a multixact with the locker
      "INSERT INTO public.mixed VALUES (2001, 1, 'only by the savepoint')",
      "SAVEPOINT b",
      "DELETE FROM public.mixed WHERE id BETWEEN 101 AND 250", // given up
      "ROLLBACK TO b",
      "RELEASE a",
    );
    await locker.run("", "COMMIT");
    await locker.close();
    await run(
      "SAVEPOINT c",
      "DELETE FROM public.mixed WHERE id <= 50",
      "RELEASE c",
      "SAVEPOINT d",
      "DELETE FROM public.mixed WHERE (id BETWEEN 51 AND 200 AND id <> 150) OR id > 1000", // with its own, never seen by others
      "RELEASE d",
      "UPDATE public.mixed SET note = 'changed' WHERE id = 150 OR id BETWEEN 201 AND 210",
      "COMMIT",
    );
    await run("UPDATE public.mixed SET v = 0 WHERE id = 205", "DELETE FROM public.mixed WHERE id = 300");
    // Last, so that no later read leaves a hint: a cancelled DELETE that hit more rows, and locks that look like deletions.
    await run("BEGIN", "DELETE FROM public.mixed WHERE id > 650", "ROLLBACK");
    await run("BEGIN", "SELECT FROM public.mixed WHERE id BETWEEN 301 AND 450 FOR UPDATE", "COMMIT");
    await run("BEGIN", "SELECT FROM public.mixed WHERE id BETWEEN 401 AND 650 FOR KEY SHARE", "COMMIT");

    const { search, statement, back, rows } = await rescued(stage.scene(), "public.mixed");
    const [taken, changed] = [false, true].map((is) => search.statements.filter(({ values = false }) => values === is));
    expect(taken?.map((one) => one.rows)).toEqual([199, 1]);
    expect(changed?.map((one) => one.rows)).toEqual([11, 1]);
    expect(statement.doubts).toEqual([]);
    expect(statement.subtransactions).toHaveLength(3);
    expect(rows).toBe(before);
    expect(statement.rows).toBe(199);
    expect(back.tables[0]).toMatchObject({ rows: 199, updated: 11, moved: 0, own: 31, unknown: 0 });
  });

  test("a DELETE of rows that others hold under a shared lock is found behind its multixact", async () => {
    await numbered("public.shared", 100);
    const before = await copyOf(sql, "SELECT * FROM public.shared WHERE id <= 60 ORDER BY id");
    // The deleter locks first and deletes under a savepoint: its own two ids make a multixact.
    await run(
      "BEGIN",
      "SELECT FROM public.shared WHERE id <= 60 FOR KEY SHARE",
      "SAVEPOINT s",
      "DELETE FROM public.shared WHERE id <= 60",
      "RELEASE s",
      "COMMIT",
    );
    const { rows, statement } = await rescued(stage.scene(), "public.shared");
    expect(statement.rows).toBe(60);
    expect(rows).toBe(before);
  });

  test("a row that a partition key's UPDATE moved elsewhere is moved, not deleted", async () => {
    await run(
      "CREATE TABLE public.parts (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
      "CREATE TABLE public.parts_a PARTITION OF public.parts FOR VALUES IN ('a')",
      "CREATE TABLE public.parts_b PARTITION OF public.parts FOR VALUES IN ('b')",
      "INSERT INTO public.parts SELECT n, 'a' FROM generate_series(1, 50) n",
    );
    await stage.keepRows();
    await run(
      "BEGIN",
      "UPDATE public.parts SET region = 'b' WHERE id <= 20",
      "DELETE FROM public.parts WHERE id > 40",
      "COMMIT",
    );
    const one = stage.scene();
    const search = await one.find("public.parts");
    const statement = largest(search);
    const back = await one.recover(statement);
    expect(search.tables).toEqual(["public.parts", "public.parts_a", "public.parts_b"]);
    expect(back.tables).toMatchObject([{ table: "public.parts_a", rows: 10, moved: 20, updated: 0 }]);
    expect(await text(await back.rows("public.parts_a"))).toBe(
      Array.from({ length: 10 }, (_, n) => `${n + 41}\ta\n`).join(""),
    );
    await back.close();
  });

  test("an UPDATE is listed after whatever took rows away, as a statement whose former values can come back", async () => {
    await numbered("public.changed", 50);
    await run("UPDATE public.changed SET v = 0");
    await run("DELETE FROM public.changed WHERE id <= 2");
    const search = await stage.scene().find("public.changed");
    expect(search.statements).toMatchObject([
      { rows: 2, kind: "one" },
      { rows: 50, kind: "one", values: true, tables: [{ table: "public.changed", rows: 50 }] },
    ]);
    expect(search.statements[1]?.value).toBe(`update:${search.statements[1]?.transactions[0]}`);
  });

  test("a cascading DELETE brings back parents and children; parents of the table are not its affair", async () => {
    await run(
      "CREATE TABLE public.customers (id int PRIMARY KEY)",
      "CREATE TABLE public.orders (id int PRIMARY KEY, customer int REFERENCES public.customers)",
      "CREATE TABLE public.lines (id int PRIMARY KEY, order_id int REFERENCES public.orders ON DELETE CASCADE)",
      "CREATE TABLE public.notes (id int PRIMARY KEY, line int REFERENCES public.lines ON DELETE CASCADE, body text)",
      "CREATE TABLE public.visits (id int PRIMARY KEY, order_id int REFERENCES public.orders ON DELETE SET NULL)",
      "INSERT INTO public.customers SELECT generate_series(1, 10)",
      "INSERT INTO public.orders SELECT n, n % 10 + 1 FROM generate_series(1, 100) n",
      "INSERT INTO public.lines SELECT n, n % 100 + 1 FROM generate_series(1, 300) n",
      "INSERT INTO public.notes SELECT n, n, repeat('long ', 2000) FROM generate_series(1, 300) n",
      "INSERT INTO public.visits SELECT n, n FROM generate_series(1, 100) n",
    );
    await stage.keepRows();
    const notes = await copyOf(
      sql,
      "SELECT n.* FROM public.notes n JOIN public.lines l ON l.id = n.line WHERE l.order_id <= 30 ORDER BY n.id",
    );
    await run("DELETE FROM public.orders WHERE id <= 30");
    const one = stage.scene();
    const search = await one.find("public.orders");
    expect(search.tables.toSorted()).toEqual(["public.lines", "public.notes", "public.orders", "public.visits"]);
    const statement = largest(search);
    const back = await one.recover(statement);
    const rows = Object.fromEntries(back.tables.map((table) => [table.table, table.rows]));
    expect(rows).toEqual({ "public.orders": 30, "public.lines": 90, "public.notes": 90 });
    expect(await text(await back.rows("public.notes"))).toBe(notes);
    await back.close();
  });

  test("a loop of small DELETEs is offered as one group with the sum, and comes back as one", async () => {
    await numbered("public.looped", 1000);
    const before = await copyOf(sql, "SELECT * FROM public.looped WHERE id <= 450 ORDER BY id");
    for (const from of [1, 101, 201, 301])
      await run(`DELETE FROM public.looped WHERE id BETWEEN ${from} AND ${from + 99}`);
    await run("DELETE FROM public.looped WHERE id BETWEEN 401 AND 450");
    const { search, statement, rows } = await rescued(stage.scene(), "public.looped");
    expect(statement).toMatchObject({ kind: "group", rows: 450 });
    expect(statement.transactions).toHaveLength(5);
    expect(statement.doubts[0]).toContain("taken together");
    expect(search.statements.filter(({ kind }) => kind === "one")).toHaveLength(5);
    expect(rows).toBe(before);
  });

  test("a DELETE that has not committed is offered to be ended, and ending it gives its rows back", async () => {
    await numbered("public.pending", 100);
    const culprit = await server.connect("postgres");
    await culprit.run("", "BEGIN");
    await culprit.run("", "SAVEPOINT s");
    await culprit.run("", "DELETE FROM public.pending WHERE id <= 70");
    const one = stage.scene();
    const statement = largest(await one.find("public.pending"));
    expect(statement).toMatchObject({ kind: "open", rows: 70, value: `open:${culprit.pid}` });
    const paths = await one.evidence.paths(statement, watch);
    expect(paths).toMatchObject([{ path: "cancel-open", feasible: true, rescues: false, rows: 70 }]);
    expect((await one.evidence.cancel(statement)).ended).toContain(`pid ${culprit.pid}`);
    expect(await copyOf(sql, "SELECT count(*) FROM public.pending")).toBe("100\n");
    await culprit.close();
  });

  test("a prepared DELETE is shown with its name, and is not ours to end", async () => {
    await numbered("public.two_phase", 20);
    await run("BEGIN", "DELETE FROM public.two_phase WHERE id <= 7", "PREPARE TRANSACTION 'half way'");
    const one = stage.scene();
    const statement = largest(await one.find("public.two_phase"));
    expect(statement).toMatchObject({ kind: "prepared", rows: 7, value: "prepared:half way" });
    expect(await one.evidence.paths(statement, watch)).toMatchObject([{ feasible: false, rescues: false }]);
    await run("ROLLBACK PREPARED 'half way'");
  });

  test("a column of an extension's type closes the path by the column's name", async () => {
    await run(
      "CREATE EXTENSION citext SCHEMA public",
      "CREATE TABLE public.strange (id int PRIMARY KEY, name public.citext)",
    );
    await run("INSERT INTO public.strange SELECT n, 'x' FROM generate_series(1, 20) n");
    await stage.keepRows();
    await run("DELETE FROM public.strange");
    const one = stage.scene();
    const statement = largest(await one.find("public.strange"));
    const paths = await one.evidence.paths(statement, watch);
    for (const name of major < 16 ? ["page-transplant"] : ["page-transplant", "wal"]) {
      const path = paths.find((option) => option.path === name);
      expect(path).toMatchObject({ feasible: false, recommended: false });
      expect(path?.why).toContain("public.strange.name");
    }
    await expect(one.recover(statement)).rejects.toThrow(/public\.strange\.name/);
  });

  test("under our exclusive lock pages are read through the session that holds it", async () => {
    await numbered("public.locked", 30);
    await run("DELETE FROM public.locked WHERE id <= 9");
    const one = stage.scene(true);
    const { statement } = await rescued(one, "public.locked");
    expect(statement.rows).toBe(9);
    await run("SET lock_timeout = '100ms'");
    await expect(run("SELECT count(*) FROM public.locked")).rejects.toThrow(/lock/);
    await one.release();
    expect(await copyOf(sql, "SELECT count(*) FROM public.locked")).toBe("21\n");
  });
});
