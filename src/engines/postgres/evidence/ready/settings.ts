import type { Change, ReadySetting } from "../../../../core/readiness.ts";
import type { Connection, Row } from "../../connection.ts";
import { change } from "../closed.ts";
import { rightsOf } from "../rights.ts";

/** Settings of the server, and rights of the role, that decide what can be brought back. Catalogues and statistics only. */
export async function settingsOf(connection: Connection, hasBackup: boolean): Promise<readonly ReadySetting[]> {
  const row = await connection.row("asking for the server's settings", settingsSql);
  const { role, superuser, replicates, listsLog } = await rightsOf(connection);
  return [
    setting("role", superuser ? "superuser" : "no superuser", {
      level: superuser ? "ok" : "warn",
      words: superuser
        ? `${role} may read raw pages and pin them.`
        : `${role} can't read raw pages, whatever is granted: rows come back from a backup or a dump alone.`,
      change: null,
    }),
    ...(superuser ? [] : [pinning(role, replicates, listsLog)]),
    walLevel(row),
    slots(row),
    senders(row),
    switched(row, "track_commit_timestamp", {
      on: "the list of statements says when each committed.",
      off: "pages do not tell when a statement committed: only the log does, as long as it is there.",
      change: change("sql", "ALTER SYSTEM SET track_commit_timestamp = on;", later),
    }),
    switched(row, "full_page_writes", {
      on: "the log has whole pages to begin from.",
      off: "no row can be brought back out of the log.",
      change: reloaded("full_page_writes = on"),
    }),
    archiving(row, hasBackup),
    ...kept(row),
    ...closedToWrites(row),
  ];
}

function pinning(role: string, replicates: boolean, listsLog: boolean): ReadySetting {
  const pinsAll = replicates && listsLog;
  const lacks = [
    ...(replicates ? [] : [`ALTER ROLE ${role} REPLICATION;`]),
    ...(listsLog ? [] : [`GRANT pg_monitor TO ${role};`]),
  ];
  return setting("REPLICATION", replicates ? "yes" : "no", {
    level: pinsAll ? "ok" : "warn",
    words: pinsAll
      ? `${role} may pin rows and log.`
      : replicates
        ? `${role} may pin rows, but not list the log's files: the log can't be pinned.`
        : `${role} can pin neither rows nor log: what is there now may be gone before the rows are back.`,
    change: pinsAll ? null : change("sql", lacks.join(" ")),
  });
}

const later = { restart: true, fromNowOn: true } as const;

function reloaded(what: string): Change {
  return change("sql", `ALTER SYSTEM SET ${what}; SELECT pg_reload_conf();`, { fromNowOn: true });
}

const settingsSql = `SELECT current_setting('wal_level') AS wal_level, current_setting('track_commit_timestamp') AS track_commit_timestamp,
    current_setting('full_page_writes') AS full_page_writes, current_setting('archive_mode') AS archive_mode,
    (current_setting('archive_command') IN ('', '(disabled)') AND coalesce(current_setting('archive_library', true), '') = '')::text AS aimless,
    current_setting('max_replication_slots') AS slots, (SELECT count(*) FROM pg_replication_slots)::text AS slots_used,
    current_setting('default_transaction_read_only') AS read_only, quote_ident(current_user) AS role, quote_ident(current_database()) AS database,
    current_setting('max_wal_senders') AS senders, (SELECT count(*) FROM pg_stat_replication)::text AS senders_used,
    current_setting('max_slot_wal_keep_size') AS kept, a.last_failed_wal AS failed,
    (a.last_failed_time > coalesce(a.last_archived_time, '-infinity'))::text AS failing
  FROM pg_stat_archiver a`;

function setting(name: string, value: string, found: Omit<ReadySetting, "name" | "value">): ReadySetting {
  return { name, value, ...found };
}

function walLevel({ wal_level: level = "" }: Row): ReadySetting {
  const isEnough = level !== "minimal";
  return setting("wal_level", level ?? "", {
    level: isEnough ? "ok" : "stop",
    words: isEnough ? "rows and log can be pinned." : "nothing can be pinned.",
    change: isEnough ? null : change("sql", "ALTER SYSTEM SET wal_level = replica;", later),
  });
}

function slots(row: Row): ReadySetting {
  const free = Number(row.slots) - Number(row.slots_used);
  return setting("max_replication_slots", `${row.slots}, ${free} free`, {
    level: free < 2 ? "stop" : free < 4 ? "note" : "ok",
    words: "a run needs two.",
    change:
      free < 2 ? change("sql", `ALTER SYSTEM SET max_replication_slots = ${Number(row.slots) + 10};`, later) : null,
  });
}

function senders(row: Row): ReadySetting {
  const free = Number(row.senders) - Number(row.senders_used);
  return setting("max_wal_senders", `${row.senders}, ${free} free`, {
    level: free < 1 ? "stop" : "ok",
    words: "a run needs one for a moment.",
    change: free < 1 ? change("sql", `ALTER SYSTEM SET max_wal_senders = ${Number(row.senders) + 10};`, later) : null,
  });
}

function switched(
  row: Row,
  name: "track_commit_timestamp" | "full_page_writes",
  say: { readonly on: string; readonly off: string; readonly change: Change },
): ReadySetting {
  const isOn = row[name] === "on";
  return setting(name, row[name] ?? "", {
    level: isOn ? "ok" : "warn",
    words: isOn ? say.on : say.off,
    change: isOn ? null : say.change,
  });
}

function archiving(row: Row, hasBackup: boolean): ReadySetting {
  const mode = row.archive_mode ?? "";
  if (row.failing === "true")
    return setting("archive_mode", mode, {
      level: "warn",
      words: `the server could not archive ${row.failed}, and keeps trying: until it can, the archive has a gap.`,
      change: null,
    });
  const isOff = mode === "off";
  if (!isOff && row.aimless === "true")
    return setting("archive_mode", mode, {
      level: "warn",
      words:
        "archive_command is empty: nothing is archived, and the server keeps all of its log until its disk is full.",
      change: reloaded(archiveTo),
    });
  return setting("archive_mode", mode, {
    level: isOff && hasBackup ? "warn" : isOff ? "note" : "ok",
    words: isOff ? "the log is not archived: a backup leads only as far as log is left." : "the log is archived.",
    change: isOff ? change("sql", `ALTER SYSTEM SET archive_mode = on; ALTER SYSTEM SET ${archiveTo};`, later) : null,
  });
}

/** Switched on without it, the server would keep its log for good. */
const archiveTo = "archive_command = 'test ! -f FOLDER/%f && cp %p FOLDER/%f'";

/** A role's own setting for the one database weighs more than any other; the DBA's session there may be closed too. */
function closedToWrites({ read_only: readOnly, role, database }: Row): readonly ReadySetting[] {
  if (readOnly !== "on") return [];
  const alter = `ALTER ROLE ${role} IN DATABASE ${database} SET default_transaction_read_only = off;`;
  return [
    setting("default_transaction_read_only", "on", {
      level: "stop",
      words: "sessions of this role can't write.",
      change: change("sql", `SET default_transaction_read_only = off; ${alter}`),
    }),
  ];
}

/** A limit makes the server let go of what a pin holds. */
function kept({ kept: limit }: Row): readonly ReadySetting[] {
  if (limit == null || limit === "-1") return [];
  return [
    setting("max_slot_wal_keep_size", limit, {
      level: "note",
      words: "the server drops a pin that keeps more log than this.",
      change: null,
    }),
  ];
}
