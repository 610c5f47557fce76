import { expect, onTestFinished, test } from "vitest";
import { logRecords } from "../../../../src/engines/postgres/evidence/log/log-records.ts";
import { onEachMajor } from "../../../support/majors.ts";
import { startTestServer } from "../../../support/postgres.ts";

onEachMajor([15, 16], (major) => {
  test("records are read up to an end that is before, at or beyond the log's, and none that lies behind it", async () => {
    const server = await startTestServer({ major, settings: { autovacuum: "off" } });
    const sql = await server.connect("postgres");
    onTestFinished(async () => {
      await sql.close();
      await server.end();
    });
    await sql.run("", "CREATE EXTENSION pg_walinspect SCHEMA public");
    await sql.run("", "CREATE TABLE public.t (id int)");
    const position = async (plus = 0) => {
      const asked = "SELECT (pg_current_wal_flush_lsn() + $1::numeric)::text AS at";
      return (await sql.row("", asked, [plus])).at ?? "";
    };
    const from = await position();
    await sql.run("", "INSERT INTO public.t SELECT generate_series(1, 1000)");
    const [end, beyond] = [await position(), await position(1024 * 1024)];
    const records = await logRecords(sql, "public");
    const inserted = async (to: string) => {
      const counted = `SELECT count(*)::text AS rows FROM ${records} WHERE record_type LIKE 'INSERT%'`;
      return (await sql.row("", counted, [from, to])).rows;
    };
    expect([await inserted(end), await inserted(beyond)]).toEqual(["1000", "1000"]);
    await sql.run("", "INSERT INTO public.t SELECT generate_series(1, 50)");
    expect([await inserted(end), await inserted(await position())]).toEqual(["1000", "1050"]);
  });
});
