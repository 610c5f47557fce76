import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import type { RunId } from "../../../src/core/ids.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { Watch } from "../../../src/engines/engine.ts";
import type { Merge, MergedBatch, TriggerMode } from "../../../src/engines/merge.ts";
import type { Connection } from "../../../src/engines/postgres/connection.ts";
import { merge } from "../../../src/engines/postgres/merge.ts";
import { rescueArea } from "../../../src/engines/postgres/rescue-area.ts";
import { type PostgresTarget, postgresTarget } from "../../../src/engines/postgres/target.ts";
import type { PostgresTransaction } from "../../../src/engines/postgres/transaction.ts";
import type { ConflictKind, RescueArea } from "../../../src/engines/rescue-area.ts";
import { limitsWith } from "../../support/limits.ts";
import { inWordsOf } from "../../support/majors.ts";
import { startTestServer, testBinaries, type TestServer } from "../../support/postgres.ts";
import { requestTo } from "../../support/request.ts";

/** Rows that a test took away: what the evidence would hand out. */
export interface Lost {
  readonly table: string;
  readonly columns: readonly string[];
  readonly text: string;
  readonly stream: () => NodeJS.ReadableStream;
}

export interface Ground {
  readonly run: RunId;
  readonly sql: Connection;
  readonly target: PostgresTarget;
  readonly area: RescueArea;
  readonly merge: Merge;
  readonly scratch: string;
  /** COPY text of the rows, in key order, and the rows deleted. */
  lose(table: string, where: string, order: string, how?: string): Promise<Lost>;
  /** Makes the area and fills it, each table in a transaction. */
  rescue(...lost: readonly Lost[]): Promise<void>;
  marked<R>(work: (tx: PostgresTransaction) => Promise<R>, settings?: Readonly<Record<string, string>>): Promise<R>;
  mergeAll(
    table: string,
    triggers?: TriggerMode,
    size?: number,
    decided?: readonly ConflictKind[],
  ): Promise<MergedBatch & { readonly batches: number }>;
  /** As text, for an exact comparison. */
  content(table: string): Promise<readonly (string | null)[]>;
}

export const quiet: Watch = {
  progress: () => undefined,
  output: () => undefined,
  pausing: new AbortController().signal,
  signal: new AbortController().signal,
};

export async function startGround() {
  const server = await startTestServer({ settings: { wal_level: "logical" } });
  const open: { end(): Promise<void> }[] = [];
  return {
    server,
    fresh: async (tables: string, options: { readonly user?: string } = {}) => {
      const made = await freshGround(server, tables, options.user);
      open.push(made);
      return made.ground;
    },
    end: async () => {
      for (const one of open) await one.end();
      await server.end();
    },
  };
}

async function freshGround(server: TestServer, tables: string, user?: string) {
  const database = `d${randomBytes(4).toString("hex")}`;
  const maintenance = await server.connect("postgres");
  await maintenance.run("making a database", `create database ${database}`);
  await maintenance.close();
  const sql = await server.connect(database);
  await sql.run(
    "making tables",
    `set search_path = public, pg_catalog; ${inWordsOf(server.binaries.major, tables)}; set search_path = pg_catalog`,
  );
  const scratch = mkdtempSync(path.join(server.scratch, "scratch-"));
  const url = server.url(database);
  const target = postgresTarget(
    requestTo(server, database, {
      url: user === undefined ? url : new Secret(url.reveal().replace("postgres@", `${user}@`)),
      machine: { scratch, serverBinaries: testBinaries() },
      limits: limitsWith({ batchRows: 10_000, lockTimeoutMs: 500 }),
    }),
  );
  const ground = groundOn(target, sql, scratch);
  const end = async () => {
    await target.close();
    await sql.close();
    rmSync(scratch, { recursive: true, force: true });
  };
  return { ground, end };
}

function groundOn(target: PostgresTarget, sql: Connection, scratch: string): Ground {
  const { run } = target.request.session;
  const [area, merging] = [rescueArea(target), merge(target)];
  const marked: Ground["marked"] = async (work, settings = {}) => {
    const connection = await target.open("writing", settings);
    try {
      await connection.run("beginning", "begin");
      const result = await work({ marked: true, connection });
      await connection.run("committing", "commit");
      return result;
    } finally {
      await connection.close();
    }
  };
  return {
    run,
    sql,
    target,
    area,
    merge: merging,
    scratch,
    marked,
    lose: (table, where, order, how) => lose(sql, table, where, order, how),
    rescue: async (...lost) => {
      await area.part(run, lost).take();
      for (const { table, columns, stream } of lost) {
        await marked((tx) => area.fill(tx, run, table, columns, stream()));
      }
    },
    mergeAll: async (table, triggers = "fire", size = 10_000, decided = []) => {
      let [inserted, left, batches, upTo, done] = [0, 0, 0, 0, false];
      while (!done) {
        const batch = await marked(
          (tx) => merging.batch(tx, { run, table, triggers, decided }, upTo, size),
          merging.prepare(triggers),
        );
        [inserted, left, batches] = [inserted + batch.inserted, left + batch.left, batches + 1];
        [upTo, done] = [batch.upTo, batch.done];
      }
      return { inserted, left, batches, upTo, done };
    },
    content: async (table) =>
      (await sql.rows("reading", `select t::text as row from ${table} as t order by 1`)).map(
        (row) => row["row"] ?? null,
      ),
  };
}

async function lose(
  sql: Connection,
  table: string,
  where: string,
  order: string,
  how = `delete from ${table} where ${where}`,
): Promise<Lost> {
  const found = await sql.rows(
    "reading columns",
    `select attname as name, quote_ident(attname) as quoted from pg_attribute where attrelid = $1::regclass and attnum > 0
     and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  const list = found.map((column) => column["quoted"]).join(", ");
  const out = sql.client.query(
    copyTo(`copy (select ${list} from ${table} where ${where} order by ${order}) to stdout`),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of out) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  await sql.run("deleting", how);
  const columns = found.map((column) => column["name"] ?? "");
  return { table, columns, text, stream: () => Readable.from([Buffer.from(text)]) };
}
