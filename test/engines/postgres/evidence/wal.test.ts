import { afterAll, beforeAll, expect, test } from "vitest";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidenceKeepers } from "../../../../src/engines/postgres/evidence.ts";
import { spentPins } from "../../../../src/engines/postgres/evidence/freeze/narrow.ts";
import type { PostgresTarget } from "../../../../src/engines/postgres/target.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, type Scene, stageOn, text, watch } from "./scene.ts";
import { onEachWithLog } from "./with-log.ts";

onEachWithLog([16, 18], (major) => {
  let server: TestServer;
  let sql: Connection;
  const stage = stageOn(() => server);

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", max_wal_size: "4GB" } });
    sql = await server.connect("postgres");
    await sql.run("", "CREATE EXTENSION pageinspect SCHEMA public");
    await sql.run("", "CREATE EXTENSION pg_walinspect SCHEMA public");
  });
  afterAll(async () => {
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
    const rescue = stage.scene();
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
    const search = await stage.scene().find("public.parent");
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

  async function walOption(rescue: Scene, statement: Statement) {
    const option = (await rescue.evidence.paths(statement, watch)).find(({ path }) => path === "wal");
    if (!option) throw new Error("the path is not listed");
    return option;
  }

  test("where another way is asked for ahead and is open, the log is not counted for the list, and can be chosen all the same", async () => {
    await run("CREATE TABLE public.n (id int PRIMARY KEY, note text)");
    await run("INSERT INTO public.n SELECT n, repeat('x', 500) FROM generate_series(1, 50) n");
    await run("DELETE FROM public.n WHERE id <= 5");
    await run("VACUUM public.n");
    const rescue = stage.scene();
    await rescue.find("public.n");
    await sql.run("", "BEGIN");
    await run("DELETE FROM public.n WHERE id > 30");
    await run("COMMIT");
    const [statement] = (await rescue.evidence.search({ table: "public.n", tables: ["public.n"] }, watch)).statements;
    if (!statement) throw new Error("nothing was found");
    const asked = async (of: Statement, named: string) =>
      (await rescue.evidence.paths(of, watch, named)).find(({ path }) => path === "wal");
    // More than the pages know of it.
    const more = { ...statement, rows: statement.rows + 1 };
    expect(await asked(more, "page-transplant")).toMatchObject({ feasible: true, rows: null, recommended: true });
    expect((await asked(more, "page-transplant"))?.why).toContain("another way was asked for");
    expect(await rescue.evidence.count(statement, "wal", watch)).toMatchObject([{ rows: 20 }]);
    // A clone can't be made here, and nothing else is named by the others.
    for (const named of ["clone", "wal", "recommended"])
      expect(await asked(more, named)).toMatchObject({ feasible: true, rows: 20 });
  });

  test("what one savepoint inserted and another deleted is not told as lost", async () => {
    await run("CREATE TABLE public.s (id int PRIMARY KEY, note text)");
    await run("INSERT INTO public.s SELECT n, 'x' FROM generate_series(1, 100) n");
    for (const one of ["BEGIN", "SAVEPOINT a", "INSERT INTO public.s SELECT n, 'own' FROM generate_series(201, 240) n"])
      await run(one);
    for (const one of ["RELEASE a", "SAVEPOINT b", "DELETE FROM public.s WHERE id > 30", "RELEASE b", "COMMIT"])
      await run(one);
    await run("VACUUM public.s");
    const [only] = (await stage.scene().find("public.s")).statements;
    expect(only).toMatchObject({ rows: 70 });
    expect(only?.subtransactions).toHaveLength(2);
  });

  test("a loop of small DELETEs comes back whole, though others took their rows' places between them", async () => {
    await run("CREATE TABLE public.l (id int PRIMARY KEY, note text)");
    await run("INSERT INTO public.l SELECT n, md5(n::text) FROM generate_series(1, 2000) n");
    const expected = await copyOf(sql, "SELECT * FROM public.l WHERE id <= 1000 ORDER BY id");
    const ids: string[] = [];
    for (const from of [1, 251, 501, 751]) {
      await run("BEGIN");
      ids.push((await sql.row("", "SELECT pg_current_xact_id()::text AS xid")).xid ?? "");
      await run(`DELETE FROM public.l WHERE id BETWEEN ${from} AND ${from + 249}`);
      await run("COMMIT");
      await run("VACUUM public.l");
      await run(`INSERT INTO public.l SELECT n, 'after' FROM generate_series(${from + 10000}, ${from + 10099}) n`);
    }
    const rescue = stage.scene();
    const { statements } = await rescue.find("public.l");
    const group = statements.find(({ kind, tables }) => kind === "group" && tables[0]?.table === "public.l");
    if (!group) throw new Error("no group was found");
    expect(group.transactions).toEqual(ids);
    const option = await walOption(rescue, group);
    expect(option).toMatchObject({ feasible: true, recommended: true, rows: 1000 });
    expect(option.loses).toBe("nothing that the log tells of. The log proves that 1,000 rows are all that it took.");
    const back = await rescue.recover(group, "wal");
    expect(await text(await back.rows("public.l"))).toBe(expected);
    await back.close();
  });

  test("a place that the statement took twice is two rows: one from its page, the other out of the log", async () => {
    await run("CREATE TABLE public.twice (id int PRIMARY KEY, note text)");
    await run("INSERT INTO public.twice VALUES (1, 'one')");
    const first = await statementOf("public.twice", 1, ["DELETE FROM public.twice WHERE id = 1"]);
    await run("VACUUM public.twice");
    await run("VACUUM public.twice");
    await run("INSERT INTO public.twice VALUES (2, 'two')");
    expect((await sql.row("", "SELECT ctid::text FROM public.twice")).ctid).toBe("(0,1)");
    const second = await statementOf("public.twice", 1, ["DELETE FROM public.twice WHERE id = 2"]);
    const both = {
      ...first,
      kind: "group" as const,
      rows: 2,
      transactions: [...first.transactions, ...second.transactions],
    };
    const back = await stage.scene().recover(both, "wal");
    expect(back.tables[0]).toMatchObject({ rows: 2, from: { "page-transplant": 1, wal: 1 }, lost: 0 });
    expect((await text(await back.rows("public.twice"))).split("\n").toSorted()).toEqual(["", "1\tone", "2\ttwo"]);
    await back.close();
  });

  test("a row whose long value is not whole is counted as lost, and never handed out", async () => {
    await run("CREATE TABLE public.cut (id int PRIMARY KEY, big text)");
    await run("ALTER TABLE public.cut ALTER COLUMN big SET STORAGE EXTERNAL");
    await run("INSERT INTO public.cut SELECT n, repeat(md5(n::text), 300) FROM generate_series(1, 40) n");
    const statement = await statementOf("public.cut", 40, ["DELETE FROM public.cut"]);
    await run("VACUUM public.cut");
    const node = await sql.row(
      "",
      "SELECT pg_relation_filenode(reltoastrelid)::text AS node FROM pg_class WHERE oid = 'public.cut'::regclass",
    );
    // A server whose log has lost what it said of the chunks: a view in front of its function leaves it out.
    await run("CREATE SCHEMA deaf");
    await run(`CREATE FUNCTION deaf.pg_get_wal_block_info(pg_lsn, pg_lsn, bool) RETURNS TABLE (start_lsn pg_lsn, block_id int2, reltablespace oid, reldatabase oid,
      relfilenode oid, relforknumber int2, relblocknumber int8, xid xid, record_type text, description text, block_data bytea, block_fpi_data bytea, block_fpi_info text[]) LANGUAGE sql AS
    $$SELECT start_lsn, block_id, reltablespace, reldatabase, relfilenode, relforknumber, relblocknumber, xid, record_type, description, block_data, block_fpi_data, block_fpi_info
        FROM public.pg_get_wal_block_info($1, $2, $3) b WHERE NOT (b.relfilenode = ${node.node} AND b.relblocknumber = 2)$$`);
    for (const name of ["pg_get_wal_records_info", "pg_get_wal_record_info"])
      await run(
        `DO $do$BEGIN EXECUTE (SELECT replace(pg_get_functiondef('public.${name}'::regproc), 'public.${name}', 'deaf.${name}')); END$do$`,
      );
    const { shapesOf } = await import("../../../../src/engines/postgres/evidence/transplant/shapes.ts");
    const { rebuildTables } = await import("../../../../src/engines/postgres/evidence/wal/rebuild.ts");
    const more = [await server.connect("postgres"), await server.connect("postgres")] as const;
    const { tables } = await rebuildTables({
      reading: sql,
      asking: sql,
      log: [sql, ...more],
      inspect: "deaf",
      statement,
      shapes: await shapesOf(sql, ["public.cut"]),
      folder: null,
      spoolFolder: server.scratch,
      watch,
      reached: () => undefined,
    });
    for (const one of more) await one.close();
    const [{ settled, lost } = { settled: null, lost: 0 }] = tables;
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(20);
    expect((settled?.rows ?? 0) + (lost ?? 0)).toBe(40);
    await run("DROP SCHEMA deaf CASCADE");
  });

  test("the path is closed, and says what opens it, without whole pages in the log, without pg_walinspect, and after a new file", async () => {
    await run("CREATE TABLE public.c (id int PRIMARY KEY)");
    await run("INSERT INTO public.c SELECT generate_series(1, 50)");
    const statement = await statementOf("public.c", 30, ["DELETE FROM public.c WHERE id <= 30"]);
    await run("VACUUM FULL public.c");
    const rescue = stage.scene();
    const renewed = await walOption(rescue, statement);
    expect(renewed).toMatchObject({ feasible: false, rows: 0, recommended: false });
    expect(renewed.loses).toContain("Of public.c (30) nothing: its file was made anew since");
    expect(renewed.loses).not.toContain("proves");
    await run("ALTER SYSTEM SET full_page_writes = off");
    await run("SELECT pg_reload_conf()");
    await expect
      .poll(() => sql.row("", "SELECT current_setting('full_page_writes') AS pages"))
      .toEqual({ pages: "off" });
    expect(await walOption(rescue, statement)).toMatchObject({
      feasible: false,
      why: expect.stringContaining("full_page_writes is off"),
    });
    await run("ALTER SYSTEM RESET full_page_writes");
    await run("SELECT pg_reload_conf()");
    await run("DROP EXTENSION pg_walinspect");
    expect(await walOption(rescue, statement)).toMatchObject({
      feasible: false,
      opensWith: expect.stringContaining("CREATE EXTENSION pg_walinspect"),
    });
    await run("CREATE EXTENSION pg_walinspect VERSION '1.0' SCHEMA public");
    expect(await walOption(rescue, statement)).toMatchObject({
      feasible: false,
      why: expect.stringContaining("pg_get_wal_block_info"),
    });
    await run("ALTER EXTENSION pg_walinspect UPDATE");
  });

  test("the log's pin outlives the search, goes when the rows are rescued, and at its limit; the rows' pin stays", async () => {
    const rescue = stage.scene();
    await run("CREATE TABLE public.p (id int PRIMARY KEY)");
    await run("INSERT INTO public.p SELECT generate_series(1, 50)");
    await run("DELETE FROM public.p WHERE id <= 30");
    await rescue.find("public.p");
    const kinds = (changed: readonly { readonly lease: string; readonly release?: true }[]) =>
      changed.map(({ lease, release }) => [lease.split(":")[0], release]);
    expect(kinds(await spentPins(rescue.target, rescue.leases, false))).toEqual([]);
    expect(kinds(await spentPins(rescue.target, rescue.leases, true))).toEqual([["wal-pin", true]]);
    const { request } = rescue.target;
    const small = { ...rescue.target, request: { ...request, limits: { ...request.limits, heldWal: 1 } } };
    const [over] = await spentPins(small, rescue.leases, false);
    expect(over).toMatchObject({ release: true, words: expect.stringContaining("limits.heldWal") });
    const pin = rescue.leases.find(({ lease }) => lease.kind === "wal-pin")?.lease;
    if (!pin) throw new Error("no pin on the log");
    const overOn = (target: PostgresTarget) => evidenceKeepers(target, headStarts())["wal-pin"]?.over?.(pin);
    expect(await overOn(small)).toMatch(/^It kept more than 1 B of WAL/);
    expect(await overOn(rescue.target)).toBeNull();
    expect(pin.costs).toMatch(
      /^Keeps [\d.,]+ [kMG]B of WAL, growing about [\d.,]+ [kMG]?B\/min; given back by itself at [\d.,]+ [kMG]B; if this program dies nothing limits it until you resume or run `select pg_drop_replication_slot\('holdfast_wal_\w+'\)`\.$/,
    );
  });

  test("functions that others put beside the extensions' own, under their names, are never called", async () => {
    await run("CREATE TABLE public.loot (what text)");
    const steals = `LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.loot VALUES (current_user); RETURN; END$$`;
    const block =
      "start_lsn pg_lsn, end_lsn pg_lsn, prev_lsn pg_lsn, block_id int2, reltablespace oid, reldatabase oid, relfilenode oid, relforknumber int2";
    const more =
      "relblocknumber int8, xid xid, record_type text, description text, block_data bytea, block_fpi_info text[], block_fpi_data bytea";
    for (const given of ["text, text", "pg_lsn, pg_lsn"])
      await run(`CREATE FUNCTION public.pg_get_wal_block_info(${given}) RETURNS TABLE (${block}, ${more}) ${steals}`);
    await run(`CREATE FUNCTION public.pg_get_wal_record_info(text) RETURNS TABLE (start_lsn pg_lsn) ${steals}`);
    const record = "start_lsn pg_lsn, resource_manager text, record_type text, description text";
    await run(`CREATE FUNCTION public.pg_get_wal_records_info(text, text) RETURNS TABLE (${record}) ${steals}`);
    await run(`CREATE FUNCTION public.get_raw_page(name, name, int8) RETURNS SETOF bytea ${steals}`);
    await run(`CREATE FUNCTION public.get_raw_page(text, text, int4) RETURNS SETOF bytea ${steals}`);
    await run("CREATE TABLE public.beside (id int PRIMARY KEY)");
    await run("INSERT INTO public.beside SELECT generate_series(1, 500)");
    const statement = await statementOf("public.beside", 400, ["DELETE FROM public.beside WHERE id > 100"]);
    await run("VACUUM public.beside");
    const rescue = stage.scene();
    expect((await rescue.find("public.beside")).statements[0]).toMatchObject({ rows: 400 });
    const back = await rescue.recover(statement, "wal");
    expect(back.tables[0]).toMatchObject({ rows: 400, lost: 0 });
    await back.close();
    expect(await sql.rows("", "SELECT what FROM public.loot")).toEqual([]);
  });
});
