import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { logWindow } from "../../../../src/engines/postgres/evidence/log/window.ts";
import { loggedTables } from "../../../../src/engines/postgres/evidence/log/files.ts";
import {
  encodeChange,
  decodeChange,
  type PageChange,
  changeBytes,
} from "../../../../src/engines/postgres/evidence/wal/page-change.ts";
import { keysOf, spoolChanges } from "../../../../src/engines/postgres/evidence/wal/spool-changes.ts";
import { replayFile } from "../../../../src/engines/postgres/evidence/wal/replay.ts";
import { openSpool, type Spool } from "../../../../src/engines/postgres/evidence/wal/spool.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { watch } from "./scene.ts";
import { onEachWithLog } from "./with-log.ts";

onEachWithLog([18], (major) => {
  let server: TestServer;
  let sql: Connection;
  const spools: Spool[] = [];
  const fresh = () => {
    const spool = openSpool(server.scratch);
    spools.push(spool);
    return spool;
  };

  /** Rows that were updated on their page and across pages, then deleted, vacuumed, and updated in a twin under the same file number. */
  const table = "public.t";
  let members: ReadonlySet<number>;

  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off" } });
    const making = await server.connect("postgres");
    await making.run("", "CREATE DATABASE first");
    const first = await server.connect("first");
    await first.run("", "CREATE EXTENSION pg_walinspect SCHEMA public");
    await first.run("", `CREATE TABLE ${table} (id int, a text, b text, c text) WITH (fillfactor = 70)`);
    await first.run(
      "",
      `INSERT INTO ${table} SELECT n, repeat('a', 40), 'b', repeat('c', 40) FROM generate_series(1, 400) n`,
    );
    await first.close();
    await making.run("", "CREATE DATABASE twin TEMPLATE first");
    sql = await server.connect("first");
    await sql.run("", `UPDATE ${table} SET b = 'changed' || id WHERE id % 3 = 0`);
    await sql.run("", "BEGIN");
    const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
    const twin = await server.connect("twin");
    await twin.run("", `UPDATE ${table} SET b = 'twin' || id, a = 'other'`);
    await twin.close();
    await sql.run("", `DELETE FROM ${table} WHERE id % 2 = 0`);
    await sql.run("", "COMMIT");
    members = new Set([Number(xid)]);
    await sql.run("", `VACUUM ${table}`);
    await making.close();
  });
  afterAll(async () => {
    for (const spool of spools) spool.close();
    await sql.close();
    await server.end();
  });

  async function read(database?: string): Promise<Spool> {
    const logged = await loggedTables(sql, [table]);
    const other = database === undefined ? {} : { database: await oidOf(database) };
    const spool = fresh();
    const connections = [sql, await server.connect("first"), await server.connect("first")] as const;
    const window = await logWindow(sql);
    await spoolChanges({ connections, schema: "public", window }, { ...logged, ...other }, spool, watch);
    for (const connection of connections.slice(1)) await connection.close();
    return spool;
  }

  async function oidOf(database: string): Promise<number> {
    return Number((await sql.row("", "SELECT oid::text FROM pg_database WHERE datname = $1", [database])).oid);
  }

  /** The same changes, each as the mutant takes it; null = not at all. */
  async function mutated(spool: Spool, mutant: (change: PageChange) => PageChange | null): Promise<Spool> {
    const made = fresh();
    for (const key of spool.keys())
      for (const bytes of spool.read(key))
        for (let at = 0; at < bytes.length;) {
          const { change, end } = decodeChange(bytes, at);
          at = end;
          const wrong = mutant(change);
          if (wrong) put(made, key, wrong);
        }
    return made;
  }

  function put(spool: Spool, key: string, change: PageChange): void {
    const raw = { ...change, kind: Buffer.from(change.kind), words: Buffer.from(change.words) };
    spool.add(key, changeBytes(raw), (into, at) => encodeChange(raw, into, at));
  }

  /** What the replay gives, and whether it is what the table held: each row's own text says so. */
  async function replayed(spool: Spool) {
    const { tables } = await loggedTables(sql, [table]);
    const rows: string[] = [];
    const file = tables[0]?.heap;
    if (!file) throw new Error("no table");
    expect(keysOf(spool, file).length).toBeGreaterThan(0);
    const counts = replayFile(spool, file, {
      members,
      whole: true,
      asked: "rows",
      onPage: () => false,
      keep: (bytes) => rows.push(bytes.subarray(bytes.readUInt8(22)).toString("latin1")),
      drop: () => undefined,
      found: () => undefined,
    });
    const wrong = rows.filter((row) => {
      const id = Buffer.from(row, "latin1").readInt32LE(0);
      const b = id % 3 === 0 ? `changed${id}` : "b";
      return !row.includes("a".repeat(40)) || !row.includes(b) || !row.endsWith("c".repeat(40));
    });
    return { found: counts.found, lost: counts.lost, wrong: wrong.length };
  }

  test("the reader itself is exact", async () => {
    expect(await replayed(await read())).toEqual({ found: 200, lost: 0, wrong: 0 });
  });

  test("a reader that leaves out HOT_UPDATE loses rows, and counts them", async () => {
    const { lost } = await replayed(await mutated(await read(), (one) => (one.kind === "HOT_UPDATE" ? null : one)));
    expect(lost).toBeGreaterThan(0);
  });

  test("a reader that ignores what an update shares at its end gives wrong rows", async () => {
    const deaf = (one: PageChange) => ({ ...one, words: one.words.replace("flags: 0x60", "flags: 0x20") });
    const { wrong } = await replayed(await mutated(await read(), deaf));
    expect(wrong).toBeGreaterThan(0);
  });

  test("a reader that does not tell two databases apart gives wrong rows, or loses them", async () => {
    const [ours, theirs] = [await read(), await read("twin")];
    const changes: { readonly key: string; readonly change: PageChange }[] = [];
    for (const spool of [ours, theirs])
      await mutated(spool, (change) => {
        changes.push({ key: spool.keys()[0] ?? "", change });
        return null;
      });
    const both = fresh();
    // The twin's came while the transaction was open: before its deletes.
    const isDelete = ({ change }: { readonly change: PageChange }) =>
      change.kind === "DELETE" || change.kind.startsWith("PRUNE");
    for (const one of [...changes.filter((each) => !isDelete(each)), ...changes.filter(isDelete)])
      put(both, one.key, one.change);
    const { wrong, lost } = await replayed(both);
    expect(wrong + lost).toBeGreaterThan(0);
  });
});
