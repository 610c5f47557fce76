import { randomInt } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/errors.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { Transaction } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import { connectionOf } from "../../../src/engines/postgres/transaction.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { aRun, borrowed, claimOf, cuttingProxy, marked, targetFor } from "./marker-support.ts";
import { socketFolder } from "../../../src/engines/postgres/server/account.ts";

let server: TestServer;
let admin: Connection;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.connect("postgres");
  await admin.run("making", "create table public.effects (key text not null)");
  const first = await marked(server.url("postgres"));
  await first.marker.create();
  await first.target.close();
});
afterAll(async () => {
  await admin?.close();
  await server?.end();
});
beforeEach(async () => {
  await admin.run("emptying", "truncate public.effects");
});

const effect = (key: string) => async (tx: Transaction) => {
  await connectionOf(tx).run("doing", "insert into public.effects values ($1)", [key]);
  return { rows: 1 };
};
const effects = async () =>
  (await admin.rows("counting", "select key, count(*) as n from public.effects group by key order by key")).map(
    (row) => `${row.key} ${row.n}`,
  );
const faultOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Fault) return error.record;
  throw new Error(`a Fault was expected, not ${String(error)}`);
};

describe("once", () => {
  test("does its work once, ever, and gives the kept result to every later call", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    expect(await marker.once(claimOf(run, "a"), effect("a"))).toEqual({ rows: 1 });
    expect(await marker.once(claimOf(run, "a"), () => Promise.reject(new Error("again")))).toEqual({ rows: 1 });
    expect(await effects()).toEqual(["a 1"]);
    await target.close();
  });

  test("an effect that fails leaves neither rows nor marker, and is safe to try again", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const failing = async (tx: Transaction) => {
      await effect("b")(tx);
      await connectionOf(tx).run("dividing", "select 1 / 0");
      return null;
    };
    expect((await faultOf(marker.once(claimOf(run, "b"), failing))).after).toBe("rolled-back");
    expect(await effects()).toEqual([]);
    expect(await marker.read(run, "b")).toEqual([]);
    await marker.once(claimOf(run, "b"), effect("b"));
    expect(await effects()).toEqual(["b 1"]);
    await target.close();
  });

  test("a marker of another plan is refused and nothing is done", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    await marker.once(claimOf(run, "c"), effect("c"));
    const fault = await faultOf(marker.once(claimOf(run, "c", "plan-b"), effect("c")));
    expect(fault).toMatchObject({ code: "HF-MARKER-FOREIGN", exit: "refused", after: "none" });
    expect(await effects()).toEqual(["c 1"]);
    await target.close();
  });

  test("without the target lock nothing is written, neither before the work nor after it", async () => {
    const run = aRun();
    const { target, lock, marker } = await marked(server.url("postgres"), { run });
    const letsGo = async (tx: Transaction) => {
      await effect("d")(tx);
      await admin.row("ending", "select pg_terminate_backend($1::int, 5000)", [lock.holder()]);
      return null;
    };
    expect((await faultOf(marker.once(claimOf(run, "d"), letsGo))).code).toBe("HF-LOCK-LOST");
    expect((await faultOf(marker.once(claimOf(run, "d"), effect("d")))).code).toBe("HF-LOCK-LOST");
    expect(await effects()).toEqual([]);
    await target.close();
  });

  test("a statement that ends the transaction by itself is noticed before COMMIT", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const leaving = async (tx: Transaction) => {
      await connectionOf(tx).run("leaving", "rollback");
      return null;
    };
    const fault = await faultOf(marker.once(claimOf(run, "e"), leaving));
    expect(fault).toMatchObject({ code: "HF-MARKER-LEFT", after: "unknown" });
    const hopping = async (tx: Transaction) => {
      await connectionOf(tx).run("leaving", "commit");
      await connectionOf(tx).run("entering", "begin");
      return null;
    };
    expect((await faultOf(marker.once(claimOf(run, "f"), hopping))).code).toBe("HF-MARKER-LEFT");
    await target.close();
  });

  test("settings are told to the session before BEGIN, also on one that was kept for others", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const role = async (tx: Transaction) =>
      (await connectionOf(tx).row("asking", "select current_setting('session_replication_role') as role")).role ?? "";
    expect(await marker.once(claimOf(run, "g1"), role)).toBe("origin");
    expect(await marker.once(claimOf(run, "g2"), role, { session_replication_role: "replica" })).toBe("replica");
    expect(await marker.once(claimOf(run, "g3"), role)).toBe("origin");
    await target.close();
  });

  test("an acknowledged commit is on disk even where the role's default says otherwise", async () => {
    await admin.run("weakening", "alter role postgres set synchronous_commit = off");
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const asked = async (tx: Transaction) =>
      (await connectionOf(tx).row("asking", "select current_setting('synchronous_commit') as it")).it ?? "";
    expect(await marker.once(claimOf(run, "h"), asked)).toBe("on");
    await admin.run("mending", "alter role postgres reset synchronous_commit");
    await target.close();
  });
});

