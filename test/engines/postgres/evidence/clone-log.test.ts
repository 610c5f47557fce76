import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { configText } from "../../../../src/engines/postgres/evidence/clone/conf.ts";
import { readControl } from "../../../../src/engines/postgres/evidence/clone/control.ts";
import { highest } from "../../../../src/engines/postgres/evidence/log/least-settings.ts";
import { fieldValue, linesOf, splitLine } from "../../../../src/engines/postgres/evidence/clone/lines.ts";
import { linkSpaces, proveInside } from "../../../../src/engines/postgres/evidence/clone/outside.ts";
import { partsOf } from "../../../../src/engines/postgres/evidence/log/blocks.ts";
import { commitOf, commitTime } from "../../../../src/engines/postgres/evidence/log/commit.ts";
import { lsnNumber, lsnText } from "../../../../src/engines/postgres/evidence/log/position.ts";
import { eachRecord, type LogRecord } from "../../../../src/engines/postgres/evidence/log/records.ts";
import { segmentName, segmentOf, segmentsBetween } from "../../../../src/engines/postgres/evidence/log/segments.ts";
import { logSource } from "../../../../src/engines/postgres/evidence/log/source.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";

let server: TestServer;
let sql: Connection;
beforeAll(async () => {
  const settings = {
    fsync: "off",
    max_connections: "333",
    max_worker_processes: "11",
    max_prepared_transactions: "7",
    wal_compression: "on",
    wal_keep_size: "1GB",
  };
  server = await startTestServer({ settings: { ...settings, max_wal_senders: "13", max_locks_per_transaction: "77" } });
  sql = await server.connect("postgres");
  await sql.run("", "create extension pg_walinspect");
});
afterAll(async () => {
  await sql.close();
  await server.end();
});

const none = { base: "/nowhere", log: { kind: "folder", folder: "/nowhere" } } as const;

test("every record of a server's log is read, in its place, as the server itself lists them", async () => {
  await sql.run("", "checkpoint");
  const { from } = await sql.row("", "select pg_walfile_name(pg_switch_wal()) as from");
  await sql.run("", "create table public.many (n int, wide text, long text)");
  await sql.run("", "alter table public.many alter long set storage external");
  for (let round = 0; round < 6; round += 1) {
    await sql.run(
      "",
      `insert into public.many select n, repeat(md5(n::text), n % 40), repeat('x', n % 9000) from generate_series(1, 3000) n`,
    );
    await sql.run("", "checkpoint");
    await sql.run("", "update public.many set wide = wide || 'y' where n % 7 = 0");
    if (round % 2 === 0) await sql.run("", "select pg_switch_wal()");
  }
  await sql.client.query(
    "begin; savepoint a; delete from public.many where n < 9; release a; savepoint b; delete from public.many where n = 10; release b; drop table public.many; commit",
  );
  await sql.client.query(
    "begin; create table public.two (n int); insert into public.two values (1); prepare transaction 'two'",
  );
  await sql.run("", "commit prepared 'two'");
  const source = await logSource(sql, { backup: none, scratch: server.scratch });
  const first = segmentOf(from ?? "", source.segmentBytes);
  const segments = segmentsBetween(
    source.timeline,
    (first?.start ?? 0n) + BigInt(source.segmentBytes),
    source.end,
    source.segmentBytes,
  );
  expect(segments.length).toBeGreaterThan(3);
  const seen: string[] = [];
  const commits: string[] = [];
  const visit = (record: LogRecord) => {
    if (record.position >= source.end) return; // the server goes on writing
    seen.push(`${lsnText(record.position)} ${record.xid}`);
    if (record.manager !== 1) return;
    const commit = commitOf(record.xid, record.info, partsOf(record.bytes, false).main, server.binaries.major);
    if (commit) commits.push(`${lsnText(record.position)} ${commitTime(commit.at)} ${commit.subs.join(" ")}`);
  };
  const read = await eachRecord(segments, source.read, source.end, visit);
  const start = lsnText((segments[0]?.start ?? 0n) + 40n);
  const listed = await sql.rows(
    "",
    `select start_lsn::text as at, xid::text, record_type as kind, description from pg_get_wal_records_info($1::text::pg_lsn, $2::text::pg_lsn)`,
    [start, lsnText(source.end)],
  );
  expect(seen.length).toBeGreaterThan(20_000);
  expect(seen).toEqual(listed.map(({ at, xid }) => `${at} ${xid}`));
  expect(read.end).toBeGreaterThan(lsnNumber(listed.at(-1)?.at ?? "0/0"));
  const theirs = listed.filter(({ kind }) => kind === "COMMIT" || kind === "COMMIT_PREPARED");
  expect(commits.length).toBe(theirs.length);
  const withSubs = theirs.find(({ description }) => description?.includes("subxacts:"));
  const subs = /subxacts:((?: \d+)+)/.exec(withSubs?.description ?? "")?.[1] ?? "none";
  expect(commits.filter((line) => line.endsWith(subs))).toHaveLength(1);
  for (const [nth, { at }] of theirs.entries()) expect(commits[nth]).toContain(`${at} 20`);
});

