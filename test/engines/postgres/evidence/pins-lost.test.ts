import { afterEach, beforeEach, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, type Scene, scene, text, watch } from "./scene.ts";

onEachMajor(majors(18), (major) => {
  let server: TestServer;
  let sql: Connection;
  let one: Scene;
  let expected: string;

  beforeEach(async () => {
    server = await startTestServer({
      major,
      settings: {
        autovacuum: "off",
        fsync: "off",
        max_slot_wal_keep_size: "32MB",
        min_wal_size: "32MB",
        max_wal_size: "64MB",
      },
    });
    sql = await server.connect("postgres");
    one = scene(server, "postgres");
    await run("CREATE TABLE public.t (id int PRIMARY KEY, note text)");
    await run("INSERT INTO public.t SELECT n, repeat('x', 100) FROM generate_series(1, 2000) n");
    expected = await copyOf(sql, "SELECT * FROM public.t WHERE id <= 1500 ORDER BY id");
    await run("DELETE FROM public.t WHERE id <= 1500");
  });
  afterEach(async () => {
    await one.release();
    expect(await copyOf(sql, "SELECT slot_name FROM pg_replication_slots")).toBe("");
    await sql.close();
    await server.end();
  });
  const run = (statement: string) => sql.run("", statement);
  const told = async () => (await one.evidence.held(one.leases)).map(({ level, text: words }) => [level, words]);

  async function crash() {
    await sql.close();
    await one.target.close();
    server = await server.restart("immediate");
    sql = await server.connect("postgres");
  }

  async function allComeBack() {
    const statement = largest(await one.find("public.t"));
    await run("VACUUM public.t");
    const back = await one.recover(statement);
    expect(back.tables).toMatchObject([{ rows: 1500, unknown: 0 }]);
    expect(await text(await back.rows("public.t"))).toBe(expected);
    await back.close();
  }

  test("a crash right after the pin on the rows empties it: that is said, and taken again it holds all of them", async () => {
    const parts = await one.evidence.freeze("public.t", { run: one.run, lockTable: false });
    const [pin] = parts;
    if (pin?.lease.kind !== "row-pin") throw new Error("the rows' pin is not the first");
    await one.take([pin]);
    expect((await told())[1]).toEqual([
      "warn",
      "A crash of the server before its next checkpoint would lose the pin on the rows.",
    ]);
    await crash();
    expect((await told())[0]).toEqual(["stop", "The pin on the rows is empty: the server crashed since."]);
    await allComeBack();
  });

  test("a crash right after both pins and their checkpoint loses nothing", async () => {
    await one.take((await one.evidence.freeze("public.t", { run: one.run, lockTable: false })).slice(0, 2));
    await crash();
    expect((await told()).map(([level]) => level)).toEqual(["ok", "ok", "ok", "ok", "note"]);
    await run("VACUUM public.t");
    await allComeBack();
  });

  test("the server's own limit cuts the pin on its log: that is said, and the rows' pin holds all of them", async () => {
    const search = await one.find("public.t");
    await run("CREATE TABLE public.load (n int, note text)");
    const cut = `SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'holdfast_wal_%' AND wal_status = 'lost'`;
    for (let tries = 0; tries < 10 && (await copyOf(sql, cut)) === "0\n"; tries += 1) {
      await run("INSERT INTO public.load SELECT n, repeat('y', 800) FROM generate_series(1, 20000) n");
      await run("SELECT pg_switch_wal()");
      await run("CHECKPOINT");
    }
    const words = await told();
    expect(words).toContainEqual(["warn", "The pin on the server's log is lost. The rows are held on their own."]);
    expect(words.filter(([level]) => level === "stop")).toEqual([]);
    await run("VACUUM public.t");
    await run("SELECT count(*) FROM public.t WHERE id > 0");
    const counted = await one.evidence.count(largest(search), "page-transplant", watch);
    expect(counted).toMatchObject([{ rows: 1500, unknown: 0 }]);
    const back = await one.recover(largest(search));
    expect(await text(await back.rows("public.t"))).toBe(expected);
    await back.close();
  });
});
