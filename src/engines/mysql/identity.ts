import type { IdentityFact, TargetIdentity } from "../../core/target.ts";
import type { Connection, Row } from "./connection.ts";
import { productNames, readVersion, type Version } from "./flavor.ts";
import { markerState } from "./marker/state.ts";
import type { MysqlTarget } from "./target.ts";
import { addressOf } from "./url.ts";

/**
 * What the server says of itself, and where it was reached. MariaDB has no id of its own that a copy would not share: there the row of our
 * marker table is it, once it is made, and before that the place where its data lie.
 */
export async function identity(target: MysqlTarget): Promise<TargetIdentity> {
  const session = await target.catalogue();
  const base = await session.row("asking who the server is", baseSql);
  const version = readVersion(base.version ?? "");
  const address = addressOf(target.request.url);
  const reached = address.socketPath ?? `${address.host}:${address.port}`;
  const facts = [
    self("server uuid", await uuidOf(session, version), 10),
    self("installation", await installationOf(session), 10),
    self("database", base.database, 6),
    self("server id", base.id, 4),
    self("product", productNames[version.flavor], 6),
    place("reached at", reached, 4),
    place("host", `${base.host}:${base.port}`, 4),
    place("data folder", base.data, 4),
  ];
  return {
    facts: facts.filter((fact) => fact !== null),
    words: words(base, version, reached),
    database: base.database ?? "",
  };
}

const baseSql = `SELECT DATABASE() AS \`database\`, VERSION() AS version, @@server_id AS id, @@hostname AS host, @@port AS port,
  @@datadir AS data, @@read_only AS closed`;

function self(name: string, value: string | null | undefined, weight: number): IdentityFact | null {
  return value == null ? null : { name, value, kind: "self", weight };
}

function place(name: string, value: string | null | undefined, weight: number): IdentityFact | null {
  return value == null ? null : { name, value, kind: "place", weight };
}

async function uuidOf(session: Connection, { flavor }: Version): Promise<string | null> {
  if (flavor === "mariadb") return null;
  return (await session.row("asking who the server is", "SELECT @@server_uuid AS value")).value ?? null;
}

async function installationOf(session: Connection): Promise<string | null> {
  if ((await markerState(session)).kind !== "present") return null;
  const rows = await session.rows("reading the installation row", "SELECT id FROM holdfast.installation");
  return rows[0]?.id ?? null;
}

function words({ host, closed }: Row, { flavor, number }: Version, reached: string): string {
  const place = reached.startsWith("/") ? `${host} at ${reached}` : reached;
  return `${place}, ${productNames[flavor]} ${number}, ${closed === "0" ? "writable" : "read-only"}`;
}
