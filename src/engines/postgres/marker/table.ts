import type { Json } from "../../../core/json.ts";
import type { MarkerRow } from "../../marker.ts";
import type { Row } from "../connection.ts";
import { lockClass, makerKey } from "../lock/keys.ts";
import { isTrusted } from "./trusted.ts";

/**
 * What is made, once and for good. Statements run one by one; the lock makes two makers at the same moment take turns (`if not exists`
 * alone fails for one of them). Keys compare as bytes, whatever the database's collation.
 */
const effectTable = `
  create table if not exists holdfast.effect (
    run_id uuid not null,
    step_key text collate "C" not null,
    plan_hash text collate "C" not null,
    intent_hash text collate "C" not null,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    cursor jsonb,
    result jsonb,
    done boolean not null default false,
    primary key (run_id, step_key))`;

const installationTable = `
  create table if not exists holdfast.installation (
    only_one boolean primary key default true check (only_one),
    id uuid not null default gen_random_uuid(),
    made timestamptz not null default clock_timestamp())`;

export const installationRowSql = "insert into holdfast.installation default values on conflict do nothing";

export const markerDdl: readonly string[] = [
  "begin",
  `select pg_advisory_xact_lock(${lockClass}, ${makerKey})`,
  "create schema if not exists holdfast",
  effectTable,
  installationTable,
  installationRowSql,
  "comment on schema holdfast is 'Made by Holdfast: proofs of the effects of its runs. Permanent.'",
  "commit",
];

/** SQL for the oid of a table of ours, null where there is none; `to_regclass` would fail for a role that may not enter the schema. */
export function ourTable(name: "effect" | "installation"): string {
  return `(select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'holdfast' and c.relname = '${name}')`;
}

/** The same, null also where it is no plain table, or somebody's whose code must not run with our rights: never read or written. */
export function ourTrustedTable(name: "effect" | "installation"): string {
  return `(select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'holdfast' and c.relname = '${name}' and c.relkind = 'r' and ${isTrusted("c.relowner")} and ${isTrusted("n.nspowner")})`;
}

/** Every column as the server's own text; times as RFC 3339. */
export const markerColumns = `step_key, plan_hash, intent_hash, cursor::text as cursor, result::text as result, done,
  to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`;

export function markerRow(row: Row): MarkerRow {
  return {
    key: row.step_key ?? "",
    planDigest: row.plan_hash ?? "",
    intentDigest: row.intent_hash ?? "",
    cursor: json(row.cursor),
    result: json(row.result),
    done: row.done === "t",
    at: row.at ?? "",
  };
}

function json(text: string | null | undefined): Json {
  return text == null ? null : (JSON.parse(text) as Json);
}
