import type { Connection } from "./connection.ts";

/** Two servers of one family: they speak one protocol, and differ in what they log, name and allow. */
export type Flavor = "mariadb" | "mysql";

export interface Version {
  readonly flavor: Flavor;
  /** `10.11.19`, without what a distribution adds. */
  readonly number: string;
  readonly major: number;
  readonly minor: number;
}

export async function versionOf(session: Connection): Promise<Version> {
  const { text } = await session.row("asking for the version", "SELECT VERSION() AS text");
  return readVersion(text ?? "");
}

/** `10.11.19-MariaDB-0+deb12u1`, `9.7.4`; an old replication prefix (`5.5.5-`) is no version. */
export function readVersion(text: string): Version {
  const [, number = "0.0.0", major = "0", minor = "0"] = /^(?:5\.5\.5-)?((\d+)\.(\d+)(?:\.\d+)?)/.exec(text) ?? [];
  const flavor = /mariadb/i.test(text) ? "mariadb" : "mysql";
  return { flavor, number, major: Number(major), minor: Number(minor) };
}

export const productNames: Readonly<Record<Flavor, string>> = { mariadb: "MariaDB", mysql: "MySQL" };
