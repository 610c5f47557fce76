import { afterAll, beforeAll, expect, test } from "vitest";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { majors, onEachMajor } from "../../../support/majors.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";
import { copyOf, olderSnapshot, scene, text } from "./scene.ts";

/** Mulberry32: the same histories on every machine. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

const rowsAtFirst = 300;

/** A transaction of random statements, under random savepoints, some given up. */
function transaction(table: string, roll: (sides: number) => number): string[] {
  const statements = ["BEGIN"];
  const savepoints: string[] = [];
  let fresh = 1000;
  for (let nth = 0; nth < 25; nth += 1) {
    const some = `id % ${2 + roll(9)} = ${roll(2)} AND id BETWEEN ${roll(rowsAtFirst)} AND ${roll(rowsAtFirst) + 150}`;
    switch (roll(8)) {
      case 0:
        savepoints.push(`s${nth}`);
        statements.push(`SAVEPOINT s${nth}`);
        break;
      case 1:
        if (savepoints.length > 0) statements.push(`ROLLBACK TO ${savepoints.at(-1)}`);
        break;
      case 2:
        if (savepoints.length > 0) statements.push(`RELEASE ${savepoints.pop()}`);
        break;
      case 3:
        statements.push(`INSERT INTO ${table} SELECT n, n, 'new' FROM generate_series(${fresh}, ${fresh + 9}) n`);
        fresh += 10;
        break;
      case 4:
        statements.push(`SELECT FROM ${table} WHERE ${some} FOR KEY SHARE`);
        break;
      case 5:
        statements.push(`UPDATE ${table} SET note = note || repeat('y', ${roll(300)}) WHERE ${some}`);
        break;
      case 6:
        statements.push(`UPDATE ${table} SET v = v + 1 WHERE ${some} OR id > 1000`);
        break;
      case 7:
        statements.push(`DELETE FROM ${table} WHERE ${some} OR id % 1000 = 5`);
        break;
    }
  }
  return [...statements, `DELETE FROM ${table} WHERE id BETWEEN 100 AND 140`, "COMMIT"];
}

const ids = (copied: string) => new Set(copied.split("\n").map((line) => line.split("\t")[0] ?? ""));

onEachMajor(majors(18), (major) => {
  let server: TestServer;
  let sql: Connection;

  /** Half of them without the log's help: then savepoints are told by commit times. */
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { track_commit_timestamp: "on", autovacuum: "off" } });
    sql = await server.connect("postgres");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });

  async function filled(seed: number) {
    const table = `public.h${seed}`;
    const roll = dice(seed);
    await sql.run(
      "",
      `CREATE TABLE ${table} (id int PRIMARY KEY, v int, note text) WITH (fillfactor = ${40 + roll(60)})`,
    );
    await sql.run(
      "",
      `INSERT INTO ${table} SELECT n, n, repeat('x', n % 200) FROM generate_series(1, ${rowsAtFirst}) n`,
    );
    await sql.run("", `UPDATE ${table} SET v = v * 2 WHERE id % 3 = 0`);
    return { table, roll };
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "history %i: exactly the rows that are there no more come back, as they were before the transaction",
    async (seed) => {
      const { table, roll } = await filled(seed);
      const older = await olderSnapshot(server, "postgres");
      const before = await copyOf(sql, `SELECT * FROM ${table} ORDER BY id`);
      const { xid } = await sql.row("", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid");
      for (const statement of transaction(table, roll)) await sql.run("", statement);
      const after = ids(await copyOf(sql, `SELECT * FROM ${table}`));
      // Others come after it: they must change nothing of what comes back.
      await sql.run("", `UPDATE ${table} SET v = -1 WHERE id % 7 = 1`);
      await sql.run("", `DELETE FROM ${table} WHERE id % 11 = 3`);

      const one = scene(server, "postgres");
      if (seed % 2 === 0) await sql.run("", "CREATE EXTENSION pageinspect SCHEMA public");
      const inLog = seed % 2 === 1;
      if (!inLog) await dropLog(sql);
      const { tables } = await one.evidence.examine(table);
      const parts = await one.evidence.freeze(table, { run: one.run, lockTable: false });
      await one.take(parts);
      const { watch } = await import("./scene.ts");
      const search = await one.evidence.search({ table, tables: tables.map((fact) => fact.table) }, watch);
      const statement = search.statements.find(
        (found) => Number(found.transactions[0]) <= Number(xid) + 1 && found.kind === "one",
      );
      if (!statement) throw new Error("the transaction was not found");
      expect(statement.doubts).toHaveLength(inLog || statement.subtransactions.length === 0 ? 0 : 1);
      const back = await one.recover(statement);
      const expected = before.split("\n").filter((line) => line !== "" && !after.has(line.split("\t")[0] ?? ""));
      expect(await text(await back.rows(table))).toBe(expected.map((line) => `${line}\n`).join(""));
      expect(statement.rows).toBe(expected.length);
      await back.close();
      await older.close();
      await one.release();
      await sql.run("", "DROP EXTENSION IF EXISTS pageinspect");
    },
  );

  test.each([11, 12, 13, 14, 15, 17, 18])(
    "history %i: exactly the rows that it changed and left come back as they were before it, by the pages and the log, each with the place of what it left",
    async (seed) => {
      const { table, roll } = await filled(seed);
      const older = await olderSnapshot(server, "postgres");
      const lines = (await copyOf(sql, `SELECT * FROM ${table} ORDER BY id`)).split("\n").slice(0, -1);
      const { first } = await sql.row("", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS first");
      for (const statement of transaction(table, roll)) await sql.run("", statement);
      const left = await sql.rows(
        "",
        `SELECT id::text, ctid::text AS place FROM ${table} WHERE xmin::text::bigint >= $1::bigint AND id <= ${rowsAtFirst}`,
        [first ?? ""],
      );
      // Others come after it: they must change nothing of what comes back, nor of where it goes.
      await sql.run("", `UPDATE ${table} SET v = -1 WHERE id % 7 = 1`);
      await sql.run("", `DELETE FROM ${table} WHERE id % 11 = 3`);

      const one = scene(server, "postgres");
      const { statements } = await one.find(table);
      const statement = statements.find(({ value }) => value === `update:${first}`);
      if (!statement) throw new Error("the transaction was not found");
      const back = await one.recover(statement);
      const places = new Map(left.map(({ id, place }) => [id, place]));
      const expected = lines.flatMap((line) => {
        const place = places.get(line.split("\t")[0] ?? "");
        return place == null ? [] : [`${place}\t${line}\n`];
      });
      expect(expected.length).toBeGreaterThan(10);
      expect(await text(await back.rows(table))).toBe(expected.join(""));
      await back.close();
      if (major >= 16) {
        const logged = await one.recover(statement, "wal");
        expect(await text(await logged.rows(table))).toBe(expected.join(""));
        await logged.close();
      }
      await older.close();
      await one.release();
    },
  );
});

/** The files that told of what was before are gone. */
async function dropLog(sql: Connection): Promise<void> {
  for (let nth = 0; nth < 2; nth += 1) {
    await sql.run("", "SELECT pg_switch_wal()");
    await sql.run("", "CHECKPOINT");
  }
}