describe("a connection cut around COMMIT", () => {
  /** Calls again, as the runner's retry and resume do, until it is known. */
  async function untilKnown(call: () => Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      try {
        await call();
        return seen;
      } catch (error) {
        seen.push(error instanceof Fault ? error.record.after : String(error));
      }
    }
    throw new Error(`never known: ${seen.join(", ")}`);
  }

  async function cutRun(count: number, effectOf: (cutter: Cutter) => (key: string) => Promise<unknown>) {
    const proxy = await cuttingProxy(`${socketFolder(server.folder)}/.s.PGSQL.5432`);
    const run = aRun();
    const near = await marked(server.url("postgres"), { run });
    const far = borrowed(near.lock, targetFor(proxy.url, { run }));
    const act = effectOf({ run, far, url: proxy.url });
    const seen: string[] = [];
    for (let i = 0; i < count; i += 1) {
      proxy.state.cut = (["never", "before-commit", "after-commit"] as const)[randomInt(3)] ?? "never";
      seen.push(...(await untilKnown(() => act(`k${i}`))));
      proxy.state.cut = "never";
    }
    await far.target.close();
    await near.target.close();
    await proxy.close();
    return seen;
  }
  interface Cutter {
    readonly run: string;
    readonly far: ReturnType<typeof borrowed>;
    readonly url: Parameters<typeof targetFor>[0];
  }

  test("100 transactions have their effect exactly once each, and every cut is told as unknown", async () => {
    const seen = await cutRun(
      100,
      ({ run, far }) =>
        (key) =>
          far.marker.once(claimOf(run, key), effect(key)),
    );
    expect(seen.length).toBeGreaterThan(30);
    expect(new Set(seen)).toEqual(new Set(["unknown"]));
    const found = await effects();
    expect(found).toHaveLength(100);
    expect(found.filter((line) => !line.endsWith(" 1"))).toEqual([]);
  });

  test("the test sees: the same cuts without a marker double effects", async () => {
    await cutRun(30, ({ far }) => async (key) => {
      const session = await far.target.open("writing");
      await session.run("beginning", "begin");
      await effect(key)({ marked: true, connection: session } as Transaction);
      await session.run("committing", "commit");
      await session.close();
    });
    expect((await effects()).filter((line) => !line.endsWith(" 1"))).not.toEqual([]);
  });

  test("a connection lost before COMMIT was sent has rolled back, and says so", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const dying = async (tx: Transaction) => {
      await effect("x")(tx);
      await admin.row("ending", "select pg_terminate_backend($1::int, 5000)", [connectionOf(tx).pid]);
      await effect("x")(tx);
      return null;
    };
    const fault = await faultOf(marker.once(claimOf(run, "x"), dying));
    expect(fault).toMatchObject({ code: "HF-PG-CONNECTION-LOST", after: "rolled-back" });
    await marker.once(claimOf(run, "x"), effect("x"));
    expect(await effects()).toEqual(["x 1"]);
    await target.close();
  });
});

