import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../../src/engines/mysql/connection.ts";
import { eventsIn } from "../../../src/engines/mysql/log/events.ts";
import { type LoggedTransaction, transactionsIn } from "../../../src/engines/mysql/log/transactions.ts";
import { everyColumn, everyName, everyValue } from "./every-type.ts";
import { newestLog, runAll } from "./newest-log.ts";
import { type MariadbServer, startMariadb, withMariadb } from "../../support/mariadb.ts";

withMariadb(() => {
  let server: MariadbServer;
  let sql: Connection;
  beforeAll(async () => {
    server = await startMariadb({ "innodb-autoinc-lock-mode": "1" });
    const admin = await server.connect();
    await admin.run("making", "CREATE DATABASE shop");
    await admin.close();
    sql = await server.connect("shop");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const run = (...statements: readonly string[]) => runAll(sql, statements);
  const newest = () => newestLog(server);
  /** What the log has of the statements, in a file of their own. */
  const logged = async (...statements: readonly string[]): Promise<readonly LoggedTransaction[]> => {
    await run("FLUSH BINARY LOGS", ...statements);
    return transactions(newest());
  };
  const tablesOf = (found: LoggedTransaction | undefined) =>
    Object.fromEntries((found?.tables ?? []).map(({ table, rows }) => [table, rows]));

  describe("the binary log", () => {
    test("tells each transaction with its rows by table and kind, its place, thread and text", async () => {
      await run("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "CREATE TABLE b (id INT PRIMARY KEY, note TEXT)");
      const [filled, changed, ...more] = await logged(
        "INSERT INTO a SELECT seq, seq FROM seq_1_to_1000",
        "BEGIN",
        "UPDATE a SET n = 0 WHERE id <= 10",
        "DELETE FROM a WHERE id > 990",
        "INSERT INTO b VALUES (1, 'x')",
        "COMMIT",
      );
      expect(more).toEqual([]);
      expect(tablesOf(filled)).toEqual({ "shop.a": { insert: 1000, update: 0, delete: 0 } });
      expect(tablesOf(changed)).toEqual({
        "shop.a": { insert: 0, update: 10, delete: 10 },
        "shop.b": { insert: 1, update: 0, delete: 0 },
      });
      expect(changed).toMatchObject({ end: "commit", unclear: [], gtid: expect.stringMatching(/^0-1-\d+$/) });
      expect(changed?.text).toMatch(/^UPDATE a SET n = 0/);
      expect(changed?.from).toBe(filled?.to);
      expect(filled?.tables.every(({ full }) => full)).toBe(true);
    });

    test("of a value of every type the length is known, so that every row is counted", async () => {
      await run(`CREATE TABLE every (id INT PRIMARY KEY AUTO_INCREMENT, ${everyColumn})`);
      const found = await logged(
        `INSERT INTO every (${everyName.join(", ")}) VALUES (${everyValue}), (${everyValue})`,
        "INSERT INTO every (id) VALUES (NULL), (NULL)",
        "UPDATE every SET i = 8",
        "DELETE FROM every",
      );
      expect(found.map((one) => [tablesOf(one)["shop.every"], one.unclear])).toEqual([
        [{ insert: 2, update: 0, delete: 0 }, []],
        [{ insert: 2, update: 0, delete: 0 }, []],
        [{ insert: 0, update: 4, delete: 0 }, []],
        [{ insert: 0, update: 0, delete: 4 }, []],
      ]);
    });

    test("says which images are not whole, whatever the setting is today", async () => {
      await run(
        "CREATE TABLE part (id INT PRIMARY KEY, n INT, note TEXT)",
        "INSERT INTO part VALUES (1, 1, 'x'), (2, 2, 'y')",
      );
      const [updated, deleted] = await logged(
        "SET SESSION binlog_row_image = 'MINIMAL'",
        "UPDATE part SET n = 5",
        "DELETE FROM part",
        "SET SESSION binlog_row_image = 'FULL'",
      );
      expect([updated?.tables, deleted?.tables].map((tables) => tables?.map(({ full, rows }) => [full, rows]))).toEqual(
        [[[false, { insert: 0, update: 2, delete: 0 }]], [[false, { insert: 0, update: 0, delete: 2 }]]],
      );
    });

    test("calls what it can't follow by its name, and never a transaction without rows", async () => {
      await run("CREATE TABLE odd (id INT PRIMARY KEY, note TEXT)");
      const [asText, inBytes, gone] = await logged(
        "SET SESSION binlog_format = 'STATEMENT'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "INSERT INTO odd VALUES (1, 'x')",
        "SET SESSION binlog_format = 'ROW'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET GLOBAL log_bin_compress = ON",
        "INSERT INTO odd SELECT seq, REPEAT('x', 1000) FROM seq_2_to_100",
        "SET GLOBAL log_bin_compress = OFF",
        "TRUNCATE TABLE odd",
      );
      expect(asText?.unclear).toEqual(["a change that is logged as a statement, without its rows"]);
      expect(inBytes?.unclear).toEqual(["a compressed-rows event"]);
      expect(gone).toMatchObject({ end: "statement", tables: [], text: expect.stringContaining("TRUNCATE TABLE odd") });
    });

    test("does not take what was prepared, or rolled back to a savepoint, for done", async () => {
      await run("CREATE TABLE two (id INT PRIMARY KEY)", "INSERT INTO two SELECT seq FROM seq_1_to_20");
      const [prepared, rolledBack, part] = await logged(
        "XA START 'x'",
        "DELETE FROM two",
        "XA END 'x'",
        "XA PREPARE 'x'",
        "XA ROLLBACK 'x'",
        "BEGIN",
        "DELETE FROM two WHERE id <= 5",
        "SAVEPOINT s",
        "DELETE FROM two WHERE id > 5",
        "ROLLBACK TO s",
        "COMMIT",
      );
      expect(prepared).toMatchObject({ end: "prepared" });
      expect(rolledBack).toMatchObject({ end: "rollback", tables: [] });
      expect([part?.end, tablesOf(part)]).toEqual(["commit", { "shop.two": { insert: 0, update: 0, delete: 5 } }]);
    });

    test("is read up to its last whole event while the server writes it, and refused where a byte is not what it was", async () => {
      await run("CREATE TABLE d (id INT PRIMARY KEY)");
      const whole = await logged("INSERT INTO d VALUES (1)", "INSERT INTO d VALUES (2)");
      const bytes = readFileSync(newest());
      const copy = path.join(server.scratch, "copy");
      writeFileSync(copy, bytes.subarray(0, bytes.length - 10));
      expect(await transactions(copy)).toEqual(whole.slice(0, 1));
      const at = whole[1]?.from ?? 0;
      bytes[at + 25] = (bytes[at + 25] ?? 0) ^ 1;
      writeFileSync(copy, bytes);
      await expect(transactions(copy)).rejects.toMatchObject({ record: { code: "HF-MYSQL-LOG-DAMAGED" } });
      copyFileSync(process.execPath, copy);
      await expect(transactions(copy)).rejects.toMatchObject({ record: { code: "HF-MYSQL-LOG-DAMAGED" } });
    });

    test("of a large transaction no more than one event is in memory at once", async () => {
      const reader = new AbortController();
      onTestFinished(() => reader.abort());
      await run("CREATE TABLE large (id INT PRIMARY KEY, note VARCHAR(1000))");
      await logged("INSERT INTO large SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000");
      let [most, all] = [0, 0];
      for await (const { bytes } of eventsIn(newest()))
        [most, all] = [Math.max(most, bytes.length), all + bytes.length];
      expect(all).toBeGreaterThan(20e6);
      expect(most).toBeLessThan(64e3);
      for await (const event of eventsIn(newest(), reader.signal)) {
        expect(event.from).toBe(4);
        break;
      }
      reader.abort();
      await expect(eventsIn(newest(), reader.signal).next()).rejects.toMatchObject({ name: "AbortError" });
    });
  });
});

async function transactions(file: string): Promise<readonly LoggedTransaction[]> {
  const found: LoggedTransaction[] = [];
  for await (const one of transactionsIn(eventsIn(file))) found.push(one);
  return found;
}
