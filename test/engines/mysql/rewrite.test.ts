import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Connection } from "../../../src/engines/mysql/connection.ts";
import { eventsIn } from "../../../src/engines/mysql/log/events.ts";
import { type Rewritten, rewrite, type Wanted } from "../../../src/engines/mysql/log/rewrite.ts";
import { type LoggedTransaction, transactionsIn } from "../../../src/engines/mysql/log/transactions.ts";
import { type MariadbServer, startMariadb, withMariadb } from "../../support/mariadb.ts";
import { everyColumn, everyName, everyValue } from "./every-type.ts";
import { newestLog, runAll } from "./newest-log.ts";

withMariadb(() => {
  let server: MariadbServer;
  let sql: Connection;
  beforeAll(async () => {
    server = await startMariadb();
    const admin = await server.connect();
    await admin.run("making", "CREATE DATABASE shop");
    await admin.run("making", "CREATE DATABASE rescue");
    await admin.close();
    sql = await server.connect("shop");
  });
  afterAll(async () => {
    await sql.close();
    await server.end();
  });
  const run = (...statements: readonly string[]) => runAll(sql, statements);
  const newest = () => newestLog(server);
  const happened = async (...statements: readonly string[]): Promise<LoggedTransaction> => {
    await run("FLUSH BINARY LOGS", ...statements);
    for await (const found of transactionsIn(eventsIn(newest()))) if (found.tables.length > 0) return found;
    throw new Error("no transaction");
  };
  const rewritten = async (found: LoggedTransaction, more: Partial<Wanted> = {}): Promise<readonly Rewritten[]> => {
    const ours = (table: string) => ({ schema: "rescue", table: table.replace("shop.", "") });
    const into = new Map(found.tables.map(({ table }) => [table, ours(table)]));
    const wanted = { from: found.from, to: found.to, into, image: "before", atOnce: 4 << 20, ...more } as const;
    const all: Rewritten[] = [];
    for await (const one of rewrite(eventsIn(newest()), wanted)) all.push(one);
    return all;
  };
  /** As the rescue does it: the format before the transaction, then batch by batch; under another zone, which must not matter. */
  const applied = async (all: readonly Rewritten[]): Promise<number> => {
    const session = await server.connect("rescue");
    await session.run("zone", "SET SESSION time_zone = '+05:00'");
    let rows = 0;
    for (const one of all) {
      if (one.kind === "rows") await session.run("beginning", "BEGIN");
      await session.run("applying", `BINLOG '${one.events.toString("base64")}'`);
      if (one.kind === "rows") await session.run("committing", "COMMIT");
      rows += one.kind === "rows" ? one.rows : 0;
    }
    await session.close();
    return rows;
  };
  /** The table's columns, no keys, and behind them the order of the log. */
  const rescueTable = async (name: string) => {
    await run(
      `CREATE TABLE rescue.${name} LIKE shop.${name}`,
      `ALTER TABLE rescue.${name} MODIFY id INT NOT NULL, DROP PRIMARY KEY`,
      `ALTER TABLE rescue.${name} ADD hf_seq BIGINT AUTO_INCREMENT PRIMARY KEY`,
    );
  };
  const contentOf = async (table: string, columns: readonly string[]) => {
    const hashed = columns.map((name) => `COALESCE(HEX(${name}), 'null')`).join(", ");
    const sqlText = `SELECT SHA2(CONCAT_WS('#', id, ${hashed}), 256) AS line FROM ${table} ORDER BY id`;
    return (await sql.rows("reading", sqlText)).map(({ line }) => line);
  };

  describe("the images of a transaction", () => {
    test("become the very rows again, of every type, batch by batch, under any zone", async () => {
      await run(`CREATE TABLE every (id INT PRIMARY KEY AUTO_INCREMENT, ${everyColumn})`);
      await rescueTable("every");
      await run(`INSERT INTO every (${everyName.join(", ")}) VALUES ${Array(60).fill(`(${everyValue})`).join(", ")}`);
      await run("INSERT INTO every (id) VALUES (NULL), (NULL)");
      const columns = [...everyName, "gv", "gs"];
      const before = await contentOf("every", columns);
      expect(new Set(before).size).toBe(62);
      const all = await rewritten(await happened("DELETE FROM every"), { atOnce: 500_000 });
      const batches = all.filter(({ kind }) => kind === "rows");
      expect(batches.length).toBeGreaterThan(5);
      expect(Math.max(...batches.map(({ events }) => events.length))).toBeLessThan(1_000_000);
      expect(await applied(all)).toBe(62);
      expect(await contentOf("rescue.every", columns)).toEqual(before);
    });

    test("of an UPDATE are the former rows or the new ones, in the log's order, of a row that was touched three times too", async () => {
      await run(
        "CREATE TABLE often (id INT PRIMARY KEY, n INT)",
        "INSERT INTO often SELECT seq, seq FROM seq_1_to_100",
      );
      await rescueTable("often");
      const found = await happened(
        "BEGIN",
        "UPDATE often SET n = n + 1000",
        "UPDATE often SET n = -1 WHERE id = 7",
        "DELETE FROM often WHERE id = 7",
        "COMMIT",
      );
      expect(await applied(await rewritten(found))).toBe(102);
      const of7 = async () => {
        const rows = await sql.rows("reading", "SELECT n FROM rescue.often WHERE id = 7 ORDER BY hf_seq");
        return rows.map(({ n }) => n);
      };
      expect(await of7()).toEqual(["7", "1007", "-1"]);
      await run("TRUNCATE TABLE rescue.often");
      expect(await applied(await rewritten(found, { image: "after" }))).toBe(101);
      expect(await of7()).toEqual(["1007", "-1"]);
    });

    test("of several tables go each to its own, and only those that are wanted", async () => {
      await run("CREATE TABLE one (id INT PRIMARY KEY)", "CREATE TABLE two (id INT PRIMARY KEY)");
      await run("INSERT INTO one VALUES (1), (2)", "INSERT INTO two VALUES (3), (4), (5)");
      for (const name of ["one", "two"]) await rescueTable(name);
      const found = await happened(
        "BEGIN",
        "DELETE FROM one",
        "DELETE FROM two",
        "INSERT INTO one VALUES (9)",
        "COMMIT",
      );
      const into = new Map([["shop.two", { schema: "rescue", table: "two" }]]);
      expect(await applied(await rewritten(found, { into }))).toBe(3);
      expect(await applied(await rewritten(found))).toBe(5);
      const { n } = await sql.row("counting", "SELECT COUNT(*) AS n FROM rescue.one");
      expect(n).toBe("2");
    });

    test("that are not whole are refused, and nothing is put anywhere", async () => {
      await run("CREATE TABLE slim (id INT PRIMARY KEY, n INT)", "INSERT INTO slim VALUES (1, 1)");
      const minimal = ["SET SESSION binlog_row_image = 'MINIMAL'", "DELETE FROM slim"];
      const found = await happened(...minimal, "SET SESSION binlog_row_image = 'FULL'");
      await expect(rewritten(found)).rejects.toMatchObject({ record: { code: "HF-MYSQL-IMAGE", exit: "refused" } });
    });
  });
});
