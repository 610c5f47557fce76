import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Recovered, Statement } from "../../../../src/engines/evidence.ts";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidence, evidenceKeepers } from "../../../../src/engines/postgres/evidence.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import { dumped, withDump } from "../../../support/dump.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { requestTo } from "../../../support/request.ts";
import { statementOf } from "./clone-ground.ts";
import { copyOf, text, watch } from "./scene.ts";

withDump(({ bin, major }) => {
  let server: TestServer;
  let sql: Connection;
  let folder: string;
  beforeAll(async () => {
    server = await startTestServer({ major, bin, settings: { autovacuum: "off", fsync: "off" } });
    folder = mkdtempSync(path.join(os.tmpdir(), "hf-dump-"));
  });
  afterAll(async () => {
    await server.end();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    const making = await server.connect("postgres");
    await making.run("", "drop database if exists shop with (force)");
    await making.run("", "create database shop");
    await making.close();
    sql = await server.connect("shop");
    onTestFinished(() => sql.close());
    await sql.client
      .query(`create schema "Sa les"; create table "Sa les"."O 'rd" (id int, "K ey" text collate "C", at timestamptz, note text, n numeric(12,3),
        double int generated always as (id * 2) stored, primary key (id, "K ey"));
      create table "Sa les"."O" (id int primary key);
      insert into "Sa les"."O" select generate_series(1, 5);
      insert into "Sa les"."O 'rd" select n, E'k\\t\\\\' || n, timestamptz '2026-01-01' + n * interval '7.123456 min',
        case when n % 3 = 0 then null when n % 5 = 0 then E'\\\\.' else E'ä\\n\\\\N ' || n end, n / 7.0 from generate_series(1, 500) n`);
  });
  const table = `"Sa les"."O 'rd"`;
  const shop = () => server.url("shop");
  const columns = 'id, "K ey", at, note, n';

  function ground(dump: string | undefined) {
    const target = postgresTarget(requestTo(server, "shop", dump === undefined ? {} : { dump }));
    const ahead = headStarts<Recovered>();
    const held = evidence(target, ahead);
    const leases: unknown[] = [];
    onTestFinished(async () => {
      for (const lease of leases) await evidenceKeepers(target, ahead)["scratch-server"]?.release(lease as never);
      await target.close();
    });
    return {
      target,
      option: async (statement: Statement) => (await held.paths(statement, watch)).find((one) => one.path === "dump"),
      recover: async (statement: Statement) => {
        const { run } = target.request.session;
        for (const part of await held.recoveryParts(statement, "dump", run))
          leases.push({ ...part.lease, facts: await part.take() });
        return held.recover(statement, "dump", run, watch);
      },
    };
  }

  const after = (rows: number, changes: Partial<Statement> = {}): Statement => ({
    ...statementOf(["700"], [table]),
    rows,
    tables: [{ table, rows }],
    at: new Date(Date.now() + 60_000).toISOString(),
    ...changes,
  });

  describe.each(["custom", "directory"] as const)("in %s format", (format) => {
    test("what the table lacks now comes back, value for value, and nothing else", async () => {
      const dump = await dumped(bin, shop(), path.join(folder, format), format);
      const lost = await copyOf(sql, `select ${columns} from ${table} where id % 2 = 0 order by id`);
      await sql.run("", `update ${table} set note = 'later' where id = 1`);
      await sql.run("", `delete from ${table} where id % 2 = 0`);
      await sql.run("", `insert into ${table} values (9999, 'new')`);
      const here = ground(dump);
      const option = await here.option(after(250));
      expect(option).toMatchObject({ feasible: true, recommended: false });
      expect(option?.loses).toMatch(
        /written between \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ and the statement.*others deleted since/,
      );
      const recovered = await here.recover(after(250));
      expect(recovered.tables).toMatchObject([{ table, rows: 250, columns: ["id", "K ey", "at", "note", "n"] }]);
      expect(await text(await recovered.rows(table))).toBe(lost);
      expect(await text(await recovered.rows(table))).toBe(lost);
    });

    test("one that is damaged hands out nothing", async () => {
      const dump = await dumped(bin, shop(), path.join(folder, `${format}-bad`), format);
      await sql.run("", `delete from ${table}`);
      const data = format === "custom" ? dump : largestIn(dump);
      truncateSync(data, format === "custom" ? 7000 : 300);
      const here = ground(dump);
      await expect(here.recover(after(500))).rejects.toMatchObject({ record: { code: "HF-DUMP-DAMAGED" } });
    });
  });

  test("what it can't serve is closed, with the words that open it", async () => {
    const dump = await dumped(bin, shop(), path.join(folder, "closed"), "custom");
    const closed = async (file: string | undefined, statement = after(1)) => {
      const option = await ground(file).option(statement);
      expect(option?.feasible).toBe(false);
      return `${option?.why} ${option?.opensWith}`;
    };
    expect(await closed(undefined)).toMatch(/names no dump.*backup: \{ dump: FILE \}/);
    expect(await closed(path.join(folder, "nowhere"))).toMatch(/there is no dump/);
    expect(await closed(dump, after(1, { at: "2020-01-01T00:00:00Z" }))).toMatch(/made at .* after the statement/);
    await sql.run("", "create table public.other (id int primary key)");
    expect(await closed(dump, { ...after(1), tables: [{ table: "public.other", rows: 1 }] })).toMatch(
      /no rows of public.other/,
    );
    const other = await dumped(bin, server.url("postgres"), path.join(folder, "other"), "custom");
    expect(await closed(other)).toMatch(/of the database postgres, not of shop/);
    const plain = await dumped(bin, shop(), path.join(folder, "plain"), "plain");
    expect(await closed(plain)).toMatch(/plain SQL.*-Fc or -Fd/);
    const newer = path.join(folder, "newer");
    cpSync(dump, newer);
    const bytes = Buffer.from("PGDMP\x01\x63\x00", "latin1"); // archive version 1.99
    await patch(newer, bytes);
    expect(await closed(newer)).toMatch(/newer pg_dump/);
    writeFileSync(newer, "nothing of the kind");
    expect(await closed(newer)).toMatch(/can't be read/);
    await sql.run("", `alter table ${table} drop constraint "O 'rd_pkey"`);
    expect(await closed(dump)).toMatch(/has no key/);
  });

  test.each([
    ["of another type", `alter table "Sa les"."O 'rd" alter column n type text`],
    ["of another name", `alter table "Sa les"."O 'rd" rename column note to remark`],
  ])("a column %s since is refused before anything is handed out", async (_, change) => {
    const dump = await dumped(bin, shop(), path.join(folder, "types"), "custom");
    await sql.run("", `delete from ${table} where id < 10`);
    await sql.run("", change);
    await expect(ground(dump).recover(after(9))).rejects.toMatchObject({ record: { code: "HF-DUMP-COLUMNS" } });
  });

  test("a dump with INSERT statements is refused", async () => {
    const dump = await dumped(bin, shop(), path.join(folder, "inserts"), "custom", ["--inserts"]);
    await sql.run("", `delete from ${table} where id < 10`);
    await expect(ground(dump).recover(after(9))).rejects.toMatchObject({ record: { code: "HF-DUMP-INSERTS" } });
  });

  test("a row that the dump has not is counted as lost", async () => {
    const dump = await dumped(bin, shop(), path.join(folder, "older"), "custom");
    await sql.run("", `insert into ${table} select n, 'x' from generate_series(600, 609) n`);
    await sql.run("", `delete from ${table} where id > 490`);
    const { tables } = await ground(dump).recover(after(20));
    expect(tables).toMatchObject([{ rows: 10, lost: 10 }]);
  });
});

function largestIn(dump: string): string {
  const files = readdirSync(dump).map((name) => path.join(dump, name));
  const data = files.filter((file) => file.endsWith(".dat.gz"));
  return data.toSorted((a, b) => statSync(b).size - statSync(a).size)[0] ?? "";
}

async function patch(file: string, bytes: Buffer): Promise<void> {
  const { open } = await import("node:fs/promises");
  const handle = await open(file, "r+");
  await handle.write(bytes, 0, bytes.length, 0);
  await handle.close();
}
