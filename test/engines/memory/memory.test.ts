import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../src/core/secret.ts";
import { compareIdentity } from "../../../src/core/target.ts";
import { memory } from "../../../src/engines/memory/memory.ts";
import { memoryServer } from "../../../src/engines/memory/server.ts";
import {
  createTable,
  insert,
  remove,
  removeOpen,
  select,
  update,
  vacuum,
} from "../../../src/engines/memory/traffic.ts";
import { claimOf, offered, unwatched } from "../../contract/bench.ts";
import { badDelete, contentOf, memoryBench, memoryRequest } from "../../support/memory-bench.ts";

async function marked(server = memoryServer()) {
  const bench = await memoryBench(server);
  const engine = await bench.connect();
  await offered(engine.capabilities.lock).acquire();
  const marker = offered(engine.capabilities.marker);
  await marker.create();
  return { server, bench, engine, marker };
}

describe("traffic", () => {
  test("a read of the table removes dead rows as surely as a vacuum", () => {
    for (const look of [select, vacuum]) {
      const server = memoryServer();
      const { table } = badDelete(server, { rows: 5, taken: 2 });
      look(server, table);
      expect(server.read((state) => [state.tables[table]?.dead.length, state.tables[table]?.pruned])).toEqual([0, 2]);
    }
  });

  test("a delete cascades, and is refused where something still refers to the row", () => {
    const server = memoryServer();
    badDelete(server, { rows: 5, taken: 0 });
    createTable(server, "public.notes", {
      columns: ["id", "order_id"],
      parents: [{ column: "order_id", table: "public.orders", cascade: false }],
    });
    insert(server, "public.notes", [{ id: "1", order_id: "4" }]);
    expect(() => remove(server, "public.orders", ["4"])).toThrow("public.notes");
    remove(server, "public.orders", ["5"]);
    expect(Object.keys(select(server, "public.lines"))).toEqual(["1001", "1002", "1003", "1004"]);
  });

  test("an open delete takes nothing away yet, and an update leaves its old version behind", () => {
    const server = memoryServer();
    badDelete(server, { rows: 3, taken: 0 });
    removeOpen(server, "public.orders", ["1"]);
    expect(Object.keys(select(server, "public.orders"))).toEqual(["1", "2", "3"]);
    update(server, "public.orders", "2", { id: "2", note: "new" });
    expect(server.read((state) => state.tables["public.orders"]?.dead)).toMatchObject([
      { how: "updated", row: { id: "2" } },
    ]);
  });
});

describe("faults around a commit", () => {
  test("one that rolled back leaves nothing, and says so", async () => {
    const { server, bench, marker } = await marked();
    server.faults.push({ when: "rolled-back" });
    await expect(marker.once(claimOf(bench.run, "a"), async () => 1)).rejects.toMatchObject({
      record: { after: "rolled-back" },
    });
    expect(await marker.read(bench.run, "a")).toEqual([]);
  });

  test.each([
    ["before-commit", 2],
    ["after-commit", 1],
  ] as const)("%s is unknown to the caller, and the marker decides: the work runs %i times", async (when, times) => {
    const { server, bench, marker } = await marked();
    server.faults.push({ when, key: "a" });
    let worked = 0;
    const work = async () => (worked += 1);
    await expect(marker.once(claimOf(bench.run, "a:x"), work)).rejects.toMatchObject({ record: { after: "unknown" } });
    await marker.once(claimOf(bench.run, "a:x"), work);
    expect(worked).toBe(times);
    expect(await marker.read(bench.run, "a")).toHaveLength(1);
  });

  test("waits for the key that it was planned for", async () => {
    const { server, bench, marker } = await marked();
    server.faults.push({ when: "rolled-back", key: "merge" });
    expect(await marker.once(claimOf(bench.run, "rescue:merge"), async () => 1)).toBe(1);
    await expect(marker.once(claimOf(bench.run, "merge:a"), async () => 1)).rejects.toBeDefined();
    expect(server.faults).toEqual([]);
  });

  test("a lock that was lost while the work ran keeps it from being committed", async () => {
    const { server, bench, marker } = await marked();
    const losing = marker.once(claimOf(bench.run, "a"), async () => {
      server.change((state) => void (state.lock = null));
      return 1;
    });
    await expect(losing).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST" } });
    expect(await marker.read(bench.run, "a")).toEqual([]);
  });

  test("a cancelled statement is rolled back", async () => {
    const { bench, marker } = await marked();
    const cancelled = marker.once(claimOf(bench.run, "a"), async () => {
      await marker.cancel();
      return 1;
    });
    await expect(cancelled).rejects.toMatchObject({ record: { code: "HF-MEMORY-CANCELLED", after: "rolled-back" } });
    expect(await marker.read(bench.run, "a")).toEqual([]);
    await marker.cancel();
  });

  test("a row that traffic made meanwhile rolls the batch back instead of being overwritten", async () => {
    const { server, bench, engine, marker } = await marked();
    const { table } = badDelete(server, { rows: 4, taken: 2 });
    const evidence = offered(engine.capabilities.evidence);
    const [pin] = await evidence.freeze(table, { run: bench.run, lockTable: false });
    await pin?.take();
    const { statements } = await evidence.search({ table, tables: [table] }, unwatched());
    const statement = offered(statements[0]);
    for (const part of await evidence.recoveryParts(statement, "dead-rows", bench.run)) await part.take();
    const recovered = await evidence.recover(statement, "dead-rows", bench.run, unwatched());
    const area = offered(engine.capabilities.rescueArea);
    await area.part(bench.run, recovered.tables).take();
    await marker.once(claimOf(bench.run, "fill"), async (tx) => ({
      ...(await area.fill(tx, bench.run, table, ["id", "note"], await recovered.rows(table))),
    }));
    const merging = marker.once(claimOf(bench.run, "merge"), async (tx) => {
      await offered(engine.capabilities.merge).batch(tx, { run: bench.run, table, triggers: "fire" }, 0, 10);
      insert(server, table, [{ id: "1", note: "made by traffic" }]);
      return 1;
    });
    await expect(merging).rejects.toMatchObject({ record: { code: "HF-MEMORY-CONFLICT", after: "rolled-back" } });
    expect(contentOf(server, [table]).filter((line) => line.includes('"1"'))).toEqual([
      `${table} ${JSON.stringify({ id: "1", note: "made by traffic" })}`,
    ]);
  });

  test("names the points where a harness may end the process", async () => {
    const reached: string[] = [];
    const server = memoryServer();
    const engine = await memory(server).connect(memoryRequest({ reached: (name) => void reached.push(name) }));
    await offered(engine.capabilities.lock).acquire();
    await offered(engine.capabilities.marker).create();
    await offered(engine.capabilities.marker).once(claimOf("run", "a"), async () => 1);
    expect(reached).toEqual(["commit.before", "commit.after"]);
  });
});

