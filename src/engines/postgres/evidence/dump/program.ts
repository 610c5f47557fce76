import { existsSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../../core/errors.ts";
import { clientFolders } from "../../server/binaries.ts";
import type { PostgresTarget } from "../../target.ts";

/** pg_restore as it is run here: with nothing of the operator's environment, and times in UTC. */
export interface PgRestore {
  readonly program: string;
  readonly major: number;
}

export const dumpEnv = { LC_ALL: "C.UTF-8", TZ: "UTC", PATH: "/usr/bin:/bin" } as const;

/** The newest on this machine: it reads what all older ones wrote. Fault `HF-DUMP-NO-PROGRAM` where there is none. */
export async function findPgRestore({ request }: PostgresTarget): Promise<PgRestore> {
  const folders = [...Object.values(request.machine.serverBinaries), ...clientFolders()];
  const programs = [...new Set(folders.map((folder) => path.join(folder, "pg_restore")))].filter((one) =>
    existsSync(one),
  );
  const found: PgRestore[] = [];
  for (const program of programs) found.push({ program, major: await majorOf(program) });
  const newest = found.toSorted((a, b) => b.major - a.major)[0];
  if (newest !== undefined && newest.major > 0) return newest;
  throw new Fault("HF-DUMP-NO-PROGRAM", "no pg_restore was found on this machine", {
    exit: "environment",
    still: "Nothing was changed.",
    hint: "Install PostgreSQL's client programs here, as new as the pg_dump that made the dump (Debian: postgresql-client), or name their folder under scratch.servers in holdfast.yaml.",
  });
}

async function majorOf(program: string): Promise<number> {
  const { stdout, failed } = await execa(program, ["--version"], { reject: false, env: dumpEnv, extendEnv: false });
  return failed ? 0 : Number(/(\d+)/.exec(stdout.replace(/^\D*/, ""))?.[1] ?? 0);
}
