import { Fault } from "../../../core/errors.ts";
import type { Finding } from "../../../core/step.ts";
import type { Connection } from "../connection.ts";
import { findServerBinaries } from "../server/binaries.ts";
import type { PostgresTarget } from "../target.ts";
import { finding } from "./say.ts";
import { majorVersion } from "./server.ts";

/** Whether this server can hold and show its evidence at all. */
export async function serverFindings(connection: Connection): Promise<readonly Finding[]> {
  const row = await connection.row(
    "asking what may be done here",
    `SELECT pg_is_in_recovery()::text AS standby, (SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user) AS super,
            current_setting('block_size') AS block,
            (SELECT coalesce(installed_version, 'installable') FROM pg_available_extensions WHERE name = 'pageinspect') AS inspect,
            (SELECT string_agg(quote_ident(pubname), ', ' ORDER BY pubname) FROM pg_publication WHERE puballtables) AS published`,
  );
  const findings: Finding[] = [];
  if (row.standby === "true")
    findings.push(
      finding("stop", "This server is a standby: nothing can be made or changed here.", "Connect to its primary."),
    );
  const reads = row.super === "true";
  if (reads && row.inspect == null)
    findings.push(finding("stop", "The extension pageinspect is not on the server.", "Install its contrib package."));
  else if (reads && row.inspect === "installable")
    findings.push(
      finding("note", "pageinspect is not installed in this database; the freeze installs it for the time of the run."),
    );
  if (row.block !== "8192") findings.push(finding("stop", `The server's pages have ${row.block} bytes, not 8,192.`));
  if (row.published != null)
    findings.push(
      finding(
        "warn",
        `The publication ${row.published} carries all tables: ours would go out to its subscribers too.`,
        "Make sure that nobody subscribes to it, or that subscribers bear unknown tables.",
      ),
    );
  return findings;
}

/** Whether two slots and a replication session can be had. */
export async function pinFindings(connection: Connection): Promise<readonly Finding[]> {
  const row = await connection.row(
    "asking for free slots",
    `SELECT current_setting('wal_level') AS level,
            (current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots))::text AS slots,
            (current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication))::text AS senders,
            (SELECT (rolreplication OR rolsuper)::text FROM pg_roles WHERE rolname = current_user) AS may`,
  );
  if (row.may !== "true") return []; // what the role may is told elsewhere, and without pins a backup still brings rows back
  const findings: Finding[] = [];
  if (row.level === "minimal")
    findings.push(finding("stop", "wal_level is minimal: nothing can be pinned.", "It needs a restart to change."));
  if (Number(row.slots) < 2)
    findings.push(
      finding("stop", `Two replication slots are needed, ${row.slots} are free.`, "Drop one that is not used."),
    );
  if (Number(row.senders) < 1)
    findings.push(finding("stop", "No replication session is free (max_wal_senders).", "End one that is not needed."));
  if (findings.length === 0) findings.push(finding("ok", "The rows and the log can be pinned."));
  return findings;
}

/** Whether this machine has what a throw-away server needs. */
export async function machineFindings(target: PostgresTarget, connection: Connection): Promise<readonly Finding[]> {
  const major = await majorVersion(connection);
  try {
    const found = await findServerBinaries(major, target.request.machine.serverBinaries);
    return [finding("ok", `PostgreSQL ${found.version} programs for a throw-away server are on this machine.`)];
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [finding("warn", error.record.message, error.record.hint)];
  }
}
