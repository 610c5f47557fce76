import type { Change, ReadySetting } from "../../../../core/readiness.ts";
import type { Finding } from "../../../../core/step.ts";
import { survey } from "../../inspect/survey.ts";
import type { PostgresTarget } from "../../target.ts";
import type { TableName } from "../../../inspect.ts";
import { change, type Closed } from "../closed.ts";
import { examineTable } from "../examine.ts";

/** All that would end a run before it holds anything, by what the freeze itself asks first, in its order; empty where nothing would. */
export async function stopsOf(
  target: PostgresTarget,
  table: TableName,
  settings: readonly ReadySetting[],
): Promise<readonly Closed[]> {
  const { findings } = await examineTable(target, table);
  const stops = [...findings, ...(await survey(target))].filter(({ level }) => level === "stop");
  return stops.filter((stop, nth) => nth === 0 || !isOfSources(stop)).map((stop) => closedByStop(stop, settings));
}

/** That none is left: each path says by itself which it would need. */
function isOfSources({ text }: Finding): boolean {
  return text.includes("names no backup for this target");
}

function closedByStop(stop: Finding, settings: readonly ReadySetting[]): Closed {
  const { text, hint = "" } = stop;
  if (isOfSources(stop) || isOfRights(stop)) return { why: text, opensWith: "" };
  const named = ofSettings.find(([words]) => words.test(text))?.[1];
  const known = settings.find(({ name }) => name === named)?.change ?? changes.find(([words]) => words.test(text))?.[1];
  return known == null ? { why: text, opensWith: hint } : { why: text, opensWith: hint, change: known };
}

/** Which statements give them is told for all tables together. */
function isOfRights({ text }: Finding): boolean {
  return /may not put rows back|^The marker table can't be /.test(text);
}

/** Settings say themselves to what they are to be changed. */
const ofSettings: readonly (readonly [RegExp, ReadySetting["name"]])[] = [
  [/^wal_level is minimal/, "wal_level"],
  [/^Two replication slots/, "max_replication_slots"],
  [/^No replication session/, "max_wal_senders"],
  [/^Sessions (?:of this role )?are read-only/, "default_transaction_read_only"],
];

const changes: readonly (readonly [RegExp, Change])[] = [
  [/is a standby/, change("config", "url: env:NAME   # the URL of the primary")],
  [/^The extension pageinspect is not on the server/, change("package", "postgresql-contrib")],
  [/^A pooler in transaction mode/, change("config", "url: env:NAME   # the URL of the server itself")],
];
