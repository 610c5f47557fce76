import { mkdtempSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import type { RunState } from "../../src/core/run-state.ts";
import { Secret } from "../../src/core/secret.ts";
import type { Backup } from "../../src/engines/engine.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import type { RunEnd } from "../../src/runner/session.ts";
import { footprintOf } from "../cli-on-postgres/incident.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { inWordsOf } from "../support/majors.ts";
import { testBinaries, type TestServer } from "../support/postgres.ts";

/** A table as applications make them, and what happens to it. */
export interface Shape {
  readonly is: string;
  /** Tables with their rows, and what was done to them before. */
  readonly made: string;
  /** The statement that took rows. */
  readonly bad: string;
  /** What went on after it, in transactions of its own. */
  readonly since?: string;
  /** As the operator writes it. */
  readonly input: string;
  /** All whose content must be as if the bad statement had never been; each is read with its children left out. */
  readonly tables: readonly string[];
  readonly choices?: Readonly<Record<string, string>>;
}

/** Two databases with one history, but for the bad statement: the second is the truth. */
export interface Scene {
  readonly shape: Shape;
  readonly database: string;
  readonly session: Connection;
  readonly clean: readonly string[];
  content(): Promise<unknown>;
  readonly truth: unknown;
  run(how?: How): Promise<RunEnd>;
}

export interface How {
  readonly path?: string;
  readonly backup?: Backup;
  readonly choices?: Readonly<Record<string, string>>;
  /** Another role's way in. */
  readonly as?: string;
}

let scenes = 0;

/** `held`: a report that is still open keeps the dead rows, as one often does. */
export async function aScene(
  server: TestServer,
  shape: Shape,
  options: { readonly held?: boolean; readonly between?: (session: Connection) => Promise<void> } = {},
): Promise<Scene> {
  const database = `shape_${(scenes += 1)}`;
  const whole = await freshDatabase(server, `${database}_truth`, shape);
  await whole.client.query(shape.since ?? "select 1");
  const truth = await contentOf(whole, shape);
  await whole.close();
  const session = await freshDatabase(server, database, shape);
  const clean = await footprintOf(session);
  await options.between?.(session);
  const report = options.held === false ? null : await server.connect(database);
  await report?.client.query("begin isolation level repeatable read; select 1");
  await session.client.query(shape.bad);
  await session.client.query(shape.since ?? "select 1");
  onTestFinished(async () => {
    await report?.close();
    await session.close();
  });
  return {
    shape,
    database,
    session,
    clean,
    truth,
    content: () => contentOf(session, shape),
    run: (how = {}) => runThrough(server, database, shape, how),
  };
}

async function freshDatabase(server: TestServer, name: string, { made }: Shape): Promise<Connection> {
  const making = await server.connect("postgres");
  await making.client.query(`drop database if exists ${name} with (force)`);
  await making.client.query(`create database ${name}`);
  await making.close();
  const session = await server.connect(name);
  await session.client.query(`set search_path = public, pg_catalog; ${inWordsOf(server.binaries.major, made)}`);
  return session;
}

/** Every row as text, as often as it is there. */
async function contentOf(session: Connection, { tables }: Shape): Promise<unknown> {
  const found: Record<string, unknown> = {};
  for (const table of tables) {
    const rows = await session.rows(
      "reading",
      `select t::text as row from only ${table} t order by t::text collate "C"`,
    );
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

async function runThrough(server: TestServer, database: string, shape: Shape, how: How): Promise<RunEnd> {
  const own = server.url(database);
  const url = how.as === undefined ? own : new Secret(own.reveal().replace("postgres@", `${how.as}@`));
  const assembly = testAssembly({
    reachable: {
      ...postgresTarget(url, "sandbox", database),
      ...(how.backup === undefined ? {} : { backup: how.backup }),
    },
    scratch: mkdtempSync(path.join(server.scratch, "scratch-")),
    serverBinaries: testBinaries(),
  });
  try {
    const plan = await assembly.workbench.plan({
      runbook: "restore-after-bad-delete",
      target: "shop",
      inputs: { table: shape.input },
    });
    const choices = { statement: "largest", path: how.path ?? "page-transplant", ...shape.choices, ...how.choices };
    const session = assembly.workbench.open(plan, {
      purpose: "live",
      wishes: { choices, keepRescue: false },
      interactive: false,
      yesSandbox: true,
    });
    return await session.ended;
  } finally {
    await assembly.end();
  }
}

/** The run ended well, the content is the truth, and nothing of ours is left. */
export async function isBack(scene: Scene, end: RunEnd): Promise<void> {
  if (end.bug instanceof Error) throw end.bug;
  expect([end.exit, end.fault?.message], wordsOf(end.state)).toEqual(["ok", undefined]);
  expect(await scene.content()).toEqual(scene.truth);
  expect(end.state.leases.filter((lease) => lease.status !== "released")).toEqual([]);
}

/** All that was said in findings, for a failure's reader and for tests of words. */
export function wordsOf(state: RunState): string {
  return state.steps
    .flatMap(({ step, findings, verified }) =>
      [...findings, ...verified].map(({ level, text, hint = "" }) => `${step.key} ${level}: ${text} ${hint}`),
    )
    .join("\n");
}