describe("a server that is down", () => {
  test("refuses new sessions and cuts off those there are", async () => {
    const { server, bench, engine } = await marked();
    server.down = true;
    await expect(bench.connect()).rejects.toMatchObject({
      record: { code: "HF-MEMORY-UNREACHABLE", exit: "unreachable" },
    });
    await expect(engine.identity()).rejects.toMatchObject({ record: { after: "unknown" } });
  });
});

describe("a server in a file", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "holdfast-memory-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const url = (name: string) => new Secret(`memory://${join(folder, name)}`);

  test("outlives the process: what was committed is there for the next, and is the same server", async () => {
    const { bench, engine, marker } = await marked(memoryServer({ file: join(folder, "a.json") }));
    await marker.once(claimOf(bench.run, "a"), async () => "kept");
    const again = await memory().connect(memoryRequest({ url: url("a.json") }));
    expect(await offered(again.capabilities.marker).read(bench.run, "a")).toMatchObject([
      { result: "kept", done: true },
    ]);
    expect(compareIdentity(await engine.identity(), await again.identity())).toEqual({ kind: "same" });
  });

  test("is another server in another file, and a copy at another place has moved", async () => {
    const first = await memory().connect(memoryRequest({ url: url("a.json") }));
    const second = await memory().connect(memoryRequest({ url: url("b.json") }));
    expect(compareIdentity(await first.identity(), await second.identity()).kind).toBe("other");
    const copy = memoryServer({ file: join(folder, "c.json") });
    const original = JSON.parse(readFileSync(join(folder, "a.json"), "utf8")) as { id: string };
    copy.change((state) => void Object.assign(state, original));
    const third = await memory(copy).connect(memoryRequest());
    expect(compareIdentity(await first.identity(), await third.identity()).kind).toBe("moved");
  });

  test("drops the lock of a process that was killed", async () => {
    const file = join(folder, "a.json");
    const program = `
      const { memory } = await import("${new URL("../../../src/engines/memory/memory.ts", import.meta.url).href}");
      const { memoryServer } = await import("${new URL("../../../src/engines/memory/server.ts", import.meta.url).href}");
      const server = memoryServer({ file: ${JSON.stringify(file)} });
      const clock = { now: () => Date.now() };
      const engine = await memory(server).connect({ session: { run: "r1", person: "dead@host" }, clock });
      await engine.capabilities.lock.acquire();
      process.send("held");
      setInterval(() => {}, 1000);`;
    const child = fork("-", [], { execArgv: ["--input-type=module", "-e", program], silent: true });
    await once(child, "message");
    const engine = await memory().connect(memoryRequest({ url: url("a.json") }));
    const lock = offered(engine.capabilities.lock);
    expect(await lock.acquire()).toMatchObject({ kind: "busy", holder: expect.stringContaining("dead@host") });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await lock.acquire()).toEqual({ kind: "held" });
  });

  test("needs a URL that names the file", async () => {
    await expect(memory().connect(memoryRequest({ url: new Secret("memory:") }))).rejects.toMatchObject({
      record: { code: "HF-MEMORY-URL", exit: "input" },
    });
  });
});

test("the narrowed pin still holds what took rows before the span that was asked for", async () => {
  const server = memoryServer();
  const { table, child } = badDelete(server, { rows: 10, taken: 0 });
  const first = remove(server, table, ["1", "2"], { at: "2026-11-21T02:00:00Z" });
  remove(server, table, ["3"], { at: "2026-11-21T03:00:00Z" });
  const bench = await memoryBench(server);
  const evidence = offered((await bench.connect()).capabilities.evidence);
  const leases = [];
  for (const part of await evidence.freeze(table, { run: bench.run, lockTable: false })) {
    const lease = { ...part.lease, id: part.lease.name, step: "freeze" };
    leases.push({ lease, status: "taken" as const, facts: await part.take() });
  }
  const query = { table, tables: [table, child], since: "2026-11-21T02:30:00Z" };
  const found = await evidence.search(query, unwatched());
  expect([found.statements.map(({ rows }) => rows), found.oldest]).toEqual([[2], first]);
  await evidence.narrow(leases, found);
  vacuum(server, table);
  expect(server.read((state) => state.tables[table]?.dead.length)).toBe(3);
});