test("names of log files are those of the server, and lead back", async () => {
  const { name, at } = await sql.row(
    "",
    "select pg_walfile_name(pg_current_wal_lsn()) as name, pg_current_wal_lsn()::text as at",
  );
  const bytes = 16 * 1024 * 1024;
  const [segment] = segmentsBetween(1, lsnNumber(at ?? ""), lsnNumber(at ?? ""), bytes);
  expect(segment && segmentName(segment, bytes)).toBe(name);
  expect(segmentOf(name ?? "", bytes)).toEqual(segment);
  expect(segmentOf("00000001.history", bytes)).toBeNull();
});

test("what the log's writer had at least is read from its control file, and the clone gets the highest of all", async () => {
  const control = readControl(readFileSync(path.join(server.data, "global/pg_control")));
  const { system } = await sql.row("", "select system_identifier::text as system from pg_control_system()");
  expect(control).toEqual({
    system,
    least: {
      max_connections: 333,
      max_worker_processes: 11,
      max_wal_senders: 13,
      max_prepared_transactions: 7,
      max_locks_per_transaction: 77,
    },
  });
  const all = highest([control.least, { ...control.least, max_connections: 400, max_wal_senders: 2 }]);
  expect(configText(all, "/a'b%c", { major: 18, restartpoints: true })).toContain(`max_connections = '400'\n`);
  expect(configText(all, "/a'b%c", { major: 18, restartpoints: true })).toContain(
    `restore_command = 'cp ''/a''\\\\''''b%%c''/%f "%p"'\n`,
  );
  expect(configText(all, "/a", { major: 18, restartpoints: true })).toContain(
    "max_logical_replication_workers = '0'\n",
  );
  expect(all.max_wal_senders).toBe(13);
});

describe("nothing may lead out of a clone's folder", () => {
  function aFolder(): { folder: string; data: string; spaces: string } {
    const folder = mkdtempSync(path.join(os.tmpdir(), "hf-inside-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [data, spaces] = [path.join(folder, "data"), path.join(folder, "spaces")];
    mkdirSync(path.join(data, "pg_tblspc"), { recursive: true });
    mkdirSync(path.join(spaces, "16400"), { recursive: true });
    linkSpaces(data, spaces, ["16400"]);
    return { folder, data, spaces };
  }

  test("our own links to tablespaces pass", () => {
    const { folder, data, spaces } = aFolder();
    expect(() => proveInside(folder, data, spaces)).not.toThrow();
  });

  test.each([
    ["a link anywhere", "data/base", "/etc"],
    ["a tablespace elsewhere", "data/pg_tblspc/16401", "/etc"],
    ["a tablespace under another's name", "data/pg_tblspc/16402", "../../spaces/16400"],
    ["a link among the tablespaces", "spaces/16403", "/etc"],
    ["the log's folder", "wal", "/etc"],
  ])("%s does not", (_what, place, to) => {
    const { folder, data, spaces } = aFolder();
    symlinkSync(to, path.join(folder, place));
    expect(() => proveInside(folder, data, spaces)).toThrow("lead the clone out of its folder");
  });
});

test("lines of COPY text are cut at their ends, whatever is in them", async () => {
  const file = path.join(server.scratch, "lines");
  const rows = Array.from(
    { length: 30_000 },
    (_, n) => `(0,${n})\tk\\t\\\\${n}\tgr\u00fc\u00df ${"x".repeat(n % 200)}`,
  );
  writeFileSync(file, rows.map((row) => `${row}\n`).join(""));
  const read: string[] = [];
  for await (const lines of linesOf(file, 100)) {
    expect(lines.length).toBeLessThanOrEqual(100);
    read.push(...lines);
  }
  expect(read.map((line) => Buffer.from(line, "latin1").toString("utf8"))).toEqual(rows);
  expect(splitLine("(0,1)\ta\tb\tc", 2)).toEqual({ first: ["(0,1)", "a"], rest: "b\tc" });
  expect(fieldValue(String.raw`a\tb\\n\n`)).toBe("a\tb\\n\n");
});
