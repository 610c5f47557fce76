import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import {
  type CommitRecord,
  commitReader,
  logPageSize,
} from "../../../../src/engines/postgres/evidence/log/commit-records.ts";
import { crc32c } from "../../../../src/engines/postgres/evidence/log/crc32c.ts";
import { logFiles } from "../../../../src/engines/postgres/evidence/log/log-files.ts";
import { lsnNumber } from "../../../../src/engines/postgres/evidence/log/position.ts";
import { onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";

test("the checksum is Castagnoli's, over parts as over the whole", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.from("1234"), Buffer.from("56789"))).toBe(0xe3069283);
});

onEachMajor([14], (major) => {
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

  const position = async () => lsnNumber((await sql.row("", "SELECT pg_current_wal_flush_lsn()::text AS at")).at ?? "");
  const inLog = async (from: bigint) => {
    const files = await logFiles(sql);
    if (!files) throw new Error("the files can't be read");
    return files.commits(from, await position());
  };
  const of = (commits: readonly CommitRecord[], xid: string | null | undefined) =>
    commits.filter((commit) => String(commit.xid) === xid);
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
    const from = await position();
    const savepoint = (nth: number) => `SAVEPOINT s; INSERT INTO public.t VALUES (${nth}); RELEASE s`;
    const few = await committed([
      savepoint(1),
      "SAVEPOINT a; INSERT INTO public.t VALUES (2); ROLLBACK TO a; RELEASE a",
      savepoint(3),
    ]);
    const many = await committed(Array.from({ length: 6000 }, (_, nth) => savepoint(nth)));
    await sql.run("", "INSERT INTO public.t SELECT n, repeat('x', 900) FROM generate_series(1, 4000) n"); // four files
    const dropping = await committed(["CREATE TABLE public.gone (x text)", savepoint(4), "DROP TABLE public.gone"]);
    const found = await inLog(from);
    expect([few.subs.length, many.subs.length]).toEqual([2, 6000]);
    for (const one of [few, many, dropping]) expect(of(found, one.xid)).toMatchObject([{ subs: one.subs }]);
    // The same from a page in the midst of it: what began before is left out, the rest is all there.
    const later = await inLog(of(found, dropping.xid)[0]?.at ?? 0n);
    expect(of(later, few.xid)).toEqual([]);
    expect(of(later, dropping.xid)).toEqual(of(found, dropping.xid));
  });

  test("a prepared transaction goes by its own id, and one that gave up is not there", async () => {
    const from = await position();
    await sql.run("", "BEGIN");
    const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    for (const statement of [
      "CREATE TABLE public.later (x text)",
      "SAVEPOINT s",
      "INSERT INTO public.later VALUES ('1')",
    ])
      await sql.run("", statement);
    await sql.run("", "PREPARE TRANSACTION 'half way'");
    expect(of(await inLog(from), xid)).toEqual([]);
    await sql.run("", "COMMIT PREPARED 'half way'");
    await sql.run("", "BEGIN");
    const given = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    await sql.run("", "INSERT INTO public.t VALUES (9)");
    await sql.run("", "ROLLBACK");
    await sql.run("", "INSERT INTO public.t VALUES (10)");
    const found = await inLog(from);
    expect(of(found, xid)).toMatchObject([{ subs: [Number(xid) + 1] }]);
    expect(of(found, given.xid)).toEqual([]);
  });

  test("after a crash that cut the log short, what came before and what comes after are both read", async () => {
    const from = await position();
    const before = await committed(["INSERT INTO public.t VALUES (1)"]);
    await sql.close();
    server = await server.restart("immediate");
    sql = await server.connect("postgres");
    const after = await committed(["INSERT INTO public.t VALUES (2)"]);
    const found = await inLog(from);
    for (const one of [before, after]) expect(of(found, one.xid)).toHaveLength(1);
  });

  test("a record with a wrong bit is not believed, and a page of another layout ends the reading", async () => {
    const from = await position();
    const { xid } = await committed(["INSERT INTO public.t VALUES (1)"]);
    const [record] = of(await inLog(from), xid);
    if (!record) throw new Error("not found");
    const page = record.at - (record.at % BigInt(logPageSize));
    const read = async (spoil: (bytes: Buffer) => void) => {
      const { bytes } = await sql.row(
        "",
        "SELECT encode(pg_read_binary_file('pg_wal/' || pg_walfile_name($1::pg_lsn), ($2::bigint % 1048576), 8192), 'hex') AS bytes",
        [`${(record.at >> 32n).toString(16)}/${(record.at & 0xffffffffn).toString(16)}`, String(page)],
      );
      const found: CommitRecord[] = [];
      const buffer = Buffer.from(bytes ?? "", "hex");
      spoil(buffer);
      const wanted = commitReader((commit) => found.push(commit)).page(buffer, page);
      return { wanted, there: of(found, xid).length };
    };
    expect((await read(() => undefined)).there).toBe(1);
    const at = Number(record.at - page);
    expect((await read((bytes) => bytes.writeUInt8(bytes.readUInt8(at + 27) ^ 1, at + 27))).there).toBe(0);
    expect(await read((bytes) => bytes.writeUInt16LE(0xd118, 0))).toEqual({ wanted: false, there: 0 });
    expect(await read((bytes) => bytes.writeBigUInt64LE(0n, 8))).toEqual({ wanted: false, there: 0 });
  });
});
