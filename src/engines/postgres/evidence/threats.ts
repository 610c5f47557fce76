import { type RunId, runTag, shortRunId } from "../../../core/ids.ts";
import type { Finding } from "../../../core/step.ts";
import type { Connection } from "../connection.ts";
import { type ClosureTable, relationOids, stored } from "./closure.ts";
import { finding, number } from "./say.ts";

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

/** Who keeps the deleted rows now without knowing it, oldest first: `session pid 4711, nightly-report, till, since 03:01:12Z`. */
export async function accidentalHolders(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.rows(
    "looking for what holds the rows already",
    `SELECT kind, who, to_char(begun AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since FROM (
       SELECT 1 AS nth, 'session' AS kind, concat_ws(', ', 'pid ' || pid, nullif(application_name, ''), usename) AS who,
              xact_start AS begun
         FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
          AND (datname = current_database()) AND (state LIKE 'idle in transaction%' OR xact_start < now() - interval '1 second')
       UNION ALL SELECT 2, 'slot', slot_name, NULL FROM pg_replication_slots WHERE xmin IS NOT NULL AND slot_name NOT LIKE 'holdfast%'
       UNION ALL SELECT 3, 'prepared transaction', gid, prepared FROM pg_prepared_xacts
        WHERE database = current_database()) held ORDER BY nth, begun NULLS LAST LIMIT 10`,
  );
  return rows.map(({ kind, who, since }) => `${kind} ${who}${since == null ? "" : `, since ${since}`}`);
}

/** A pin of ours on the server. `words`: whose it is, as far as its name tells. */
export interface Pin {
  readonly own: boolean;
  readonly words: string;
  readonly xmin: string;
}

/** What runs of ours hold already: this one, begun earlier, or others, whatever journal they are in. */
export async function pinsOfRuns(connection: Connection, run: RunId): Promise<readonly Pin[]> {
  const rows = await connection.rows(
    "looking for pins of other runs",
    `SELECT slot_name AS name, xmin::text FROM pg_replication_slots
      WHERE xmin IS NOT NULL AND slot_name ~ '^holdfast_rows_[0-9a-f]{12}$' ORDER BY age(xmin) DESC LIMIT 10`,
  );
  return rows.map(({ name, xmin }) => ({
    own: name === `holdfast_rows_${runTag(run)}`,
    words: `pin of another run, ${shortRunId(name ?? "")} (slot ${name})`,
    xmin: xmin ?? "",
  }));
}

/** The accident that saves many: somebody's older snapshot (a report, a dump) holds the rows; or a run that is still open does. */
export function holderFindings(
  holders: readonly string[],
  pins: readonly Pin[],
  tables: readonly ClosureTable[],
): readonly Finding[] {
  if (holders.length + pins.length === 0)
    return [
      finding(
        "warn",
        `Nothing holds dead rows of ${tables[0]?.table ?? "the table"} now: each read may remove some. Do not wait.`,
      ),
    ];
  return [
    ...holders.map((holder) =>
      finding(
        "note",
        `The ${holder} keeps rows that were deleted since it began.`,
        "Do not end it before the freeze holds.",
      ),
    ),
    ...pins.map(pinFinding),
  ];
}

function pinFinding({ own, words, xmin }: Pin): Finding {
  const keeps = `keeps rows that were deleted in transaction ${xmin} or later.`;
  if (own) return finding("note", `The pin of this run ${keeps}`);
  return finding(
    "note",
    `The ${words} ${keeps}`,
    "It goes when that run ends or is given up: neither before the freeze holds.",
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
