import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { type Commit, commitsInLog } from "../../../../src/engines/postgres/evidence/search/commits.ts";
import { crc32c } from "../../../../src/engines/postgres/evidence/log/crc32c.ts";
import { fileBytes, type LogFiles, serverLog } from "../../../../src/engines/postgres/evidence/log/server-log.ts";
import { writesInLog } from "../../../../src/engines/postgres/evidence/search/writes.ts";
import { nextXid } from "../../../../src/engines/postgres/evidence/xid.ts";
import { onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { watch } from "./scene.ts";

test("the checksum is Castagnoli's, in parts as over the whole, at every length", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  const bytes = Buffer.from("0123456789 abcdefghijklmnopqrstuvwxyz");
  for (let cut = 0; cut <= bytes.length; cut += 1)
    expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(crc32c(bytes));
});

onEachMajor([14, 18], (major) => {
  let server: TestServer;
  let sql: Connection;
  beforeAll(async () => {
    const settings = { max_prepared_transactions: "5", track_commit_timestamp: "on", autovacuum: "off" };
    server = await startTestServer({ major, settings, initdb: ["-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1"] });
    sql = await server.connect("postgres");
    await sql.run("", "CREATE TABLE public.t (id int, filler text)");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });

  /** Of the ids' COMMITs, as the log has them. */
  const inLog = async (...xids: readonly (string | null | undefined)[]) => {
    const commits = await commitsInLog(sql, new Set(xids.map(Number)), await nextXid(sql), 60_000);
    return (xid: string | null | undefined): readonly Commit[] => commits.filter(({ top }) => String(top) === xid);
  };
  /** Runs it in one transaction; gives its id, and the ids that the server itself saw commit at the same microsecond. */
  const committed = async (statements: readonly string[]) => {
    await sql.run("", "BEGIN");
    const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    for (const statement of statements) await sql.run("", statement);
    await sql.run("", "COMMIT");
    const next = await sql.row("", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next");
    const same = await sql.rows(
      "",
      `SELECT n::text AS id FROM generate_series($1::bigint, $2::bigint - 1) n
        WHERE pg_xact_commit_timestamp(n::text::xid) = pg_xact_commit_timestamp($1::text::xid) ORDER BY n`,
      [xid ?? "", next.next ?? ""],
    );
    return { xid, subs: same.map(({ id }) => Number(id)).filter((id) => String(id) !== xid) };
  };

  test("each COMMIT is read with exactly the savepoints that committed with it, more than fill a page and across files too", async () => {
    const savepoint = (nth: number) => `SAVEPOINT s; INSERT INTO public.t VALUES (${nth}); RELEASE s`;
    const few = await committed([
      savepoint(1),
      "SAVEPOINT a; INSERT INTO public.t VALUES (2); ROLLBACK TO a; RELEASE a",
      savepoint(3),
    ]);
    const many = await committed(Array.from({ length: 6000 }, (_, nth) => savepoint(nth)));
    await sql.run("", "INSERT INTO public.t SELECT n, repeat('x', 900) FROM generate_series(1, 4000) n"); // four files
    const dropping = await committed(["CREATE TABLE public.gone (x text)", savepoint(4), "DROP TABLE public.gone"]);
    const found = await inLog(few.xid, many.xid, dropping.xid);
    expect([few.subs.length, many.subs.length]).toEqual([2, 6000]);
    for (const one of [few, many, dropping]) expect(found(one.xid)).toMatchObject([{ subs: one.subs }]);
    const { at } = await sql.row(
      "",
      "SELECT (pg_xact_commit_timestamp($1::text::xid) AT TIME ZONE 'UTC')::text AS at",
      [many.xid ?? ""],
    );
    expect(found(many.xid)[0]?.at).toBe(at);
  });

  test("a prepared transaction goes by its own id, and one that gave up is not there", async () => {
    await sql.run("", "BEGIN");
    const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    for (const statement of [
      "CREATE TABLE public.later (x text)",
      "SAVEPOINT s",
      "INSERT INTO public.later VALUES ('1')",
    ])
      await sql.run("", statement);
    await sql.run("", "PREPARE TRANSACTION 'half way'");
    expect((await inLog(xid))(xid)).toEqual([]);
    await sql.run("", "COMMIT PREPARED 'half way'");
    await sql.run("", "BEGIN");
    const given = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    await sql.run("", "INSERT INTO public.t VALUES (9)");
    await sql.run("", "ROLLBACK");
    await sql.run("", "INSERT INTO public.t VALUES (10)");
    const found = await inLog(xid, given.xid);
    expect(found(xid)).toMatchObject([{ subs: [Number(xid) + 1] }]);
    expect(found(given.xid)).toEqual([]);
  });

  test("after a crash that cut the log short, what came before and what comes after are both read", async () => {
    const before = await committed(["INSERT INTO public.t VALUES (1)"]);
    await sql.close();
    server = await server.restart("immediate");
    sql = await server.connect("postgres");
    const after = await committed(["INSERT INTO public.t VALUES (2)"]);
    const found = await inLog(before.xid, after.xid);
    for (const one of [before, after]) expect(found(one.xid)).toHaveLength(1);
  });

  test("files that were left early, as archive_timeout makes them, hide nothing: neither commits nor what was written", async () => {
    await sql.run("", "CREATE TABLE public.w AS SELECT n FROM generate_series(1, 30) n");
    const xids: (string | null | undefined)[] = [];
    for (const nth of [0, 1, 2]) {
      xids.push((await committed([`DELETE FROM public.w WHERE n % 3 = ${nth}`])).xid);
      await sql.run("", "SELECT pg_switch_wal()");
    }
    const found = await inLog(...xids);
    for (const xid of xids) expect(found(xid)).toHaveLength(1);
    const log = await writesInLog(sql, ["public.w"], await nextXid(sql), 60_000, watch);
    const [file = ""] = [...(log?.files.keys() ?? [])];
    expect(xids.map((xid) => log?.writes.get(Number(xid))?.get(file)?.deleted)).toEqual([10, 10, 10]);
    expect(log?.read).toBe(log?.of);
  });

  test("every record is visited once, and every byte is counted once", async () => {
    const log = await serverLog(sql);
    if (!log) throw new Error("the log can't be read");
    const seen: bigint[] = [];
    const bytes: number[] = [];
    for await (const one of log.newestFirst(({ position }) => seen.push(position))) bytes.push(one);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.every((at) => at >= log.window.from && at < log.window.to)).toBe(true);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBe(Number(log.window.to - log.window.from));
  });

  test("copies of files are taken first, and of a damaged one the server's own: the same records come of it", async () => {
    const visited = async (copies?: LogFiles) => {
      const seen: bigint[] = [];
      const log = await serverLog(sql, copies);
      for await (const _bytes of log?.newestFirst(({ position }) => seen.push(position)) ?? []);
      return seen;
    };
    const asked: string[] = [];
    const damagedCopies: LogFiles = async (name, size) => {
      asked.push(name);
      const bytes = await fileBytes(sql, name, size);
      bytes?.fill(0xff, Math.floor(size / 2), Math.floor(size / 2) + 100);
      return bytes;
    };
    const all = await visited();
    const byCopies = await visited(damagedCopies);
    const inOrder = (positions: readonly bigint[]) => positions.toSorted((a, b) => (a < b ? -1 : 1));
    expect(inOrder(byCopies)).toEqual(inOrder(all));
    expect(asked.length).toBeGreaterThan(1);
  });
});
