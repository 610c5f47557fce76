import { afterAll, beforeAll, expect, test } from "vitest";
import { shortRunId } from "../../../src/core/ids.ts";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import { targetLock } from "../../../src/engines/postgres/lock.ts";
import { startTestServer, type TestServer } from "../../support/postgres.ts";
import { aRun, targetFor } from "./marker-support.ts";

let server: TestServer;
let admin: Connection;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.connect("postgres");
});
afterAll(async () => {
  await admin?.close();
  await server?.end();
});

function lockFor(options: { run?: string; person?: string; database?: string } = {}) {
  const target = targetFor(server.url(options.database ?? "postgres"), options);
  return { target, lock: targetLock(target) };
}
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a second run is refused with who holds it, which run, and since when", async () => {
  const run = aRun();
  const [first, second] = [lockFor({ run }), lockFor()];
  expect(await first.lock.acquire()).toEqual({ kind: "held" });
  const busy = await second.lock.acquire();
  expect(busy).toEqual({
    kind: "busy",
    holder: expect.stringMatching(new RegExp(`^ops_k@bastion, run ${shortRunId(run)}, since \\d\\d:\\d\\d:\\d\\dZ$`)),
  });
  await first.lock.release();
  expect(await second.lock.acquire()).toEqual({ kind: "held" });
  await Promise.all([first.target.close(), second.target.close()]);
});

test("trying again and again leaves no sessions behind", async () => {
  const [first, second] = [lockFor(), lockFor()];
  await first.lock.acquire();
  for (let i = 0; i < 5; i += 1) await second.lock.acquire();
  expect(second.target.pids()).toHaveLength(0);
  await Promise.all([first.target.close(), second.target.close()]);
});

test("another database of the same server has a lock of its own", async () => {
  const [here, there] = [lockFor(), lockFor({ database: "template1" })];
  await here.lock.acquire();
  expect(await there.lock.acquire()).toEqual({ kind: "held" });
  await here.lock.assertHeld();
  await Promise.all([here.target.close(), there.target.close()]);
});

test("a holder whose session was ended on the server notices, and may take the lock again", async () => {
  const { target, lock } = lockFor();
  await lock.acquire();
  const pid = lock.holder();
  await admin.row("ending", "select pg_terminate_backend($1::int, 5000)", [pid]);
  await expect(lock.assertHeld()).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST", exit: "busy" } });
  expect(await lock.acquire()).toEqual({ kind: "held" });
  expect(lock.holder()).not.toBe(pid);
  await target.close();
});

test("a lock taken away by another means is noticed by asking the server, not by our own memory", async () => {
  const { target, lock } = lockFor();
  await lock.acquire();
  const [session] = await admin.rows("asking", "select pid from pg_locks where locktype = 'advisory'");
  expect(Number(session?.pid)).toBe(lock.holder());
  await target.open("reading"); // another session of the same target does not count as the holder
  await admin.row("ending", "select pg_terminate_backend($1::int, 5000)", [lock.holder()]);
  const thief = lockFor();
  expect(await thief.lock.acquire()).toEqual({ kind: "held" });
  await expect(lock.assertHeld()).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST" } });
  await Promise.all([target.close(), thief.target.close()]);
});

test("a server that ends idle sessions does not end the one that holds the lock", async () => {
  await admin.run("shortening", "alter role postgres set idle_session_timeout = '200ms'");
  const { target, lock } = lockFor();
  await lock.acquire();
  await wait(700);
  await lock.assertHeld();
  await target.close();
  await admin.run("mending", "alter role postgres reset idle_session_timeout");
});

test("sessions that an earlier process left are seen with what they do, its own are not, and they are ended", async () => {
  const run = aRun();
  const [earlier, now, stranger] = [lockFor({ run }), lockFor({ run }), lockFor()];
  await earlier.lock.acquire();
  const busy = await earlier.target.open("writing");
  const running = busy.run("sleeping", "select pg_sleep(60)").catch((error: unknown) => error);
  await stranger.target.open("reading");
  await now.target.open("reading");
  await wait(100);
  const found = await now.lock.orphans(run);
  expect(found.map((orphan) => Number(orphan.session)).toSorted((a, b) => a - b)).toEqual(
    [...earlier.target.pids()].toSorted((a, b) => a - b),
  );
  expect(found.map((orphan) => orphan.doing)).toContain("active: select pg_sleep");
  expect(found[0]?.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(await now.lock.endOrphans(run)).toBe(2);
  expect(await now.lock.orphans(run)).toEqual([]);
  expect(await now.lock.endOrphans(run)).toBe(0);
  expect(String(await running)).toContain("connection");
  expect(await now.lock.acquire()).toEqual({ kind: "held" });
  expect(await stranger.target.catalogue().then((session) => session.row("asking", "select 1 as one"))).toEqual({
    one: "1",
  });
  await Promise.all([earlier, now, stranger].map(({ target }) => target.close()));
});
