import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { RecoveredTable, Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, type Scene, scene, text, watch } from "./scene.ts";

const taken = 1800;

/** How far VACUUM has come when the freeze begins: not begun, at work, done. */
const moments = ["0 %", "30 %", "100 %"] as const;

onEachMajor(majors(14, 18), (major) => {
  let server: TestServer;
  let sql: Connection;
  let one: Scene;
  let expected: ReadonlySet<string>;

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  beforeEach(async () => {
    one = scene(server, "postgres");
    for (const statement of [
      "DROP TABLE IF EXISTS public.t",
      "CREATE TABLE public.t (id int PRIMARY KEY, note text)",
      "INSERT INTO public.t SELECT n, n || repeat('x', 200) FROM generate_series(1, 2000) n",
    ])
      await sql.run("", statement);
    const lost = await copyOf(sql, "SELECT * FROM public.t WHERE id % 10 <> 0");
    expected = new Set(lost.trim().split("\n"));
    await sql.run("", "DELETE FROM public.t WHERE id % 10 <> 0");
  });
  afterEach(() => one.release());

  /** Nobody but a VACUUM that is at work when the freeze begins, and is ended by it. */
  async function raced(moment: (typeof moments)[number]) {
    const other = await server.connect("postgres");
    if (moment === "100 %") await other.run("", "VACUUM public.t");
    if (moment === "30 %") {
      await other.run("", "SET vacuum_cost_delay = '100ms'");
      await other.run("", "SET vacuum_cost_limit = 20");
    }
    const vacuum = moment === "30 %" ? other.run("", "VACUUM public.t").catch(() => null) : null;
    const scanned = "SELECT coalesce(sum(100 * heap_blks_scanned / heap_blks_total), 0) FROM pg_stat_progress_vacuum";
    if (vacuum) await expect.poll(async () => Number(await copyOf(sql, scanned)) >= 30, { interval: 5 }).toBe(true);
    const search = await one.find("public.t");
    await vacuum;
    await other.run("", "RESET vacuum_cost_delay");
    // What comes after the pin must take nothing more.
    await other.run("", "VACUUM public.t");
    await other.close();
    return search;
  }

  async function handedOut(statement: Statement, path: string): Promise<RecoveredTable> {
    const counted = await one.evidence.count(statement, path, watch);
    const back = await one.recover(statement, path);
    const lines = (await text(await back.rows("public.t"))).split("\n").filter((line) => line !== "");
    await back.close();
    // Nothing is claimed that is not there: as many lines as counted, each of a row that was taken, none twice.
    expect(counted.map(({ rows }) => rows)).toEqual([lines.length]);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.filter((line) => !expected.has(line))).toEqual([]);
    const [table] = back.tables;
    if (!table) throw new Error("no table came back");
    expect(table.rows).toBe(lines.length);
    return table;
  }

  test.each(moments)("VACUUM was there first for %s of the rows: each sum is exact, by every way", async (moment) => {
    const [statement] = (await raced(moment)).statements;
    if (!statement) throw new Error("the statement was not found");
    expect(statement.rows).toBe(taken);
    const paths = await one.evidence.paths(statement, watch);
    const option = (name: string) => paths.find(({ path }) => path === name);
    const pages = option("page-transplant");
    const rows = pages?.rows ?? -1;
    if (moment === "0 %") expect(rows).toBe(taken);
    if (moment === "100 %") expect(rows).toBe(0);
    if (moment === "30 %") expect([rows > 0, rows < taken]).toEqual([true, true]);
    expect(pages).toMatchObject({ feasible: rows > 0, recommended: rows === taken });
    if (rows < taken)
      expect(pages?.loses).toBe(
        `${(taken - rows).toLocaleString("en")} of the 1,800 rows that it took: they do not come back this way.`,
      );
    if (rows > 0) {
      const none = { updated: 0, moved: 0, own: 0, unknown: 0 };
      expect(await handedOut(statement, "page-transplant")).toMatchObject({ rows, ...none });
    }
    if (major < 16) return expect(option("wal")).toMatchObject({ feasible: false });
    const log = await handedOut(statement, "wal");
    expect(log).toMatchObject({ from: { "page-transplant": rows, wal: taken - rows }, lost: 0, unknown: 0 });
    expect(log.rows).toBe(taken);
  });
});
