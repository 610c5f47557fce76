import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { debian } from "../../../support/dirtyread.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, type Scene, stageOn, text, watch } from "./scene.ts";

const hasDirtyread = existsSync("/usr/share/postgresql/15/extension/pg_dirtyread.control");

/** Rows that a loop deleted, that somebody put back, and that the loop deleted again within the minute. */
onEachMajor(majors(15, 18), (major) => {
  let server: TestServer;
  let sql: Connection;
  const stage = stageOn(() => server);

  beforeAll(async () => {
    const from = major === 15 && hasDirtyread ? debian : { major };
    server = await startTestServer({ ...from, settings: { autovacuum: "off", max_wal_size: "4GB" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const run = async (...statements: string[]) => {
    for (const statement of statements) await sql.run("", statement);
  };
  const table = async (name: string, type = "int") =>
    run(
      `CREATE TABLE public.${name} (gone text, "Id" ${type} PRIMARY KEY, v text)`,
      `INSERT INTO public.${name} SELECT 'x', n, 'first ' || n FROM generate_series(1, 30) n`,
      `ALTER TABLE public.${name} DROP COLUMN gone`,
      "CHECKPOINT",
    );
  /** `between`: what happens each time that rows were put back. */
  const loop = async (name: string, between: () => Promise<unknown> = () => Promise.resolve()) => {
    await run(
      `DELETE FROM public.${name} WHERE "Id" <= 10`,
      `INSERT INTO public.${name} SELECT n, 'second ' || n FROM generate_series(1, 10) n`,
    );
    await between();
    await run(
      "BEGIN",
      `INSERT INTO public.${name} VALUES (99, 'its own')`,
      "SAVEPOINT s",
      `DELETE FROM public.${name} WHERE "Id" <= 5 OR "Id" BETWEEN 11 AND 15 OR "Id" = 99`,
      "COMMIT",
      `INSERT INTO public.${name} SELECT n, 'third ' || n FROM generate_series(1, 2) n`,
    );
    await between();
    await run(`DELETE FROM public.${name} WHERE "Id" = 1 OR "Id" BETWEEN 16 AND 24`);
  };
  const expected = copyText([
    "1\tthird 1",
    ...[2, 3, 4, 5].map((n) => `${n}\tsecond ${n}`),
    ...Array.from({ length: 19 }, (_, nth) => `${nth + 6}\tfirst ${nth + 6}`),
  ]);
  function copyText(lines: readonly string[]): string {
    return `${lines.join("\n")}\n`;
  }
  async function comesBack(rescue: Scene, statement: Statement, way: string) {
    const counted = await rescue.evidence.count(statement, way, watch);
    const back = await rescue.recover(statement, way);
    const [name = ""] = statement.tables.map((one) => one.table);
    const rows = await text(await back.rows(name));
    await back.close();
    return { counted, tables: back.tables, rows };
  }
  const option = async ({ evidence }: Scene, statement: Statement, way: string) =>
    (await evidence.paths(statement, watch)).find(({ path }) => path === way);
  const withoutBytes = (tables: readonly object[]) => tables.map((one) => ({ ...one, bytes: 0 }));

  const ways = ["page-transplant", ...(major === 15 && hasDirtyread ? ["pg-dirtyread"] : [])];
  test.each(ways)("each row comes back once, as it was taken last: %s", async (way) => {
    const name = `again_${way.replaceAll("-", "_")}`;
    await table(name);
    await stage.keepRows();
    await loop(name);
    const rescue = stage.scene();
    const group = largest(await rescue.find(`public.${name}`));
    expect(group).toMatchObject({ kind: "group", rows: 30 });
    const { counted, tables, rows } = await comesBack(rescue, group, way);
    expect(rows).toBe(expected);
    expect(tables).toMatchObject([{ rows: 24, older: 6, own: 1, unknown: 0 }]);
    expect(withoutBytes(tables)).toEqual(withoutBytes(counted));
    expect(await option(rescue, group, way)).toMatchObject({ rows: 24 });
    expect(await option(rescue, group, "page-transplant")).toMatchObject({ recommended: true });
  });

  test.skipIf(major < 16)("also where some versions are on their pages and others only in the log", async () => {
    await table("logged");
    await loop("logged", () => run("VACUUM public.logged"));
    const rescue = stage.scene();
    const group = largest(await rescue.find("public.logged"));
    expect(group).toMatchObject({ kind: "group", rows: 30 });
    const { counted, tables, rows } = await comesBack(rescue, group, "wal");
    expect(rows).toBe(expected);
    expect(tables).toMatchObject([{ rows: 24, older: 6, lost: 0, from: { "page-transplant": 10, wal: 14 } }]);
    expect(withoutBytes(tables)).toEqual(withoutBytes(counted));
  });

  test("where the order of the commits is not known nothing is guessed: the way is closed, and one transaction alone comes back", async () => {
    await table("unordered");
    await stage.keepRows();
    await loop("unordered");
    const rescue = stage.scene();
    const search = await rescue.find("public.unordered");
    const { positions: _known, ...group } = largest(search);
    const refused = {
      record: { code: "HF-PG-GROUP-ORDER", exit: "refused", hint: expect.stringContaining("one transaction") },
    };
    await expect(rescue.evidence.count(group, "page-transplant", watch)).rejects.toMatchObject(refused);
    await expect(rescue.recover(group)).rejects.toMatchObject(refused);
    expect(await option(rescue, group, "page-transplant")).toMatchObject({
      feasible: false,
      opensWith: expect.stringContaining("One transaction"),
    });
    const last = search.statements.find(({ value }) => value === group.transactions.at(-1));
    const { rows } = await comesBack(rescue, last as Statement, "page-transplant");
    expect(rows.split("\n")).toContain("1\tthird 1");
  });

  test("a key whose equal values may have other bytes closes the way only where a row was put back in other bytes", async () => {
    await table("scaled", "numeric");
    await stage.keepRows();
    await loop("scaled");
    const rescue = stage.scene();
    const { rows } = await comesBack(rescue, largest(await rescue.find("public.scaled")), "page-transplant");
    expect(rows).toBe(expected);

    await run(
      `INSERT INTO public.scaled SELECT n + 0.0, 'fourth ' || n FROM generate_series(16, 20) n`,
      `DELETE FROM public.scaled WHERE "Id" BETWEEN 16 AND 20`,
    );
    const again = stage.scene();
    const all = largest(await again.find("public.scaled"));
    expect(all.transactions).toHaveLength(4);
    await expect(again.evidence.count(all, "page-transplant", watch)).rejects.toMatchObject({
      record: { code: "HF-PG-GROUP-KEY", exit: "refused" },
    });
  });

  test("without a key a group comes back only where no row was made while it went on: one may be a row that it had taken before", async () => {
    await run("CREATE TABLE public.keyless (n int)", "INSERT INTO public.keyless SELECT generate_series(1, 30)");
    await stage.keepRows();
    const takes = (where: string) => `DELETE FROM public.keyless WHERE ${where}`;
    await run(takes("n <= 5"), takes("n <= 10"), takes("n <= 15"));
    const rescue = stage.scene();
    const { counted } = await comesBack(rescue, largest(await rescue.find("public.keyless")), "page-transplant");
    expect(counted).toMatchObject([{ rows: 15 }]);

    await run("INSERT INTO public.keyless VALUES (1)", takes("n = 1 OR n BETWEEN 21 AND 24"));
    const again = stage.scene();
    const all = largest(await again.find("public.keyless"));
    expect(all.transactions).toHaveLength(4);
    await expect(again.evidence.count(all, "page-transplant", watch)).rejects.toMatchObject({
      record: { code: "HF-PG-GROUP-KEY", exit: "refused" },
    });
  });

  test("text keys, keys of several columns, and long rows are told apart by their values", async () => {
    await run(
      'CREATE TABLE public.wide (a text COLLATE "C", fill text, b uuid, PRIMARY KEY (b, a))',
      "INSERT INTO public.wide SELECT repeat('k', n * 20), repeat(md5(n::text), 200), md5((n % 3)::text)::uuid FROM generate_series(1, 12) n",
    );
    const before = await copyOf(sql, "SELECT a, 'short', b FROM public.wide ORDER BY b, a");
    await stage.keepRows();
    for (const fill of ["short", "again"]) {
      await run("CREATE TABLE public.kept AS SELECT * FROM public.wide", "DELETE FROM public.wide");
      await run(`INSERT INTO public.wide SELECT a, '${fill}', b FROM public.kept`, "DROP TABLE public.kept");
    }
    await run("DELETE FROM public.wide WHERE a LIKE 'k%' AND length(a) > 20");
    const rescue = stage.scene();
    const group = largest(await rescue.find("public.wide"));
    expect(group).toMatchObject({ kind: "group", rows: 35 });
    const { tables, rows } = await comesBack(rescue, group, "page-transplant");
    expect(tables).toMatchObject([{ rows: 12, older: 23 }]);
    const isShort = (line: string) => line.indexOf("\t") === 20;
    expect(rows.split("\n")).toEqual(
      before.split("\n").map((line) => (isShort(line) ? line : line.replace("short", "again"))),
    );
  });
});
