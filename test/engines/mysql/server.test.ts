import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newRunId } from "../../../src/core/ids.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/engines/mysql/connection.ts";
import { lockName } from "../../../src/engines/mysql/lock/name.ts";
import { mysql } from "../../../src/engines/mysql/mysql.ts";
import { claimOf, offered } from "../../contract/bench.ts";
import { type MariadbServer, requestToMariadb, startMariadb, withMariadb } from "../../support/mariadb.ts";

withMariadb(() => {
  let server: MariadbServer;
  let admin: Connection;
  beforeAll(async () => {
    server = await startMariadb({ "event-scheduler": "OFF" });
    admin = await server.connect();
    await admin.run("making", "CREATE DATABASE shop");
    await admin.run("making", "CREATE TABLE shop.t (id INT PRIMARY KEY, at TIMESTAMP(6) NULL, n DECIMAL(65,30))");
  });
  afterAll(async () => {
    await admin.close();
    await server.end();
  });
  const open = (database = "shop") => mysql.connect(requestToMariadb(server, database));
  const used = async (work: (engine: Engine) => Promise<void>) => {
    const engine = await open();
    try {
      await work(engine);
    } finally {
      await engine.close();
    }
  };

  describe("a session", () => {
    test("reads each value as the server's own text, whatever the server's defaults are", async () => {
      await admin.run("setting", "SET GLOBAL time_zone = '+05:00'");
      await admin.run("setting", "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
      const session = await server.connect("shop");
      await session.run("filling", "INSERT INTO t VALUES (1, ?, ?)", [
        "2026-03-29 01:30:00.123456",
        "12345678901234567890123456789.000000000000000000000000000001",
      ]);
      expect(await session.row("reading", "SELECT at, n, ? AS said FROM t", ['it\'s \\ "so"'])).toEqual({
        at: "2026-03-29 01:30:00.123456",
        n: "12345678901234567890123456789.000000000000000000000000000001",
        said: 'it\'s \\ "so"',
      });
      expect((await session.run("again", "UPDATE t SET n = n")).rows).toBe(0);
      await session.close();
      await admin.run("setting", "SET GLOBAL time_zone = 'SYSTEM'");
      await admin.run("setting", "SET GLOBAL sql_mode = DEFAULT");
    });
  });

  describe("the target lock", () => {
    test("is one for each database, told apart by the exact name", async () => {
      expect(lockName("Shop")).not.toBe(lockName("shop"));
      expect(lockName("s".repeat(300))).toHaveLength(43);
      await used(async (first) => {
        expect((await offered(first.capabilities.lock).acquire()).kind).toBe("held");
        const other = await open("mysql");
        expect((await offered(other.capabilities.lock).acquire()).kind).toBe("held");
        await other.close();
      });
    });

    test("is free at once when it is released, though its session sleeps in the server", async () => {
      await used(async (first) => {
        const lock = offered(first.capabilities.lock);
        await lock.acquire();
        await lock.release();
        const { free } = await admin.row("asking", "SELECT IS_FREE_LOCK(?) AS free", [lockName("shop")]);
        expect(free).toBe("1");
      });
    });
  });

  describe("the marker", () => {
    test("is barred on a server that is read-only, and told why", async () => {
      await admin.run("closing", "SET GLOBAL read_only = 1");
      await used(async ({ capabilities }) => {
        expect(await offered(capabilities.marker).state()).toMatchObject({
          kind: "barred",
          why: expect.stringContaining("read-only"),
        });
        await expect(offered(capabilities.marker).create()).rejects.toMatchObject({
          record: { code: "HF-MARKER-BARRED" },
        });
        expect(await offered(capabilities.inspect).survey()).toContainEqual(expect.objectContaining({ level: "stop" }));
      });
      await admin.run("opening", "SET GLOBAL read_only = 0");
    });

    test("is barred where a trigger hangs on it, or it is no plain table", async () => {
      await used(async ({ capabilities }) => {
        const marker = offered(capabilities.marker);
        await marker.create();
        await admin.run(
          "planting",
          "CREATE TRIGGER holdfast.spy BEFORE INSERT ON holdfast.effect FOR EACH ROW SET @seen = 1",
        );
        expect(await marker.state()).toMatchObject({ kind: "barred" });
        expect(await marker.read(newRunId(Date.now()), "merge")).toEqual([]);
        await admin.run("mending", "DROP TRIGGER holdfast.spy");
        expect(await marker.state()).toEqual({ kind: "present" });
      });
    });

    test("of a server that was killed holds what was committed, and nothing of what was not", async () => {
      const run = newRunId(Date.now());
      const engine = await mysql.connect(requestToMariadb(server, "shop", { session: { run, person: "ops@bastion" } }));
      const marker = offered(engine.capabilities.marker);
      await offered(engine.capabilities.lock).acquire();
      await marker.create();
      await marker.once(claimOf(run, "copy:a"), async () => 1);
      const broken = marker.once(claimOf(run, "copy:b"), async () => {
        await server.stop("kill");
        return 2;
      });
      await expect(broken).rejects.toMatchObject({
        record: { code: "HF-MYSQL-CONNECTION-LOST", after: "rolled-back" },
      });
      await engine.close();
      await server.restart();
      admin = await server.connect();
      await used(async (later) => {
        const rows = await offered(later.capabilities.marker).read(run, "copy");
        expect(rows.map(({ key, result, done }) => [key, result, done])).toEqual([["copy:a", 1, true]]);
      });
    });

    test("tells this server from another one once it is there", async () => {
      await used(async (engine) => {
        await offered(engine.capabilities.marker).create();
        const { facts, words, database } = await engine.identity();
        expect(facts.find(({ name }) => name === "installation")?.value).toMatch(/^[0-9a-f-]{36}$/);
        expect([words, database]).toEqual([expect.stringMatching(/MariaDB \d+\.\d+\.\d+, writable$/), "shop"]);
      });
    });
  });
});
