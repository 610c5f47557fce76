import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import type { Inspect } from "../../../src/engines/inspect.ts";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import { inspect } from "../../../src/engines/postgres/inspect.ts";
import { nearestNames } from "../../../src/core/nearest-name.ts";
import type { PostgresTarget } from "../../../src/engines/postgres/target.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { targetFor } from "./marker-support.ts";
import { socketFolder } from "../../../src/engines/postgres/server/account.ts";

let server: TestServer;
let admin: Connection;
let target: PostgresTarget;
let looking: Inspect;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.connect("postgres");
  for (const statement of [
    "create table public.orders (id int primary key)",
    "create table public.order_lines (id int)",
    `create schema "Odd ""Name"`,
    `create table "Odd ""Name"."ta.ble;--" (id int)`,
    "create table public.parted (id int) partition by range (id)",
    "create table public.parted_1 partition of public.parted for values from (0) to (100)",
    "insert into public.parted select generate_series(1, 99)",
    "create view public.seen as select 1 as one",
    "create materialized view public.kept as select 1 as one",
    "create schema holdfast",
    "create table holdfast.effect_of_ours (id int)",
    "create temporary table fleeting (id int)",
    "insert into public.orders select generate_series(1, 5000)",
    "analyze",
  ])
    await admin.run("making", statement);
  target = targetFor(server.url("postgres"));
  looking = inspect(target);
});
afterAll(async () => {
  await target?.close();
  await admin?.close();
  await server?.end();
});

describe("a table's name", () => {
  test.each([
    ["public.orders", "public.orders"],
    ["  Public.ORDERS ", "public.orders"],
    ['"public"."orders"', "public.orders"],
    [`"Odd ""Name"."ta.ble;--"`, `"Odd ""Name"."ta.ble;--"`],
    ["public.parted", "public.parted"],
    ["public.parted_1", "public.parted_1"],
  ])("%s is read as SQL would, and given in the server's own spelling", async (written, name) => {
    expect(await looking.resolveTable(written)).toBe(name);
    expect(await looking.resolveTable(await looking.resolveTable(written))).toBe(name);
  });

  test.each([
    "public.nothing",
    "orders", // no schema is guessed
    "public.seen",
    "public.kept",
    "public.orders_pkey",
    "pg_catalog.pg_class",
    "information_schema.sql_features",
    "holdfast.effect_of_ours",
    "public.orders; drop table public.orders",
    "' or true --",
    "a.b.c.d",
    'public."orders',
    "",
    "public.\0orders",
    `public."${"x".repeat(500)}"`,
    "-",
  ])("%j is no table of the user's, and says so with what to do", async (written) => {
    await expect(looking.resolveTable(written)).rejects.toMatchObject({
      record: { code: "HF-TABLE-UNKNOWN", exit: "input", hint: expect.stringMatching(/^(Nearest: |Write schema)/) },
    });
  });

  test("what it is instead is said in words, and near names are offered", async () => {
    await expect(looking.resolveTable("public.seen")).rejects.toThrow("public.seen is a view, not a table");
    await expect(looking.resolveTable("public.oders")).rejects.toMatchObject({
      record: { hint: expect.stringMatching(/^Nearest: public\.orders/) },
    });
    await expect(looking.resolveTable("orders")).rejects.toMatchObject({
      record: { hint: expect.stringContaining("public.orders") },
    });
    const [temporary] = await admin.rows("asking", "select nspname from pg_namespace where oid = pg_my_temp_schema()");
    await expect(looking.resolveTable(`${temporary?.nspname}.fleeting`)).rejects.toThrow(
      "a temporary table of one session",
    );
  });

  test("a table that is gone may have been dropped: it has to be made again first, whatever is near its name", async () => {
    const remake = /make it again first, empty, under its old name with its old columns and keys/;
    for (const written of ["public.oders", "public.entirely_else"])
      await expect(looking.resolveTable(written)).rejects.toMatchObject({
        record: { hint: expect.stringMatching(remake) },
      });
    await expect(looking.resolveTable("public.seen")).rejects.toMatchObject({
      record: { hint: expect.not.stringMatching(remake) },
    });
  });

  test("is resolved without reading, or waiting for, the table itself", async () => {
    await admin.run("locking", "begin");
    await admin.run("locking", "lock table public.orders in access exclusive mode");
    expect(await looking.resolveTable("public.orders")).toBe("public.orders");
    expect((await looking.suggestTables("orders")).map((fact) => fact.table)).toEqual(["public.orders"]);
    await admin.run("unlocking", "rollback");
  });
});

