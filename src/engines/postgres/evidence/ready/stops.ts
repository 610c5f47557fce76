import type { Finding } from "../../../../core/step.ts";
import { survey } from "../../inspect/survey.ts";
import type { PostgresTarget } from "../../target.ts";
import type { TableName } from "../../../inspect.ts";
import { change, type Closed } from "../closed.ts";
import { examineTable } from "../examine.ts";

/** What would end a run before it holds anything, by what the freeze itself asks first; null where nothing would. */
export async function stopped(target: PostgresTarget, table: TableName): Promise<Closed | null> {
  const { findings } = await examineTable(target, table);
  const stop = [...findings, ...(await survey(target))].find(({ level }) => level === "stop");
  return stop ? closedByStop(stop) : null;
}

/** Statements stand in a hint as they are typed; those that end it are the ones that may stand alone. */
const statements = /(?:(?:ALTER|GRANT|CREATE|SELECT) [^;]*; ?)+$/;

function closedByStop({ text, hint = "" }: Finding): Closed {
  const closed = { why: text, opensWith: hint };
  const known = changes.find(([words]) => words.test(text))?.[1];
  return known === undefined ? withTyped(closed) : { ...closed, change: known };
}

export function withTyped(closed: Closed): Closed {
  const typed = statements.exec(closed.opensWith)?.[0];
  return typed === undefined || closed.change ? closed : { ...closed, change: change("sql", typed) };
}

const primary = change("config", "url: env:NAME   # the URL of the primary");

/** A restart ends what keeps the rows of an incident, so that it helps the next one only. */
const later = { restart: true, fromNowOn: true } as const;

const changes: readonly (readonly [RegExp, ReturnType<typeof change>])[] = [
  [/is a standby/, primary],
  [/^wal_level is minimal/, change("sql", "ALTER SYSTEM SET wal_level = replica;", later)],
  [/^Two replication slots/, change("sql", "ALTER SYSTEM SET max_replication_slots = 20;", later)],
  [/^No replication session/, change("sql", "ALTER SYSTEM SET max_wal_senders = 20;", later)],
  [/^The extension pageinspect is not on the server/, change("package", "postgresql-contrib")],
  [/^Sessions are read-only/, change("sql", "ALTER ROLE CURRENT_USER SET default_transaction_read_only = off;")],
  [/^A pooler in transaction mode/, change("config", "url: env:NAME   # the URL of the server itself")],
  [
    /names no backup for this target/,
    change("config", "backup: { base: FOLDER, archive: FOLDER }", { fromNowOn: true }),
  ],
];
