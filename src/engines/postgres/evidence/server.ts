import type { Connection } from "../connection.ts";

/** 14 to 18: which programs fit the server, and how its files are laid out. */
export async function majorVersion(connection: Connection): Promise<number> {
  const sql = "SELECT current_setting('server_version_num') AS number";
  return Math.floor(Number((await connection.row("asking for the version", sql)).number) / 10_000);
}
