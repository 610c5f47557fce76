import { chownSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ServerAccount } from "../../server/account.ts";
import { type LeastSettings, leastNames } from "../log/least-settings.ts";

/**
 * The clone's whole configuration. Of the backup's own nothing is kept: it may archive over production's archive, clean it up, log
 * into its folder, or wait for its standbys.
 */
export function configText(
  least: LeastSettings,
  logFolder: string,
  { major, restartpoints }: { readonly major: number; readonly restartpoints: boolean },
): string {
  const settings: Readonly<Record<string, string>> = {
    ...Object.fromEntries(leastNames.map((name) => [name, String(least[name])])),
    listen_addresses: "",
    hot_standby: "on",
    archive_mode: "off",
    restore_command: `cp ${inShell(logFolder)}/%f "%p"`,
    recovery_target_action: "pause",
    recovery_target_timeline: "current",
    wal_level: "replica",
    shared_preload_libraries: "",
    local_preload_libraries: "",
    session_preload_libraries: "",
    synchronous_standby_names: "",
    primary_conninfo: "",
    archive_cleanup_command: "",
    recovery_end_command: "",
    logging_collector: "off",
    log_destination: "stderr",
    log_min_messages: "log",
    log_line_prefix: "%m ",
    log_statement: "none",
    log_connections: "off",
    log_disconnections: "off",
    lc_messages: "C",
    jit: "off",
    ssl: "off",
    shared_buffers: "128MB",
    work_mem: "64MB",
    fsync: "off",
    full_page_writes: "off",
    autovacuum: "off",
    // Subscriptions come with the catalogue: one that ran would take production's changes from its publisher.
    max_logical_replication_workers: "0",
    max_standby_streaming_delay: "-1",
    max_standby_archive_delay: "-1",
    restart_after_crash: "off",
    ...(restartpoints ? {} : { checkpoint_timeout: "1d", max_wal_size: "1TB" }),
    // A trigger on login would run for our sessions too.
    ...(major >= 17 ? { event_triggers: "off" } : {}),
  };
  const quoted = (value: string) => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(value)}`);
  return `# Written by Holdfast: nothing of the backup's own configuration is used.\n${lines.join("\n")}\n`;
}

function inShell(text: string): string {
  return `'${text.replaceAll("%", "%%").replaceAll("'", "'\\''")}'`;
}

/** Into the folder while it is still ours. */
export function writeConfig(data: string, account: ServerAccount, text: string): void {
  const files = {
    "postgresql.conf": text,
    "postgresql.auto.conf": "",
    "pg_hba.conf": "local all all trust\n",
    "pg_ident.conf": "",
    "recovery.signal": "",
  };
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(data, name);
    writeFileSync(file, content, { flag: "wx", mode: 0o600 });
    chownSync(file, account.uid, account.gid);
  }
}
