import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { anIncident, type Incident } from "../cli-on-postgres/incident.ts";
import { type ArchivingServer, dropOldLog, takeBackup } from "../support/backup.ts";
import { testBinaries } from "../support/postgres.ts";
import { type Operator, operatorAt, type Seat } from "./operator.ts";
import { emptyHome } from "./world.ts";

export interface ArchivedDesk {
  readonly incident: Incident;
  sit(seat: Seat): Operator;
}

export interface Archived {
  /** Of the base backup. */
  readonly name: string;
  /** What went wrong, where it was not the DELETE. */
  readonly statement?: string;
  /** What VACUUM takes off its pages. */
  readonly vacuumed: readonly string[];
  /** The base backup and the archive stand in the config. */
  readonly backed: boolean;
  /** What others write after the DELETE, while an older snapshot still keeps what it took. */
  readonly since?: string;
  /** The server keeps its own log. */
  readonly logged?: true;
}

/** A third of the orders is deleted, or what else went wrong; some of it is vacuumed away, and the server has only the newest file of its log left, or all of it. */
export async function archivedDesk(from: ArchivingServer, wish: Archived): Promise<ArchivedDesk> {
  await forgetPins(from);
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const base = await takeBackup(from, wish.name);
  const end =
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()";
  const vacuums = wish.vacuumed.map((table) => `vacuum ${table}`);
  const { statement = "delete from shop.orders where state = 'cancelled'", since = "select 1" } = wish;
  const damage = [statement, since, end, ...vacuums];
  for (const sql of damage) await incident.session.run("", sql);
  if (!wish.logged) await dropOldLog(from, incident.session);
  const { folder, env } = household(incident, wish.backed ? { backup: { base, archive: from.archive } } : {});
  return { incident, sit: (seat) => operatorAt({ ...seat, cwd: folder, env }) };
}

/** A run that was left keeps its pins, and then VACUUM takes nothing. */
async function forgetPins({ server }: ArchivingServer): Promise<void> {
  const session = await server.connect("postgres");
  await session.run(
    "",
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'holdfast:%'",
  );
  await session.run("", "select pg_drop_replication_slot(slot_name) from pg_replication_slots");
  await session.close();
}

function household(incident: Incident, backup: object) {
  const { folder, scratch, env } = emptyHome(incident.url);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "production", ...backup } },
    scratch: { folder: scratch, servers: { ...testBinaries() } },
    stopFile: path.join(folder, "STOP"),
    limits: { minFreeDisk: 0.01 },
  };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify(config)); // JSON is YAML
  return { folder, env };
}
