import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Connection } from "../../../src/engines/mysql/connection.ts";
import { Fault } from "../../../src/core/errors.ts";
import { copyLog, logFiles } from "../../../src/engines/mysql/log/copy.ts";
import { type MysqlTarget, mysqlTarget } from "../../../src/engines/mysql/target.ts";
import { unwatched } from "../../contract/bench.ts";
import { type MariadbServer, requestToMariadb, startMariadb, withMariadb } from "../../support/mariadb.ts";

withMariadb(() => {
  let server: MariadbServer;
  let sql: Connection;
  let target: MysqlTarget;
  let into: string;
  let nth = 0;
  beforeAll(async () => {
    server = await startMariadb({ "max-allowed-packet": "64M", "innodb-log-file-size": "96M" });
    sql = await server.connect();
    await sql.run("making", "CREATE DATABASE shop");
    await sql.run("making", "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, note LONGTEXT)");
    target = mysqlTarget(requestToMariadb(server, "shop"));
  });
  beforeEach(() => {
    into = path.join(server.scratch, `copy-${(nth += 1)}`);
  });
  afterAll(async () => {
    await target.close();
    await sql.close();
    await server.end();
  });
  const theirs = (name: string) => readFileSync(path.join(server.scratch, "d", name));
  const ours = (name: string) => readFileSync(path.join(into, name));
  const fill = async (rows: number) => {
    await sql.run("filling", `INSERT INTO shop.t (note) SELECT REPEAT('x', 500) FROM seq_1_to_${rows}`);
  };
  const flush = () => sql.run("rotating", "FLUSH BINARY LOGS");
  const names = async () => (await logFiles(sql)).map(({ name }) => name);

  describe("a copy of the binary log", () => {
    test("is byte for byte what the server has, file after file, and nobody else may read it", async () => {
      for (const rows of [10, 2000, 5]) {
        await fill(rows);
        await flush();
      }
      await fill(3);
      const [since = ""] = await names();
      const told: number[] = [];
      const watch = { ...unwatched(), progress: ({ done }: { done: number }) => void told.push(done) };
      const copied = await copyLog(target, { since, into }, watch);
      expect(copied.map(({ name }) => name)).toEqual(await names());
      for (const { name, bytes } of copied.slice(0, -1)) {
        expect(ours(name).equals(theirs(name))).toBe(true);
        expect(bytes).toBe(theirs(name).length);
      }
      // The server marks the file that it has open, in its first event; the mark is not sent.
      const [last, open] = [ours(copied.at(-1)?.name ?? ""), theirs(copied.at(-1)?.name ?? "")];
      open[4 + 17] = (open[4 + 17] ?? 0) & ~1;
      expect(last.equals(open)).toBe(true);
      expect(readdirSync(into).map((name) => statSync(path.join(into, name)).mode & 0o777)).toEqual(
        copied.map(() => 0o600),
      );
      expect(statSync(into).mode & 0o777).toBe(0o700);
      expect(told.length).toBe(copied.length);
    });

    test("begins where it is told to, and is refused where the server has that file no more", async () => {
      await flush();
      const all = await names();
      const copied = await copyLog(target, { since: all.at(-2) ?? "", into }, unwatched());
      expect(copied.map(({ name }) => name)).toEqual(all.slice(-2));
      await expect(copyLog(target, { since: "log.999999", into }, unwatched())).rejects.toMatchObject({
        record: { code: "HF-MYSQL-LOG-GONE" },
      });
    });

    test("has an event of more than one packet whole", async () => {
      await flush();
      await sql.run("filling", "SET SESSION max_allowed_packet = 67108864").catch(() => undefined);
      await sql.run("filling", "INSERT INTO shop.t (note) VALUES (REPEAT('y', 20000000))");
      const since = (await names()).at(-1) ?? "";
      const [copied] = await copyLog(target, { since, into }, unwatched());
      expect(copied?.bytes).toBeGreaterThan(20_000_000);
      expect(ours(since).subarray(100).equals(theirs(since).subarray(100))).toBe(true);
    });

    test("ends at once when it is cancelled, and leaves the session of nobody else", async () => {
      const since = (await names())[0] ?? "";
      const cancelled = { ...unwatched(), signal: AbortSignal.abort(new Error("cancelled by hand")) };
      await expect(copyLog(target, { since, into }, cancelled)).rejects.toThrow("cancelled by hand");
      expect((await target.catalogue()).id).toBeGreaterThan(0);
      await expect
        .poll(
          async () =>
            (await sql.rows("looking", "SELECT 1 FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog%'"))
              .length,
        )
        .toBe(0);
    });

    test("whose files went while it was made is whole, or refused", async () => {
      await fill(20_000);
      await flush();
      const before = new Map((await names()).map((name) => [name, theirs(name)]));
      const [since = ""] = before.keys();
      const purges: Promise<unknown>[] = [];
      const watch = {
        ...unwatched(),
        progress: () => {
          if (purges.length === 0) purges.push(sql.run("purging", "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY"));
        },
      };
      const copied = await copyLog(target, { since, into }, watch).catch((error: unknown) => error);
      await Promise.all(purges);
      expect(await names()).not.toContain(since);
      if (copied instanceof Fault) expect(copied.record.code).toMatch(/^HF-MYSQL-/);
      else for (const name of [...before.keys()].slice(0, -1)) expect(ours(name).equals(before.get(name)!)).toBe(true);
    });
  });
});
