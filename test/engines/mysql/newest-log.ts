import { readdirSync } from "node:fs";
import path from "node:path";
import type { Connection } from "../../../src/engines/mysql/connection.ts";
import type { MariadbServer } from "../../support/mariadb.ts";

/** The file that the server writes its log to now. */
export function newestLog({ scratch }: MariadbServer): string {
  const folder = path.join(scratch, "d");
  const names = readdirSync(folder).filter((name) => /^log\.\d{6}$/.test(name));
  return path.join(folder, names.toSorted().at(-1) ?? "");
}

export async function runAll(sql: Connection, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.run("running", statement);
}
