import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { scene, text, watch } from "./scene.ts";
import { history, type Wishes } from "./wal-history.ts";
import { onEachWithLog } from "./with-log.ts";

onEachWithLog([18], (major) => {
  let server: TestServer;
  const database = "h";

  beforeAll(async () => {
    server = await startTestServer({
      major,
      initdb: ["-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1"],
      settings: { autovacuum: "off", max_wal_size: "2GB", min_wal_size: "2MB" },
    });
    const making = await server.connect("postgres");
    await making.run("", `CREATE DATABASE ${database}`);
    await making.close();
    const sql = await server.connect(database);
    for (const name of ["pageinspect", "pg_walinspect"]) await sql.run("", `CREATE EXTENSION ${name} SCHEMA public`);
    await sql.close();
  });
  afterAll(() => server.end());

  const clean = ["none", "some", "all"] as const;
  const many = Number(process.env.HOLDFAST_HISTORIES ?? "12");
  const from = Number(process.env.HOLDFAST_SEED ?? "1");

  /** What each history has of the list is told by its seed, so that a failure can be had again. */
  function wishesOf(seed: number): Wishes {
    return {
      seed,
      parts: seed % 3 === 0,
      twin: seed % 4 === 1,
      cut: seed % 5 === 4,
      clean: clean[(seed % 7) % 3] ?? "all",
      rewritten: seed % 6 === 5,
    };
  }

  const seeds = Array.from({ length: many }, (_, nth) => from + nth);

  test.each(seeds)("history %i out of the log: exactly what the transaction took, or counted as lost", async (seed) => {
    const wishes = wishesOf(seed);
    const { tables, statement, expected } = await history(server, database, wishes);
    const one = scene(server, database);
    const option = (await one.evidence.paths(statement, watch)).find(({ path }) => path === "wal");
    const back = await one.recover(statement, "wal");
    const rows: string[] = [];
    for (const table of tables)
      rows.push(...(await text(await back.rows(table))).split("\n").filter((line) => line !== ""));
    const sum = (what: "rows" | "lost" | "unknown" | "moved" | "own") =>
      back.tables.reduce((all, table) => all + (table[what] ?? 0), 0);
    const told = `seed ${seed} ${JSON.stringify(wishes)} ${JSON.stringify(back.tables.map((one) => ({ ...one, columns: [] })))}`;
    await back.close();
    await one.release();

    expect(rows.length, told).toBe(sum("rows"));
    expect(new Set(rows).size, told).toBe(rows.length);
    expect(
      rows.filter((row) => !expected.includes(row)),
      told,
    ).toEqual([]);
    expect(option?.rows, told).toBe(rows.length);
    const whole = option?.loses.includes("The log proves") ?? false;
    // The log is there since the table was made: nothing may be lacking but what went through two partitions, which it can't tell of.
    const moved = wishes.parts && !wishes.cut ? sum("unknown") : 0;
    expect(whole, told).toBe(!wishes.cut && moved === 0);
    if (!wishes.cut) expect([sum("lost"), sum("unknown")], told).toEqual([0, moved]);
    if (!wishes.cut) expect(expected.length - sum("rows"), told).toBeLessThanOrEqual(moved);
    else expect(sum("rows") + sum("lost"), told).toBeLessThanOrEqual(expected.length);
  });
});
