import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { lsnNumber } from "../../../../src/engines/postgres/evidence/log/position.ts";
import { logWindow } from "../../../../src/engines/postgres/evidence/log/window.ts";
import { reachesBack } from "../../../../src/engines/postgres/evidence/wal/reach.ts";
import { nextXid } from "../../../../src/engines/postgres/evidence/xid.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { onEachWithLog } from "./with-log.ts";

onEachWithLog([16, 18], (major) => {
  let server: TestServer;
  let sql: Connection;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", wal_keep_size: "1GB" } });
    sql = await server.connect("postgres");
    await sql.run("", "CREATE EXTENSION pg_walinspect SCHEMA public");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });

  test("a file that was left early, as a base backup and archive_timeout leave one, does not hide how far the log goes back", async () => {
    await sql.run("", "CREATE TABLE public.t (n int)");
    const { file } = await sql.row("", "SELECT pg_switch_wal()::text AS file");
    const size = BigInt((await logWindow(sql)).segmentBytes);
    const from = (lsnNumber(file ?? "0/0") / size + 1n) * size;
    const before = await nextXid(sql);
    // Hardly anything is in this file, and nothing of which transactions run: the next one tells.
    await sql.run("", "INSERT INTO public.t VALUES (1)");
    await sql.run("", "SELECT pg_switch_wal()");
    await sql.run("", "CHECKPOINT");
    const first = await nextXid(sql);
    await sql.run("", "INSERT INTO public.t VALUES (2)");
    const window = { ...(await logWindow(sql)), from };
    const reaches = async (xid: number) => reachesBack(sql, "public", window, xid, await nextXid(sql));
    expect([await reaches(before), await reaches(first)]).toEqual([false, true]);
  });
});
