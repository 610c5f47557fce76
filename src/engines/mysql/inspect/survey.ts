import type { Finding } from "../../../core/step.ts";
import type { Connection, Row } from "../connection.ts";
import { productNames, readVersion, type Version } from "../flavor.ts";

/** What is true of the server that a run should know before it begins. Reads settings alone. */
export async function survey(session: Connection): Promise<readonly Finding[]> {
  const row = await session.row("surveying the server", settingsSql);
  const version = readVersion(row.version ?? "");
  return [...writable(row, version), ...seen(version), ...logged(row), ...(await clustered(session))];
}

const settingsSql = `SELECT VERSION() AS version, @@read_only AS closed, @@log_bin AS log, @@binlog_format AS format,
  @@binlog_row_image AS image`;

function writable({ closed }: Row, { flavor, number }: Version): readonly Finding[] {
  if (closed !== "0")
    return [
      {
        level: "stop",
        text: "This server is read-only: a replica, or closed by its DBA.",
        hint: "Connect to the primary: what a replica replays is not ours to write beside, and a write there would be its own.",
      },
    ];
  return [{ level: "ok", text: `${productNames[flavor]} ${number}, open for writing.` }];
}

/** What the suites were run against; another version is told. */
function seen({ flavor, number, major, minor }: Version): readonly Finding[] {
  if (flavor === "mariadb" && major === 10 && minor === 11) return [];
  return [
    {
      level: "warn",
      text: `This version of Holdfast is proved on MariaDB 10.11, not on ${productNames[flavor]} ${number}.`,
    },
  ];
}

function logged({ log, format, image }: Row): readonly Finding[] {
  if (log !== "1")
    return [
      {
        level: "warn",
        text: "The binary log is off: what a statement took is written down nowhere.",
        hint: "From now on only: log_bin in the server's configuration, and a restart.",
      },
    ];
  return [
    ...(format === "ROW"
      ? []
      : [
          {
            level: "warn" as const,
            text: `binlog_format is ${format}: a DELETE may be logged as a statement, without the rows that it took.`,
            hint: "From now on only: SET GLOBAL binlog_format = 'ROW';",
          },
        ]),
    ...(image === "FULL"
      ? []
      : [
          {
            level: "warn" as const,
            text: `binlog_row_image is ${image}: the log does not have whole rows.`,
            hint: "From now on only: SET GLOBAL binlog_row_image = 'FULL';",
          },
        ]),
  ];
}

/** A commit there may be refused, or undone, by the other members. */
async function clustered(session: Connection): Promise<readonly Finding[]> {
  const rows = await session.rows(
    "asking for a cluster",
    "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'group_replication_group_name') AND Value NOT IN ('OFF', '')",
  );
  return rows.map(({ Variable_name: name }) => ({
    level: "warn",
    text: `This server is a member of a cluster (${name}): a write may be refused by the others when it commits.`,
  }));
}
