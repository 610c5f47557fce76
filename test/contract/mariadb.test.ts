import { newRunId } from "../../src/core/ids.ts";
import type { Connection } from "../../src/engines/mysql/connection.ts";
import { mysql } from "../../src/engines/mysql/mysql.ts";
import { connectionOf } from "../../src/engines/mysql/transaction.ts";
import { requestToMariadb, startMariadb, withMariadb } from "../support/mariadb.ts";
import { type Bench, type Incident, type IncidentSize, nasty } from "./bench.ts";
import { inspectContract } from "./inspect.ts";
import { lockContract } from "./lock.ts";
import { markerContract } from "./marker.ts";

withMariadb(() => {
  for (const contract of [inspectContract, lockContract, markerContract]) contract("mysql", mariadbBench);
});

/** A server of its own for each: our marker is the whole server's. */
async function mariadbBench(): Promise<Bench> {
  const server = await startMariadb();
  const admin = await server.connect();
  await admin.run("making a database", "CREATE DATABASE bench");
  const [run, otherRun] = [newRunId(Date.now()), newRunId(Date.now())];
  return {
    run,
    otherRun,
    connect: (as = {}) =>
      mysql.connect(
        requestToMariadb(server, "bench", { session: { run: as.run ?? run, person: as.person ?? "ops@bastion" } }),
      ),
    incident: async (size) => badDelete(await server.connect("bench"), size),
    defineTable: async (tx) => void (await connectionOf(tx).run("making", "CREATE TABLE bench.made (n int)")),
    endLockSession: async () => {
      const rows = await admin.rows(
        "looking for the lock",
        "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'",
      );
      for (const { id } of rows) await admin.run("ending it", `KILL CONNECTION ${id}`);
    },
    close: () => server.end(),
  };
}

const [table, child] = ["bench.orders", "bench.line_items"];

async function badDelete(session: Connection, { rows, taken, before: ahead }: IncidentSize): Promise<Incident> {
  await session.run("making", `CREATE TABLE ${table} (id BIGINT PRIMARY KEY, note TEXT) CHARACTER SET utf8mb4`);
  await session.run(
    "making",
    `CREATE TABLE ${child} (id BIGINT PRIMARY KEY, order_id BIGINT NOT NULL, note TEXT,
      FOREIGN KEY (order_id) REFERENCES ${table} (id) ON DELETE CASCADE) CHARACTER SET utf8mb4`,
  );
  for (let id = 1; id <= rows; id += 1) {
    const note = nasty[id % nasty.length] ?? null;
    await session.run("filling", `INSERT INTO ${table} VALUES (?, ?)`, [id, note]);
    await session.run("filling", `INSERT INTO ${child} VALUES (?, ?, ?)`, [1000 + id, id, note]);
  }
  const content = async () => [...(await contentOf(session, table)), ...(await contentOf(session, child))];
  const before = await content();
  await ahead?.();
  await session.run("the accident", `DELETE FROM ${table} WHERE id <= ?`, [taken]);
  return {
    table,
    child,
    taken: taken * 2,
    before,
    content,
    remake: async (id) => void (await session.run("remaking", `INSERT INTO ${table} VALUES (?, 'made again')`, [id])),
    remove: async (id) => void (await session.run("removing", `DELETE FROM ${table} WHERE id = ?`, [id])),
    vacuum: async () => undefined,
  };
}

async function contentOf(session: Connection, name: string): Promise<readonly string[]> {
  const rows = await session.rows("reading", `SELECT * FROM ${name} ORDER BY id`);
  return rows.map((row) => `${name} ${JSON.stringify(row)}`);
}
