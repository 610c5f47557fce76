import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Clock } from "../../../core/clock.ts";
import type { Incident, IncidentKind, Proof, Rehearsal, Seeded, Traffic } from "../../rehearse.ts";
import { type Connection, connect } from "../connection.ts";
import type { PrivateServer } from "../server/private-server.ts";
import { removeServer } from "../server/private-server.ts";
import { archiveNow, backupBeside, backupIn, takeBaseBackup } from "./archiving.ts";
import { report, strikeShop } from "./incidents.ts";
import { badStatement, shopDdl, shopRows, shopRules, shopTables } from "./shop.ts";
import { compareTruth, noteBeforeIncident, noteTruth, truthDdl } from "./truth.ts";
import { startTraffic } from "./traffic.ts";

export const storyFile = "incident.json";
const database = "shop";

/** What a rehearsal is about; `told` is the incident where it has been already. */
export interface Rehearsed {
  readonly kind: IncidentKind;
  readonly orders: number;
  readonly told: Incident | null;
}

/** Where the pages keep nothing, production has a backup. */
export const hasBackup = (kind: IncidentKind) => kind === "truncate" || kind === "vacuumed";

/** The shop on a running server of ours. */
export function rehearsalOn(server: PrivateServer, { kind, orders, told }: Rehearsed, clock: Clock): Rehearsal {
  const open = (application: string, settings: Readonly<Record<string, string>> = {}) =>
    connect({ url: server.url(database), application, effect: "writing", settings });
  let story = told;
  let reporting: Connection | null = null;
  let traffic: Traffic | null = null;
  let ended = false;
  const letReportEnd = async () => {
    const session = reporting;
    reporting = null;
    await session?.close();
  };
  return {
    engine: "postgres",
    folder: server.folder,
    kind,
    ...(hasBackup(kind) ? { backup: backupIn(server.folder) } : {}),
    database,
    table: badStatement(kind).table,
    url: (name = database) => server.url(name),
    seed: (watch) => timed(clock, () => seed(server, open, { kind, orders }, (text) => watch.output(text))),
    traffic: async () =>
      (traffic = await startTraffic(() => open("shop-api", { lock_timeout: "2s" }), clock, {
        deletes: kind === "update",
      })),
    incident: async () => {
      if (!hasBackup(kind)) reporting = await openReport(await open(report));
      story = await strike(server, await open("shop-admin"), kind, clock);
      writeFileSync(path.join(server.folder, storyFile), JSON.stringify({ orders, incident: story }), { mode: 0o600 });
      return story;
    },
    story: () => (story ? Promise.resolve(story) : Promise.reject(new Error("the incident has not been yet"))),
    frozen: letReportEnd,
    compare: () => proofBy(open),
    end: async (how) => {
      if (ended) return;
      ended = true;
      try {
        await traffic?.stop();
      } finally {
        await letReportEnd();
        await server.stop("fast");
        if (how === "remove") await removeServer(server.folder);
      }
    },
  };
}

type Open = (application: string, settings?: Readonly<Record<string, string>>) => Promise<Connection>;

async function seed(
  server: PrivateServer,
  open: Open,
  { kind, orders }: Pick<Rehearsed, "kind" | "orders">,
  say: (text: string) => void,
): Promise<Seeded["tables"]> {
  const first = await server.connect("postgres");
  await first.run("making the database", `create database ${database}`);
  await first.close();
  const session = await open("shop-setup", { synchronous_commit: "off", maintenance_work_mem: "256MB" });
  say("filling the shop");
  for (const statement of [...shopDdl, ...shopRows(orders), ...shopRules(kind)])
    await session.run("filling the shop", statement);
  say("noting what every row is");
  for (const statement of truthDdl) await session.run("making room for the truth", statement);
  await noteTruth(session);
  await session.run("gathering statistics", "vacuum (analyze)");
  await session.run("writing it all to disk", "checkpoint");
  const rows = await session.rows("counting", "select tab, count(*) as n from holdfast_rehearsal.noted group by tab");
  await session.close();
  if (hasBackup(kind)) await backUp(server, say);
  return shopTables.map(({ table }) => ({ table, rows: Number(rows.find((row) => row.tab === table)?.n ?? 0) }));
}

async function proofBy(open: Open): Promise<Proof> {
  const session = await open("holdfast-proof");
  try {
    return await compareTruth(session);
  } finally {
    await session.close();
  }
}

async function timed(clock: Clock, fill: () => Promise<Seeded["tables"]>): Promise<Seeded> {
  const began = clock.monotonic();
  const tables = await fill();
  return { tables, tookMs: Math.round(clock.monotonic() - began) };
}

async function backUp(server: PrivateServer, say: (text: string) => void): Promise<void> {
  say("taking a base backup; from now on the log is archived");
  const session = await server.connect("postgres");
  try {
    await takeBaseBackup(session, server.data, backupBeside(server.folder).base);
  } finally {
    await session.close();
  }
}

/** Like many a report: it began before the accident, and is still thinking. Its snapshot keeps what died since from being removed. */
async function openReport(session: Connection): Promise<Connection> {
  await session.run("beginning the report", "begin transaction isolation level repeatable read, read only");
  await session.rows("reporting", "select country, count(*) from public.customers group by country");
  return session;
}

async function strike(server: PrivateServer, session: Connection, kind: IncidentKind, clock: Clock): Promise<Incident> {
  try {
    await noteBeforeIncident(session);
    const incident = await strikeShop(kind, session, clock);
    if (hasBackup(kind)) await archiveNow(session, backupBeside(server.folder).archive);
    return incident;
  } finally {
    await session.close();
  }
}