describe("suggestions", () => {
  test("are the user's tables whose name contains the text, largest first, partitions summed up", async () => {
    const all = await looking.suggestTables("");
    const names = all.map((fact) => fact.table);
    expect(names).toEqual(["public.orders", "public.parted", `"Odd ""Name"."ta.ble;--"`, "public.order_lines"]);
    expect(all[0]).toMatchObject({ aboutRows: 5000 });
    expect(all[1]).toMatchObject({ aboutRows: 99, bytes: 8192 });
    expect((await looking.suggestTables("ORDER_")).map((fact) => fact.table)).toEqual(["public.order_lines"]);
    expect(await looking.suggestTables("%' or 1=1 --")).toEqual([]);
    expect(await looking.suggestTables("\0")).toEqual([]);
  });

  test("nearest takes few and near names only", () => {
    expect(nearestNames("public.custmers", ["public.customers", "public.zebra", "app.customers"])).toEqual([
      "public.customers",
      "app.customers",
    ]);
  });
});

describe("the survey", () => {
  const texts = async (level: string) =>
    (await looking.survey()).filter((finding) => finding.level === level).map((finding) => finding.text);

  test("finds nothing to stop for on a plain primary", async () => {
    expect(await texts("stop")).toEqual([]);
    expect(await texts("warn")).toEqual([]);
    expect(await texts("ok")).toContain("Sessions are our own: locks hold.");
  });

  test("leaves no lock and no session behind", async () => {
    const before = target.pids().length;
    await looking.survey();
    expect(target.pids()).toHaveLength(before);
    expect(await admin.rows("asking", "select pid from pg_locks where locktype = 'advisory'")).toEqual([]);
  });

  test("tells of a publication that would carry our tables, and of a reader that takes all", async () => {
    await admin.run("publishing", "create publication everything for all tables");
    expect((await texts("warn")).join()).toContain("everything (all tables)");
    await admin.run("unpublishing", "drop publication everything");
    expect(await texts("warn")).toEqual([]);
  });

  test("stops where sessions are read-only", async () => {
    await admin.run("closing", "alter role postgres set default_transaction_read_only = on");
    const closed = targetFor(server.url("postgres"));
    const findings = await inspect(closed).survey();
    expect(findings.find((finding) => finding.level === "stop")?.text).toContain("read-only");
    await closed.close();
    await admin.run("opening", "set default_transaction_read_only = off");
    await admin.run("opening", "alter role postgres reset default_transaction_read_only");
  });

  test("names what a role that is no superuser may lack", async () => {
    await admin.run("making", "create role clerk login");
    const clerk = targetFor(new Secret(server.url("postgres").reveal().replace("postgres@", "clerk@")));
    const findings = await inspect(clerk).survey();
    expect(findings.find((finding) => finding.level === "warn")?.text).toContain("pins (REPLICATION)");
    await clerk.close();
  });

  test("stops where a pooler in transaction mode lends one session to many", async () => {
    const pooler = await transactionPooler(`${socketFolder(server.folder)}/.s.PGSQL.5432`);
    const pooled = targetFor(pooler.url);
    const findings = await inspect(pooled).survey();
    expect(findings.filter((finding) => finding.level === "stop").map((finding) => finding.text)).toEqual([
      expect.stringContaining("A pooler in transaction mode"),
    ]);
    await pooled.close();
    await pooler.close();
  });
});

/** A pooler of one server session: whichever client speaks next between transactions gets it. Enough of the protocol for the survey. */
async function transactionPooler(socket: string) {
  const far = net.connect(socket);
  let ready = Buffer.alloc(0);
  let talking: net.Socket | null = null;
  let waiting: (() => void)[] = [];
  const startup = (bytes: Buffer) => bytes.readUInt32BE(4) === 196608;
  let greeting: Buffer | null = null;
  const letNext = () => {
    talking = null;
    waiting.shift()?.();
  };
  far.on("data", (bytes) => {
    if (greeting === null) {
      ready = Buffer.concat([ready, bytes]);
      if (!endsIdle(ready)) return;
      greeting = ready;
      talking?.write(greeting);
      return letNext();
    }
    talking?.write(bytes);
    if (endsIdle(bytes)) letNext();
  });
  const hand = (near: net.Socket, bytes: Buffer): void => {
    if (talking !== null && talking !== near) return void waiting.push(() => hand(near, bytes));
    talking = near;
    far.write(bytes);
  };
  const pooler = net.createServer((near) => {
    near.on("error", () => undefined);
    near.on("close", () => {
      waiting = [];
      if (talking === near) talking = null;
    });
    near.on("data", (bytes) => {
      if (bytes[0] === 0x58) return; // a client's farewell does not end the server's session
      if (bytes[0] !== 0 || !startup(bytes)) return hand(near, bytes);
      if (greeting !== null) return void near.write(greeting);
      talking = near;
      far.write(bytes);
    });
  });
  await new Promise<void>((resolve) => pooler.listen(0, "127.0.0.1", resolve));
  return {
    url: new Secret(`postgresql://postgres@127.0.0.1:${(pooler.address() as net.AddressInfo).port}/postgres`),
    close: async () => {
      far.destroy();
      await new Promise<void>((resolve) => pooler.close(() => resolve()));
    },
  };
}

/** ReadyForQuery, idle: the last message of an answer outside a transaction. In a transaction the session stays with its client. */
function endsIdle(bytes: Buffer): boolean {
  return bytes.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]));
}
