import { afterAll, beforeAll, expect, test } from "vitest";
import type { PathOption, Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, type Scene, stageOn, text, watch } from "./scene.ts";
import { onEachWithLog } from "./with-log.ts";

/** What a statement deleted may have been its own: where the pages can't tell any more, a number is a least one. */
onEachWithLog([16, 18], (major) => {
  let server: TestServer;
  let sql: Connection;
  const stage = stageOn(() => server);

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", max_wal_size: "4GB" } });
    sql = await server.connect("postgres");
    await sql.run("", "create extension pageinspect");
    await sql.run("", "create extension pg_walinspect");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });

  const inOne = (...statements: readonly string[]) => sql.client.query(["begin", ...statements, "commit"].join(";\n"));
  async function made(table: string, rows: number, value = "repeat('x', 100)") {
    await sql.run("", `create table public.${table} (id int primary key, note text)`);
    await sql.run("", `insert into public.${table} select n, ${value} from generate_series(1, ${rows}) n`);
    await sql.run("", `vacuum public.${table}`);
    // From here on the log tells what later transactions do.
    await sql.run("", "checkpoint");
  }
  /** Reads that clean the pages up on which these rows lie. */
  async function readAway(table: string, where: string) {
    for (const off of ["seqscan", "bitmapscan"]) await sql.run("", `set enable_${off} = off`);
    await sql.run("", `select count(note) from public.${table} where ${where}`);
    for (const off of ["seqscan", "bitmapscan"]) await sql.run("", `reset enable_${off}`);
  }
  async function ways(rescue: Scene, statement: Statement): Promise<Readonly<Record<string, PathOption>>> {
    return Object.fromEntries((await rescue.evidence.paths(statement, watch)).map((one) => [one.path, one]));
  }
  async function sums(rescue: Scene, statement: Statement, way: string) {
    const back = await rescue.recover(statement, way);
    const sum = (what: "rows" | "own" | "unknown") => back.tables.reduce((all, table) => all + table[what], 0);
    try {
      return { rows: sum("rows"), own: sum("own"), unknown: sum("unknown") };
    } finally {
      await back.close();
    }
  }

  test("a statement that deleted and inserted, and of which reads pruned a part, took a least and a most; the log has all, and is the way", async () => {
    await made("reload", 2000);
    const expected = await copyOf(sql, "select * from public.reload where id <= 1000 order by id");
    await inOne(
      "delete from public.reload where id <= 1000",
      "insert into public.reload select n + 10000, repeat('y', 100) from generate_series(1, 990) n",
    );
    await readAway("reload", "id < 700");
    const rescue = stage.scene();
    const found = largest(await rescue.find("public.reload"));
    expect(found.rows).toBeGreaterThan(200);
    expect(found.rows).toBeLessThan(500);
    const gone = 1000 - found.rows;
    expect(found).toMatchObject({ most: 1000, tables: [{ table: "public.reload", rows: found.rows, most: 1000 }] });
    expect(found.doubts.join(" ")).toContain(`The log tells of ${gone} deletes more`);

    const { wal, ...others } = await ways(rescue, found);
    expect(others["page-transplant"]).toMatchObject({ feasible: true, rows: found.rows, recommended: false });
    expect(others["page-transplant"]?.loses).toContain(`up to ${gone} rows more`);
    expect(wal).toMatchObject({ feasible: true, rows: 1000, recommended: true });
    expect(wal?.loses).toBe("nothing that the log tells of. The log proves that 1,000 rows are all that it took.");
    const counted = await rescue.evidence.count(found, "page-transplant", watch);
    expect(counted).toMatchObject([{ rows: found.rows, own: 0, unknown: gone }]);

    expect(await sums(rescue, found, "page-transplant")).toEqual({ rows: found.rows, own: 0, unknown: gone });
    const back = await rescue.recover(found, "wal");
    expect(back.tables).toMatchObject([{ rows: 1000, unknown: 0, lost: 0 }]);
    expect(await text(await back.rows("public.reload"))).toBe(expected);
    await back.close();
  });

  test("one whose rows are all vacuumed is listed though it inserted more than it deleted, and comes back out of the log", async () => {
    await made("replaced", 100);
    await inOne(
      "delete from public.replaced where id <= 50",
      "insert into public.replaced select n, 'new' from generate_series(1001, 1060) n",
    );
    await sql.run("", "vacuum public.replaced");
    const rescue = stage.scene();
    const { statements } = await rescue.find("public.replaced");
    expect(statements).toMatchObject([
      { rows: 0, most: 50, tables: [{ table: "public.replaced", rows: 0, most: 50 }] },
    ]);
    const [found] = statements as [Statement];
    expect((await ways(rescue, found)).wal).toMatchObject({ feasible: true, rows: 50, recommended: true });
    expect(await sums(rescue, found, "wal")).toEqual({ rows: 50, own: 0, unknown: 0 });
  });

  test("where the pages account for every delete, own rows too, nothing is in doubt", async () => {
    await made("told", 200);
    await stage.keepRows();
    await inOne(
      "insert into public.told select n, 'own' from generate_series(1001, 1040) n",
      "update public.told set note = 'changed' where id between 90 and 120 or id > 1030",
      "delete from public.told where id <= 100 or id > 1020",
    );
    const rescue = stage.scene();
    const found = largest(await rescue.find("public.told"));
    expect(found).toMatchObject({ rows: 100, tables: [{ table: "public.told", rows: 100 }], doubts: [] });
    expect(found).not.toHaveProperty("most");
    expect(found.tables[0]).not.toHaveProperty("most");
    const { wal, ...others } = await ways(rescue, found);
    expect(others["page-transplant"]).toMatchObject({ rows: 100, recommended: true });
    expect(others["page-transplant"]?.loses).toMatch(/^nothing that is still on the pages/);
    expect(wal?.why).toContain("the log was not read for more");
    expect(await sums(rescue, found, "page-transplant")).toEqual({ rows: 100, own: 20, unknown: 0 });
  });

  test("where only its own rows were pruned, the log proves that nothing is missing: then it is the way that says so", async () => {
    await made("scratch", 100, "'short'");
    await inOne(
      "insert into public.scratch select n, repeat('own', 30) from generate_series(1001, 1400) n",
      "delete from public.scratch where id <= 10 or id > 1300",
    );
    await readAway("scratch", "id > 1350");
    const rescue = stage.scene();
    const found = largest(await rescue.find("public.scratch"));
    expect(found.rows).toBe(10);
    expect(found.most).toBeGreaterThan(10);
    const { wal, ...others } = await ways(rescue, found);
    expect(others["page-transplant"]).toMatchObject({ rows: 10, recommended: false });
    expect(wal).toMatchObject({ rows: 10, recommended: true });
    expect(wal?.loses).toContain("The log proves that 10 rows are all that it took");
    expect(await sums(rescue, found, "wal")).toEqual({ rows: 10, own: 100, unknown: 0 });
  });

  test("a row that it updated and then deleted is not called its own where its first version was pruned", async () => {
    await made("marked", 400);
    await inOne(
      "update public.marked set note = repeat('z', 100) where id <= 60",
      "delete from public.marked where id <= 60",
    );
    // Only the pages with the first versions are read.
    await sql.run("", "select count(note) from public.marked where ctid < '(1,0)'");
    const rescue = stage.scene();
    const found = largest(await rescue.find("public.marked"));
    const counted = await rescue.evidence.count(found, "page-transplant", watch);
    const [{ rows, own, unknown }] = counted as [(typeof counted)[number]];
    expect(own).toBe(0);
    expect(unknown).toBeGreaterThan(0);
    // The log knows of each of them that somebody else had made it.
    expect(rows + unknown).toBe(60);
    expect((await ways(rescue, found)).wal).toMatchObject({ rows: 60, recommended: true });
    expect(await sums(rescue, found, "wal")).toEqual({ rows: 60, own: 0, unknown: 0 });
  });

  test.each(["on their pages", "vacuumed"])(
    "rows that it moved to another partition and deleted there are not called its own, nor all: %s",
    async (where) => {
      const table = where === "vacuumed" ? "public.v" : "public.p";
      await sql.run("", `create table ${table} (id int, r text, primary key (id, r)) partition by list (r)`);
      for (const part of ["a", "b"])
        await sql.run("", `create table ${table}${part} partition of ${table} for values in ('${part}')`);
      await sql.run("", `insert into ${table} select n, 'a' from generate_series(1, 100) n`);
      await sql.run("", "checkpoint");
      await stage.keepRows();
      await inOne(
        `update ${table} set r = 'b' where id <= 40`,
        `delete from ${table} where id <= 30 or id > 95`,
        `insert into ${table} values (1000, 'a')`,
      );
      await stage.letGo();
      if (where === "vacuumed") await sql.run("", `vacuum ${table}`);
      const rescue = stage.scene();
      const found = largest(await rescue.find(table));
      expect([found.rows, found.most]).toEqual(where === "vacuumed" ? [4, 35] : [5, 35]);
      expect(found.tables).toContainEqual({ table: `${table}b`, rows: 0, most: 30 });
      const { wal, ...others } = await ways(rescue, found);
      expect(wal).toMatchObject({ feasible: true, rows: 5 });
      expect(wal?.loses).toBe(
        "up to 30 rows that it moved to another partition and may have deleted there. At least 5 rows.",
      );
      expect(await sums(rescue, found, "wal")).toEqual({ rows: 5, own: 0, unknown: 30 });
      expect(others["page-transplant"]?.recommended ?? false).toBe(false);
      if (where === "vacuumed") return;
      expect(others["page-transplant"]?.loses).toContain("up to 30 rows more");
      expect(await sums(rescue, found, "page-transplant")).toEqual({ rows: 5, own: 0, unknown: 30 });
    },
  );
});
