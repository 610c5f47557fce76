import { afterEach } from "vitest";
import type { RunId } from "../../../../src/core/ids.ts";
import type { LeaseState } from "../../../../src/core/run-state.ts";
import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { HoldPart, Watch } from "../../../../src/engines/engine.ts";
import type { Evidence, Recovered, Statement, StatementSearch } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import { evidence, evidenceKeepers } from "../../../../src/engines/postgres/evidence.ts";
import { type PostgresTarget, postgresTarget } from "../../../../src/engines/postgres/target.ts";
import type { TestServer } from "../../../support/postgres.ts";
import { requestTo } from "../../../support/request.ts";

export const watch: Watch = {
  progress: () => undefined,
  output: () => undefined,
  pausing: new AbortController().signal,
  signal: new AbortController().signal,
};

/** A target on the test's server, its evidence, and what was taken of it. */
export interface Scene {
  readonly target: PostgresTarget;
  readonly evidence: Evidence;
  readonly run: RunId;
  readonly leases: LeaseState[];
  take(parts: readonly HoldPart[]): Promise<void>;
  release(): Promise<void>;
  /** Freezes, searches and narrows, as the runbook does. */
  find(table: string, since?: string): Promise<StatementSearch>;
  recover(statement: Statement, path?: string): Promise<Recovered>;
}

export function scene(server: TestServer, database: string, lockTable = false): Scene {
  const target = postgresTarget(requestTo(server, database));
  const { run } = target.request.session;
  const ahead = headStarts<Recovered>();
  const held = evidence(target, ahead);
  const leases: LeaseState[] = [];
  const keepers = evidenceKeepers(target, ahead);
  const take = async (parts: readonly HoldPart[]) => {
    for (const part of parts) {
      const lease = { ...part.lease, id: `${part.lease.kind}:${part.lease.name}`, step: "freeze" };
      leases.push({ lease, status: "taken", facts: await part.take() });
    }
  };
  return {
    target,
    evidence: held,
    run,
    leases,
    take,
    release: async () => {
      for (const { lease, facts } of leases.splice(0).toReversed()) {
        await keepers[lease.kind]?.release({ ...lease, facts });
        await keepers[lease.kind]?.release({ ...lease, facts }); // idempotent
      }
      await target.close();
    },
    find: async (table, since) => {
      const { tables } = await held.examine(table);
      await take(await held.freeze(table, { run, lockTable }));
      const query = { table, tables: tables.map((one) => one.table), ...(since === undefined ? {} : { since }) };
      const search = await held.search(query, watch);
      for (const changed of await held.narrow(leases, search)) {
        const at = leases.findIndex(({ lease }) => lease.id === changed.lease);
        const before = leases[at];
        if (before) leases[at] = { ...before, facts: changed.facts };
      }
      return search;
    },
    recover: async (statement, way = "page-transplant") => {
      await take(await held.recoveryParts(statement, way, run));
      return held.recover(statement, way, run, watch);
    },
  };
}

export async function text(rows: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of rows) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Rows as COPY text, as the server holds them: what must come back, read before it is lost. */
export async function copyOf(connection: Connection, select: string): Promise<string> {
  const { to } = await import("pg-copy-streams");
  return text(connection.client.query(to(`COPY (${select}) TO STDOUT`)));
}

export function largest(search: StatementSearch): Statement {
  const [first] = search.statements;
  if (!first) throw new Error("nothing was found");
  return first;
}

/** Scenes of a suite on one server, and what keeps its rows by accident: all given back after each test, so that no pin keeps the rows of the next. */
export interface Stage {
  /** A run of its own, with evidence of its own. */
  scene(lockTable?: boolean): Scene;
  /** An older snapshot, until it is let go or the test is over. */
  keepRows(): Promise<void>;
  letGo(): Promise<void>;
}

export function stageOn(server: () => TestServer, database = "postgres"): Stage {
  const open: Scene[] = [];
  let older: Connection | null = null;
  const letGo = async () => {
    await older?.close();
    older = null;
  };
  afterEach(async () => {
    await letGo();
    for (const one of open.splice(0)) await one.release();
  });
  return {
    scene: (lockTable) => {
      const made = scene(server(), database, lockTable);
      open.push(made);
      return made;
    },
    keepRows: async () => {
      await letGo();
      older = await olderSnapshot(server(), database);
    },
    letGo,
  };
}

/** An older snapshot in another session, which keeps the rows until the freeze holds. */
export async function olderSnapshot(server: TestServer, database: string): Promise<Connection> {
  const session = await server.connect(database);
  await session.run("", "BEGIN ISOLATION LEVEL REPEATABLE READ");
  await session.run("", "SELECT count(*) FROM pg_class");
  return session;
}