describe("another process with the same claim", () => {
  test("an orphan that commits late: the second waits for it, then sees what it did", async () => {
    const run = aRun();
    const { target, lock, marker } = await marked(server.url("postgres"), { run });
    const orphan = borrowed(lock, targetFor(server.url("postgres"), { run }));
    const order: string[] = [];
    const late = orphan.marker.once(claimOf(run, "o"), async (tx) => {
      order.push("orphan began");
      await connectionOf(tx).run("sleeping", "select pg_sleep(1)");
      order.push("orphan ends");
      return effect("o")(tx);
    });
    while (order.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const second = marker.once(claimOf(run, "o"), async (tx) => {
      order.push("second worked");
      return effect("o")(tx);
    });
    expect(await second).toEqual({ rows: 1 });
    await late;
    expect(order).toEqual(["orphan began", "orphan ends"]);
    expect(await effects()).toEqual(["o 1"]);
    await Promise.all([target.close(), orphan.target.close()]);
  });

  test("the test sees: a marker that is written last lets both do the work", async () => {
    const last = async () => {
      const session = await server.connect("postgres");
      const { n } = await session.row("asking", "select count(*) as n from public.effects where key = 'l'");
      if (n === "0") {
        await session.run("sleeping", "select pg_sleep(0.2)");
        await session.run("doing", "insert into public.effects values ('l')");
      }
      await session.close();
    };
    await Promise.all([last(), last()]);
    expect(await effects()).toEqual(["l 2"]);
  });

  test("two that claim the same key at once do the work once, and both have its result", async () => {
    const run = aRun();
    const first = await marked(server.url("postgres"), { run });
    const second = borrowed(first.lock, targetFor(server.url("postgres"), { run }));
    for (let i = 0; i < 20; i += 1) {
      const claim = claimOf(run, `p${i}`);
      const both = await Promise.all([first, second].map((one) => one.marker.once(claim, effect(claim.key))));
      expect(both).toEqual([{ rows: 1 }, { rows: 1 }]);
    }
    const found = await effects();
    expect(found).toHaveLength(20);
    expect(found.filter((line) => !line.endsWith(" 1"))).toEqual([]);
    await Promise.all([first.target.close(), second.target.close()]);
  });
});

describe("advance", () => {
  test("hands the cursor from batch to batch, keeps the sums, and a done one is returned as it stands", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    const seen: unknown[] = [];
    const batch = () =>
      marker.advance(claimOf(run, "m:public.t"), async (tx, before) => {
        seen.push(before);
        const at = ((before?.cursor ?? 0) as number) + 10;
        await effect(`batch ${at}`)(tx);
        return { cursor: at, done: at >= 30, result: { rows: at } };
      });
    for (let i = 0; i < 5; i += 1) await batch();
    expect(seen).toEqual([
      null,
      { cursor: 10, done: false, result: { rows: 10 } },
      { cursor: 20, done: false, result: { rows: 20 } },
    ]);
    expect(await batch()).toEqual({ cursor: 30, done: true, result: { rows: 30 } });
    expect(await effects()).toEqual(["batch 10 1", "batch 20 1", "batch 30 1"]);
    expect(await marker.read(run, "m")).toMatchObject([
      { key: "m:public.t", cursor: 30, done: true, planDigest: "plan-a" },
    ]);
    await target.close();
  });

  test("two that advance the same key at once move the cursor one after the other", async () => {
    const run = aRun();
    const first = await marked(server.url("postgres"), { run });
    const second = borrowed(first.lock, targetFor(server.url("postgres"), { run }));
    const step = (one: { marker: typeof first.marker }) =>
      one.marker.advance(claimOf(run, "n"), async (tx, before) => {
        const at = ((before?.cursor ?? 0) as number) + 1;
        await effect(`n${at}`)(tx);
        return { cursor: at, done: false, result: null };
      });
    await Promise.all(Array.from({ length: 20 }, (_, i) => step(i % 2 === 0 ? first : second)));
    const found = await effects();
    expect(found).toHaveLength(20);
    expect(found.filter((line) => !line.endsWith(" 1"))).toEqual([]);
    await Promise.all([first.target.close(), second.target.close()]);
  });

  test("a cancelled batch has rolled back and the next one begins where it began", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    await marker.advance(claimOf(run, "q"), () => Promise.resolve({ cursor: 5, done: false, result: null }));
    const slow = marker.advance(claimOf(run, "q"), async (tx, before) => {
      const slept = connectionOf(tx).run("sleeping", "select pg_sleep(20)");
      setTimeout(() => void marker.cancel(), 100);
      await slept;
      return { cursor: before?.cursor ?? null, done: true, result: null };
    });
    expect(await faultOf(slow)).toMatchObject({ code: "HF-PG-CANCELLED", after: "rolled-back" });
    const next = await marker.advance(claimOf(run, "q"), (_tx, before) => Promise.resolve({ ...before!, done: true }));
    expect(next).toEqual({ cursor: 5, done: true, result: null });
    await target.close();
  });
});

