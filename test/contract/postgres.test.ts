import { randomBytes } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { newRunId } from "../../src/core/ids.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import { postgres } from "../../src/engines/postgres/postgres.ts";
import { connectionOf } from "../../src/engines/postgres/transaction.ts";
import { limitsWith } from "../support/limits.ts";
import { majors, onEachMajor } from "../support/majors.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";
import { requestTo } from "../support/request.ts";
import { type Bench, type Incident, type IncidentSize, nasty } from "./bench.ts";
import { inspectContract } from "./inspect.ts";
import { lockContract } from "./lock.ts";
import { markerContract } from "./marker.ts";
import { readinessContract } from "./readiness.ts";
import { rescueContract } from "./rescue.ts";

/** One server for all; each bench is a database of its own on it. */
onEachMajor(majors(14, 18), (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { track_commit_timestamp: "on", autovacuum: "off" } });
  });
  afterAll(() => server.end());
  for (const contract of [inspectContract, lockContract, markerContract, readinessContract, rescueContract])
    contract("postgres", () => postgresBench(server));
});

async function postgresBench(server: TestServer): Promise<Bench> {
  const database = `bench_${randomBytes(6).toString("hex")}`;
  const admin = await server.connect("postgres");
  await admin.run("making a database", `create database ${database}`);
  const [run, otherRun] = [newRunId(Date.now()), newRunId(Date.now())];
  return {
    run,
    otherRun,
    connect: (as = {}) =>
      postgres.connect(
        requestTo(server, database, {
          session: { run: as.run ?? run, person: as.person ?? "ops@bastion" },
          machine: { scratch: server.scratch, serverBinaries: testBinaries() },
          limits: limitsWith({ lockTimeoutMs: 1500 }),
        }),
      ),
    incident: async (size) => badDelete(await server.connect(database), size),
    defineTable: async (tx) => void (await connectionOf(tx).run("making", "create table public.made (n int)")),
    endLockSession: async () => {
      await admin.rows(
        "ending the lock's session",
        `select pg_terminate_backend(l.pid, 5000) from pg_locks l join pg_database d on d.oid = l.database
          where l.locktype = 'advisory' and d.datname = $1`,
        [database],
      );
    },
    close: async () => {
      // What a test froze and did not give back would bar the next one from its slots.
      await admin.rows(
        "dropping slots",
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active",
      );
      await admin.run("removing a database", `drop database ${database} with (force)`);
      await admin.close();
    },
  };
}

const [table, child] = ["public.orders", "public.lines"];

async function badDelete(session: Connection, { rows, taken, before: ahead }: IncidentSize): Promise<Incident> {
  await session.run("making", `create table ${table} (id bigint primary key, note text)`);
  await session.run(
    "making",
    `create table ${child} (id bigint primary key, order_id bigint not null references ${table} on delete cascade, note text)`,
  );
  for (let id = 1; id <= rows; id += 1) {
    const note = nasty[id % nasty.length] ?? null;
    await session.run("filling", `insert into ${table} values ($1, $2)`, [id, note]);
    await session.run("filling", `insert into ${child} values ($1, $2, $3)`, [1000 + id, id, note]);
  }
  const content = async () => [...(await contentOf(session, table)), ...(await contentOf(session, child))];
  const before = await content();
  await ahead?.();
  await session.run("the accident", `delete from ${table} where id <= $1`, [taken]);
  return {
    table,
    child,
    taken: taken * 2,
    before,
    content,
    remake: async (id) => void (await session.run("remaking", `insert into ${table} values ($1, 'made again')`, [id])),
    remove: async (id) => void (await session.run("removing", `delete from ${table} where id = $1`, [id])),
    vacuum: async () => void (await session.run("vacuuming", `vacuum ${table}, ${child}`)),
  };
}

async function contentOf(session: Connection, name: string): Promise<readonly string[]> {
  const rows = await session.rows("reading", `select t::text as line from ${name} t order by id`);
  return rows.map((row) => `${name} ${row.line}`);
}
