import { existsSync, readdirSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shortRunId } from "../../../../src/core/ids.ts";
import type { Finding } from "../../../../src/core/step.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { freezeEvidence } from "../../../../src/actions/freeze-evidence.ts";
import { postgres } from "../../../../src/engines/postgres/postgres.ts";
import { handMade } from "../../../support/action-context.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, largest, olderSnapshot, type Scene, scene, watch } from "./scene.ts";

onEachMajor(majors(18), (major) => {
  let server: TestServer;
  let sql: Connection;
  let one: Scene;

  beforeEach(async () => {
    server = await startTestServer({ major });
    sql = await server.connect("postgres");
    one = scene(server, "postgres");
    await run(
      "CREATE TABLE public.t (id int PRIMARY KEY, note text)",
      "CREATE TABLE public.child (id int PRIMARY KEY, t int REFERENCES public.t ON DELETE CASCADE) WITH (autovacuum_enabled = on, fillfactor = 90)",
      "CREATE TABLE public.quiet (id int PRIMARY KEY, t int REFERENCES public.t ON DELETE CASCADE) WITH (autovacuum_enabled = false)",
      "ALTER TABLE public.t SET (toast.autovacuum_enabled = true)",
      "INSERT INTO public.t SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n",
    );
  });
  afterEach(async () => {
    await one.release();
    await sql.close();
    await server.end();
  });
  const run = async (...statements: string[]) => {
    for (const statement of statements) await sql.run("", statement);
  };
  /** Everything on the server that a freeze changes. */
  const present = () =>
    copyOf(
      sql,
      `SELECT 'slot', slot_name::text FROM pg_replication_slots UNION ALL SELECT 'extension', extname::text FROM pg_extension
     UNION ALL SELECT 'options', relname || coalesce((SELECT array_agg(o ORDER BY o)::text FROM unnest(reloptions) o), '-') FROM pg_class WHERE relname !~ '^pg_[^t]' ORDER BY 1, 2`,
    );
  const deleteAll = async () => {
    const older = await olderSnapshot(server, "postgres");
    await run("DELETE FROM public.t WHERE id <= 4000");
    return older;
  };

  test("all leases given back leave the server and this machine as they were, options and all", async () => {
    const before = await present();
    const older = await deleteAll();
    const search = await one.find("public.t");
    await older.close();
    expect(await present()).not.toBe(before);
    expect(one.leases.map(({ lease }) => lease.kind).slice(0, 2)).toEqual(["row-pin", "wal-pin"]);
    expect(one.leases.filter(({ lease }) => lease.kind === "autovacuum-off").map(({ lease }) => lease.name)).toEqual([
      "public.t",
      "public.child",
    ]);
    const back = await one.recover(largest(search));
    await back.close();
    const folders = one.leases.filter(({ lease }) => lease.kind === "scratch-server");
    expect(folders).toHaveLength(1);
    await one.release();
    expect(await present()).toBe(before);
    expect(readdirSync(`${server.scratch}/scratch`).filter((name) => name.startsWith("pg-"))).toEqual([]);
  });

  test("an extension that was there before is not ours to drop", async () => {
    await run("CREATE EXTENSION pageinspect SCHEMA public");
    const older = await deleteAll();
    await one.find("public.t");
    await older.close();
    await one.release();
    expect(
      await copyOf(
        sql,
        "SELECT extname FROM pg_extension WHERE extname LIKE 'pg_walinspect' OR extname = 'pageinspect'",
      ),
    ).toBe("pageinspect\n");
  });

  test("the rows outlive reads, VACUUM and a crash of the server once a checkpoint followed the pins", async () => {
    const older = await deleteAll();
    const { statements } = await one.find("public.t");
    await older.close();
    const held = await one.evidence.held(one.leases);
    expect(held.filter(({ level }) => level === "stop" || level === "warn")).toEqual([]);
    expect(held.map(({ text }) => text)).toContain("The rows are held across a crash of the server.");
    await sql.close();
    await one.target.close();
    server = await server.restart("immediate");
    sql = await server.connect("postgres");
    await run("SELECT count(*) FROM public.t", "VACUUM public.t", "SELECT count(*) FROM public.t");
    expect((await one.evidence.held(one.leases)).filter(({ level }) => level === "stop")).toEqual([]);
    const [statement] = statements;
    const counted = statement && (await one.evidence.count(statement, "page-transplant", watch));
    expect(counted?.map(({ rows }) => rows)).toEqual([4000]);
  });

  test("killed in the checkpoint, a freeze is partial when it is looked at again, whatever else is in place", async () => {
    await run("CREATE EXTENSION pageinspect", "ALTER TABLE public.child SET (autovacuum_enabled = off)");
    await run("ALTER TABLE public.t SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)");
    const options = { run: one.run, lockTable: false };
    const engine = await postgres.connect(one.target.request);
    const ctx = await handMade({ engine, run: one.run });
    const parts = await one.evidence.freeze("public.t", options);
    const logStart = async () =>
      (await sql.row("", "SELECT redo_lsn::text AS redo FROM pg_control_checkpoint()")).redo ?? "";
    const before = await logStart();
    for (const part of parts) {
      const taking = {
        lease: part.lease,
        take: async () => {
          const facts = await part.take();
          if ((await logStart()) !== before) throw new Error("killed");
          return facts;
        },
      };
      if ((await ctx.lease(taking).catch(() => null)) === null) break;
    }
    const probed = await freezeEvidence.probe?.(ctx, { table: "public.t" });
    expect(probed?.finding).toBe("partial");
    for (const lease of ctx.leases()) await ctx.releaseLease(lease);
    await engine.close();
  });

  test("a pin that is gone, emptied or moved is no hold, and says so", async () => {
    const older = await deleteAll();
    await one.find("public.t");
    await older.close();
    const levels = async () => (await one.evidence.held(one.leases)).filter(({ level }) => level === "stop").length;
    expect(await levels()).toBe(0);
    await run("ALTER TABLE public.t RESET (autovacuum_enabled)");
    expect(await levels()).toBe(1);
    await run(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'holdfast_rows%'`,
    );
    expect(await levels()).toBe(2);
  });

  test("without the pin the same reads take the rows: what the tests above prove is the pin's doing", async () => {
    const older = await deleteAll();
    const { statements } = await one.find("public.t");
    await older.close();
    const [pin] = one.leases.splice(
      one.leases.findIndex(({ lease }) => lease.kind === "row-pin"),
      1,
    );
    // The walsender that set the pin may still be about to notice that its line was cut.
    const slot = `pg_replication_slots WHERE slot_name = '${pin?.lease.name}'`;
    await run(`SELECT pg_terminate_backend(active_pid, 5000) FROM ${slot} AND active`);
    await run(`SELECT pg_drop_replication_slot(slot_name) FROM ${slot}`, "VACUUM public.t");
    const [statement] = statements;
    const counted = statement && (await one.evidence.count(statement, "page-transplant", watch));
    expect(counted?.map(({ rows }) => rows)).toEqual([0]);
  });

  test("a running VACUUM is cancelled, whoever runs it", async () => {
    const older = await deleteAll();
    const other = await server.connect("postgres");
    await other.run("", "SET vacuum_cost_delay = '100ms'");
    await other.run("", "SET vacuum_cost_limit = 1");
    const vacuum = other.run("", "VACUUM public.t").then(
      () => "done",
      (error: Error) => error.message,
    );
    await expect.poll(() => copyOf(sql, "SELECT count(*) FROM pg_stat_progress_vacuum")).toBe("1\n");
    expect((await one.evidence.examine("public.t")).findings.map(({ text }) => text).join()).toContain("A VACUUM (pid");
    await one.find("public.t");
    expect(await vacuum).toContain("cancelled");
    await older.close();
    await other.close();
  });

  test("the pin is narrowed to the statement, and rows that died before it are free again", async () => {
    await run("DELETE FROM public.child", "CREATE TABLE public.other (id int)", "SELECT pg_current_xact_id()");
    const older = await deleteAll();
    await one.find("public.t");
    await older.close();
    const pin = one.leases.find(({ lease }) => lease.kind === "row-pin");
    const { xmin } = await sql.row("", "SELECT xmin::text FROM pg_replication_slots WHERE slot_name = $1", [
      pin?.lease.name ?? "",
    ]);
    expect(pin?.facts).toMatchObject({ xmin });
    expect(Number(xmin)).toBeGreaterThan(Number((pin?.lease.facts as { xmin: string } | undefined)?.xmin));
  });

  const deleting = async (from: number, to: number) => {
    const text = `WITH gone AS (DELETE FROM public.t WHERE id BETWEEN ${from} AND ${to} RETURNING id)
    SELECT pg_current_xact_id()::text AS xid, count(*) FROM gone`;
    const { xid } = await sql.row("", text);
    return { xid: xid ?? "" };
  };

  test.each<[string, number, readonly (readonly [number, number])[], boolean]>([
    ["began before the span that was asked for", 3000, [[3001, 4000]], true],
    // 2, 3, 4, … 23 rows: more than a list holds.
    [
      "took fewer rows than all that are listed",
      1,
      Array.from({ length: 22 }, (_, nth) => [100 * (nth + 1), 100 * (nth + 1) + nth + 1] as const),
      false,
    ],
  ])("the narrowed pin still holds what a statement took that %s", async (_what, rows, others, bySpan) => {
    await run("SELECT pg_current_xact_id()");
    const older = await olderSnapshot(server, "postgres");
    const first = await deleting(1, rows);
    await run("SELECT pg_sleep(1.1)");
    const since = new Date().toISOString();
    for (const [from, to] of others) await deleting(from, to);
    const search = await one.find("public.t", bySpan ? since : undefined);
    await older.close();
    expect(search.statements.flatMap(({ transactions }) => transactions)).not.toContain(first.xid);
    expect(search.oldest).toBe(first.xid);
    expect(one.leases.find(({ lease }) => lease.kind === "row-pin")?.facts).toMatchObject({ xmin: first.xid });
    await run("VACUUM public.t");
    const missed = { ...largest(search), transactions: [first.xid], subtransactions: [] };
    const counted = await one.evidence.count(missed, "page-transplant", watch);
    expect(counted.map((table) => table.rows)).toEqual([rows]);
  });

  test("a slot is given back although its replication session is still attached", async () => {
    const { openWalsender } = await import("../../../../src/engines/postgres/evidence/freeze/walsender.ts");
    await one.find("public.t");
    const pin = one.leases.find(({ lease }) => lease.kind === "row-pin")?.lease.name ?? "";
    const walsender = await openWalsender(one.target);
    const { lsn } = await sql.row("", "SELECT pg_current_wal_flush_lsn()::text AS lsn");
    await walsender.attach(pin, lsn ?? "");
    await one.release();
    expect(await copyOf(sql, "SELECT count(*) FROM pg_replication_slots")).toBe("0\n");
  });

  test("examining names the session that holds the rows by accident, and installs nothing", async () => {
    const before = await present();
    const older = await deleteAll();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { tables, findings, holders } = await one.evidence.examine("public.t");
    expect(holders?.[0]).toMatch(new RegExp(`^session pid ${older.pid}, .*, since 20\\d\\d-\\d\\d-\\d\\dT[\\d:]{8}Z$`));
    const words = findings.map(({ text }) => text);
    expect(tables.map(({ table }) => table)).toEqual(["public.t", "public.child", "public.quiet"]);
    expect(words.find((line) => line.includes(`pid ${older.pid}`))).toContain(
      "keeps rows that were deleted since it began",
    );
    expect(findings.filter(({ level }) => level === "stop")).toEqual([]);
    expect(await present()).toBe(before);
    await expect(one.evidence.search({ table: "public.t", tables: ["public.t"] }, watch)).rejects.toThrow(
      /pageinspect/,
    );
    await older.close();
    expect(existsSync(`${server.scratch}/scratch`)).toBe(false);
  });

  test("examining a table that another run holds says whose pin keeps the rows, and what releases it", async () => {
    const holding = ({ findings }: { findings: readonly Finding[] }) =>
      findings.filter(({ text }) => /Nothing holds|keeps rows/.test(text)).map(({ level, text }) => `${level} ${text}`);
    expect(holding(await one.evidence.examine("public.t"))).toEqual([
      "warn Nothing holds dead rows of public.t now: each read may remove some. Do not wait.",
    ]);
    await one.take(await one.evidence.freeze("public.t", { run: one.run, lockTable: false }));
    const [pin] = one.leases;
    const kept = `keeps rows that were deleted in transaction ${(await sql.row("", "SELECT xmin::text FROM pg_replication_slots WHERE xmin IS NOT NULL")).xmin} or later.`;
    const own = await one.evidence.examine("public.t");
    expect([holding(own), own.holders]).toEqual([[`note The pin of this run ${kept}`], []]);
    const second = scene(server, "postgres");
    const seen = await second.evidence.examine("public.t");
    const words = `pin of another run, ${shortRunId(one.run)} (slot ${pin?.lease.name})`;
    expect([holding(seen), seen.holders]).toEqual([[`note The ${words} ${kept}`], [words]]);
    expect(seen.findings.find(({ text }) => text.includes(words))?.hint).toContain("when that run ends or is given up");
    await one.release();
    expect(holding(await second.evidence.examine("public.t"))).toHaveLength(1);
    expect((await second.evidence.examine("public.t")).holders).toEqual([]);
    await second.release();
  });
});
