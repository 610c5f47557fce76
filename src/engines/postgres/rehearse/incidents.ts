import type { Clock } from "../../../core/clock.ts";
import type { Incident, IncidentKind } from "../../rehearse.ts";
import type { Connection } from "../connection.ts";
import { badStatement, hitTables } from "./shop.ts";

/** What somebody does to the shop, in a session of their own; the caller closes it. */
export async function strikeShop(kind: IncidentKind, session: Connection, clock: Clock): Promise<Incident> {
  switch (kind) {
    case "delete":
    case "cascade":
    case "update":
      return { kind, ...(await runBad(kind, session, clock)), keptBy: `the session ${report}, which began before it` };
    case "truncate":
      return { kind, ...(await runBadTruncate(session, clock)), keptBy: null };
    case "vacuumed": {
      const deleted = await runBad(kind, session, clock);
      await cleanUp(session, clock);
      return { kind, ...deleted, keptBy: null };
    }
  }
}

export const report = "nightly-report";

async function runBad(kind: IncidentKind, session: Connection, clock: Clock) {
  const bad = badStatement(kind);
  const rows = await session.run("changing more than was meant", bad.statement);
  return { ...bad, rows, at: clock.now() };
}

/** It says no count: the one who ran it saw none either. */
async function runBadTruncate(session: Connection, clock: Clock) {
  const bad = badStatement("truncate");
  await session.run("beginning", "begin");
  await session.run("being alone with the orders", "lock table public.orders in access exclusive mode");
  const { rows } = await session.row("counting", "select count(*) as rows from public.orders");
  await session.run("emptying the test tables", bad.statement);
  await session.run("committing", "commit");
  return { ...bad, rows: Number(rows), at: clock.now() };
}

/** As autovacuum does within the minute, once nobody is left who may still see the rows. */
async function cleanUp(session: Connection, clock: Clock): Promise<void> {
  const { next } = await session.row(
    "asking what comes next",
    "select pg_snapshot_xmax(pg_current_snapshot()) as next",
  );
  for (let tries = 0; tries < 100 && (await seersBefore(session, next ?? "0")) > 0; tries += 1) await clock.sleep(20);
  await session.run("cleaning up after the DELETE", `vacuum ${hitTables.join(", ")}`);
}

/** Ids have not come round on a server that is minutes old. */
async function seersBefore(session: Connection, next: string): Promise<number> {
  const { n } = await session.row(
    "asking who may still see the rows",
    `select count(*) as n from pg_stat_activity where pid <> pg_backend_pid()
       and least(backend_xid::text::bigint, backend_xmin::text::bigint) < $1::bigint`,
    [next],
  );
  return Number(n);
}
