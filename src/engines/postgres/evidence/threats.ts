import type { Finding } from "../../../core/step.ts";
import type { Connection } from "../connection.ts";
import { type ClosureTable, relationOids, stored } from "./closure.ts";
import { finding, number, plural } from "./say.ts";

const refusedAge = 1_600_000_000;

/** A pin at an old id keeps the whole server from freezing; near the wrap-around that would stop it. */
export async function ageFindings(
  connection: Connection,
  tables: readonly ClosureTable[],
): Promise<readonly Finding[]> {
  const { limit } = await connection.row(
    "asking for autovacuum_freeze_max_age",
    "SELECT current_setting('autovacuum_freeze_max_age') AS limit",
  );
  const oldest = stored(tables).toSorted((a, b) => b.frozenAge - a.frozenAge)[0];
  if (!oldest || oldest.frozenAge <= Number(limit)) return [];
  const text = `${oldest.table} was last frozen ${number(oldest.frozenAge)} transactions ago.`;
  if (oldest.frozenAge > refusedAge)
    return [
      finding(
        "stop",
        `${text} A pin there could stop the server.`,
        "VACUUM FREEZE must come first, and takes the evidence.",
      ),
    ];
  return [finding("warn", `${text} The pin holds back freezing on the whole server; do not leave it for long.`)];
}

/** The accident that saves many: somebody's older snapshot (a report, a dump) holds the rows without knowing it. */
export async function sessionFindings(
  connection: Connection,
  tables: readonly ClosureTable[],
): Promise<readonly Finding[]> {
  const rows = await connection.rows(
    "looking for what holds the rows already",
    `SELECT kind, who, since FROM (
       SELECT 1 AS nth, 'session' AS kind, concat_ws(', ', 'pid ' || pid, nullif(application_name, ''), usename) AS who,
              extract(epoch FROM now() - xact_start)::bigint AS since
         FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
          AND (datname = current_database()) AND (state LIKE 'idle in transaction%' OR xact_start < now() - interval '1 second')
       UNION ALL SELECT 2, 'slot', slot_name, NULL FROM pg_replication_slots WHERE xmin IS NOT NULL AND slot_name NOT LIKE 'holdfast%'
       UNION ALL SELECT 3, 'prepared transaction', gid, extract(epoch FROM now() - prepared)::bigint FROM pg_prepared_xacts
        WHERE database = current_database()) held ORDER BY nth, since DESC NULLS LAST LIMIT 10`,
  );
  if (rows.length === 0)
    return [
      finding(
        "warn",
        `Nothing holds dead rows of ${tables[0]?.table ?? "the table"} now: each read may remove some. Freeze soon.`,
      ),
    ];
  return rows.map((row) =>
    finding(
      "note",
      `The ${row.kind} ${row.who}${row.since == null ? "" : ` (open for ${plural(Number(row.since), "second")})`} keeps rows that were deleted since it began.`,
      "Do not end it before the freeze holds.",
    ),
  );
}

/** Each is cancelled by the freeze. */
export async function vacuumFindings(
  connection: Connection,
  tables: readonly ClosureTable[],
): Promise<readonly Finding[]> {
  const rows = await connection.rows(
    "looking for running vacuums",
    `SELECT v.pid::text, relid::regclass::text AS table, phase, a.backend_type AS kind FROM pg_stat_progress_vacuum v JOIN pg_stat_activity a USING (pid)
      WHERE v.datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND relid = ANY ($1::text[]::oid[])`,
    [relationOids(tables).map(String)],
  );
  return rows.map((row) =>
    finding(
      "warn",
      `A VACUUM (pid ${row.pid}, ${row.kind}) is removing dead rows of ${row.table} now (${row.phase}).`,
      "The freeze cancels it.",
    ),
  );
}