describe("read", () => {
  test("gives the key and its parts, and no neighbour whose name begins alike; keys compare as bytes", async () => {
    const run = aRun();
    const { target, marker } = await marked(server.url("postgres"), { run });
    for (const key of ["merge", "merge:public.a", "merge:public.B", "merge-more", "merge%", "Merge"])
      await marker.once(claimOf(run, key), () => Promise.resolve(key));
    const found = await marker.read(run, "merge");
    expect(found.map((row) => row.result)).toEqual(["merge", "merge:public.B", "merge:public.a"]);
    expect(await marker.read(aRun(), "merge")).toEqual([]);
    expect(found[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await target.close();
  });
});

describe("the boundaries of a marked transaction", () => {
  test("are reached in order", async () => {
    const run = aRun();
    const names: string[] = [];
    const { target, marker } = await marked(server.url("postgres"), { run, reached: (name) => names.push(name) });
    await marker.once(claimOf(run, "z"), effect("z"));
    expect(names).toEqual(["marker.claimed", "marker.worked", "marker.before-commit", "marker.after-commit"]);
    await target.close();
  });
});

describe("the marker table", () => {
  async function emptyDatabase(name: string) {
    await admin.run("making", `create database ${name}`);
    return server.url(name);
  }

  test("is absent, then made by many at once without a fault, with one installation row that stays", async () => {
    const url = await emptyDatabase("made");
    const makers = await Promise.all(Array.from({ length: 6 }, () => marked(url)));
    expect(await makers[0]!.marker.state()).toEqual({ kind: "absent" });
    expect(await makers[0]!.marker.read(aRun(), "x")).toEqual([]);
    await Promise.all(makers.map(({ marker }) => marker.create()));
    const session = await makers[0]!.target.catalogue();
    const before = await session.rows("asking", "select id from holdfast.installation");
    await makers[0]!.marker.create();
    expect(await session.rows("asking", "select id from holdfast.installation")).toEqual(before);
    expect(before).toHaveLength(1);
    expect(await makers[0]!.marker.state()).toEqual({ kind: "present" });
    await Promise.all(makers.map(({ target }) => target.close()));
  });

  test("is barred where the role has no right, with the words that the DBA runs; after them it is there", async () => {
    const url = await emptyDatabase("barred");
    await admin.run("making a role", "create role clerk login");
    const owner = await server.connect("barred");
    const asClerk = await marked(new Secret(url.reveal().replace("postgres@", "clerk@")));
    const first = await asClerk.marker.state();
    expect(first).toEqual({
      kind: "barred",
      why: expect.stringContaining("GRANT CREATE ON DATABASE barred TO clerk;"),
    });
    expect((await faultOf(asClerk.marker.create())).code).toBe("HF-MARKER-BARRED");
    const made = await marked(url);
    await made.marker.create();
    const second = await asClerk.marker.state();
    const grants = second.kind === "barred" ? second.why.split("may run: ")[1] : "";
    expect(grants).toContain("GRANT SELECT, INSERT, UPDATE ON holdfast.effect TO clerk;");
    await owner.run("granting", grants ?? "");
    expect(await asClerk.marker.state()).toEqual({ kind: "present" });
    await Promise.all([asClerk.target.close(), made.target.close(), owner.close()]);
  });

  test("is barred where a publication of all tables would carry it away, and open once the publication is gone", async () => {
    const url = await emptyDatabase("published");
    const { target, marker } = await marked(url);
    const session = await target.open("writing");
    await session.run("publishing", "create publication everything for all tables");
    expect(await marker.state()).toEqual({ kind: "barred", why: expect.stringContaining("everything (all tables)") });
    await session.run("publishing less", "drop publication everything");
    await marker.create();
    await session.run(
      "publishing",
      server.binaries.major < 15
        ? "create publication ours for table holdfast.effect"
        : "create publication ours for tables in schema holdfast",
    );
    expect(await marker.state()).toMatchObject({ kind: "barred" });
    await session.run("publishing others", "drop publication ours");
    await session.run("publishing others", "create table public.t (id int primary key)");
    await session.run("publishing others", "create publication others for table public.t");
    expect(await marker.state()).toEqual({ kind: "present" });
    await target.close();
  });

  test("is barred where sessions are read-only, and where the name is taken by another's table", async () => {
    const url = await emptyDatabase("taken");
    await admin.run("closing", "alter database taken set default_transaction_read_only = on");
    const closed = await marked(url);
    expect(await closed.marker.state()).toEqual({ kind: "barred", why: expect.stringContaining("read-only") });
    await closed.target.close();
    await admin.run("opening", "alter database taken reset default_transaction_read_only");
    const { target, marker } = await marked(url);
    const session = await target.open("writing");
    await session.run("taking", "create schema holdfast");
    await session.run("taking", "create table holdfast.effect (id int)");
    expect(await marker.state()).toEqual({ kind: "barred", why: expect.stringContaining("not our marker table") });
    await target.close();
  });
});
