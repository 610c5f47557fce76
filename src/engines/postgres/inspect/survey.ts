import type { Finding } from "../../../core/step.ts";
import type { Connection, Row } from "../connection.ts";
import { trialClass } from "../lock/keys.ts";
import type { PostgresTarget } from "../target.ts";
import { carriers, carriersWords } from "./publications.ts";

/** What is true of the server that a run should know before it begins. Reads catalogues and statistics only. */
export async function survey(target: PostgresTarget): Promise<readonly Finding[]> {
  const session = await target.catalogue();
  const server = await session.row("surveying the server", serverSql);
  return [
    ...writable(server),
    ...version(server),
    ...rights(server),
    ...publications(await carriers(session)),
    ...logicalReaders(await session.rows("looking at logical slots", slotSql)),
    await sessionsAreOurs(target, session),
  ];
}

const serverSql = `
  select pg_is_in_recovery() as recovering, current_setting('default_transaction_read_only') as read_only,
    current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
    current_user as role, r.rolsuper as super, r.rolreplication as replication,
    has_database_privilege(current_database(), 'create') as may_create
  from pg_roles r where r.rolname = current_user`;

function writable(server: Row): readonly Finding[] {
  if (server.recovering === "t") {
    const hint =
      "Connect to the primary: on a standby nothing can be written, and what it replays is not ours to hold.";
    return [{ level: "stop", text: "This server is a standby (it is in recovery).", hint }];
  }
  if (server.read_only === "on") {
    const hint = "Connect as a role, or to a database, whose default_transaction_read_only is off.";
    return [{ level: "stop", text: "Sessions are read-only here.", hint }];
  }
  return [{ level: "ok", text: `PostgreSQL ${server.version}, a primary that can be written.` }];
}

const [oldestTried, newestTried] = [14, 18];

function version(server: Row): readonly Finding[] {
  const major = Number(server.major);
  if (major >= oldestTried && major <= newestTried) return [];
  const text = `This version of Holdfast is proved on PostgreSQL ${oldestTried} to ${newestTried}, not ${server.major}.`;
  return [{ level: "warn", text }];
}

function rights(server: Row): readonly Finding[] {
  if (server.super === "t") return [{ level: "ok", text: `Role ${server.role} is a superuser.` }];
  const lacks = [
    "raw pages (superuser)",
    ...(server.replication === "t" ? [] : ["pins (REPLICATION)"]),
    ...(server.may_create === "t" ? [] : ["schemas of ours (CREATE on the database)"]),
  ];
  const text = `Role ${server.role} is not a superuser; it may lack the right for: ${lacks.join(", ")}.`;
  return [{ level: "warn", text, hint: "Each step says what it needs before it begins." }];
}

function publications(found: Awaited<ReturnType<typeof carriers>>): readonly Finding[] {
  if (found.length === 0) return [];
  const hint =
    "A subscriber stops on a table that it lacks. Leave our tables out of the publication, or settle it with who reads it.";
  return [{ level: "warn", text: carriersWords(found), hint }];
}

/** Plugins that know no publications hand out every table, ours too. */
const slotSql = `select slot_name as name, plugin from pg_replication_slots
  where slot_type = 'logical' and database = current_database() and plugin <> 'pgoutput' order by 1`;

function logicalReaders(slots: readonly Row[]): readonly Finding[] {
  return slots.map(({ name, plugin }) => ({
    level: "warn",
    text: `The logical slot ${name} (${plugin}) hands out changes of every table, ours too.`,
    hint: "Tell who reads it, before anything is written.",
  }));
}

/**
 * A pooler in transaction mode lends one server session to many clients, so a session lock holds nothing. Two sessions that are both
 * in use must have two process ids that stay, and the one's lock must be seen by the other under the one's id.
 */
async function sessionsAreOurs(target: PostgresTarget, watcher: Connection): Promise<Finding> {
  const [first, second] = [await target.open("reading"), await target.open("reading")];
  try {
    if (await areTheirOwn(first, second, watcher)) return { level: "ok", text: "Sessions are our own: locks hold." };
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
  const text = "A pooler in transaction mode stands before this server: a lock taken here would hold nothing.";
  return { level: "stop", text, hint: "Connect to the server itself, or through a pool in session mode." };
}

/** In an order in which a pool with a single server session can't block us: it is found out before it would have to wait. */
async function areTheirOwn(first: Connection, second: Connection, watcher: Connection): Promise<boolean> {
  const pid = async (session: Connection) =>
    (await session.row("asking for the session", "select pg_backend_pid() as pid")).pid ?? null;
  const before = await pid(first);
  await first.row("trying a lock", `select pg_try_advisory_lock_shared(${trialClass}, $1::int)`, [before]);
  await second.run("opening a transaction", "begin");
  if ((await pid(second)) === before || (await pid(first)) !== before) return false;
  const { seen } = await watcher.row(
    "looking for the lock",
    `select exists (select from pg_locks where locktype = 'advisory' and classid = ${trialClass} and objid = $1::int::oid
       and pid = $1::int) as seen`,
    [before],
  );
  return seen === "t";
}
