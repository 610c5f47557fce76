import { chmodSync, writeFileSync } from "node:fs";
import { type Environment, environments } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import { mostWalKept } from "../core/limits.ts";
import { defaultJournalFolder, defaults, defaultScratchFolder, readConfig } from "./load-config.ts";
import { writeDuration, writeSize } from "./units.ts";

export interface NewConfig {
  readonly urlEnv: string;
  readonly target: string;
  readonly environment: string;
}

/** Writes a commented holdfast.yaml, readable only by its owner. Never overwrites: Fault `HF-CONFIG-EXISTS`. */
export function writeNewConfig(file: string, wanted: NewConfig, env: NodeJS.ProcessEnv): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(wanted.urlEnv)) throw notAVariable();
  const text = newConfigText({ ...wanted, environment: environmentOf(wanted.environment) }, env);
  readConfig(file, text); // what would not load is not written
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600 });
    chmodSync(file, 0o600);
  } catch (error) {
    throw writeFault(file, (error as NodeJS.ErrnoException).code ?? "");
  }
}

function environmentOf(text: string): Environment {
  const found = environments.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Fault("HF-CONFIG-ENVIRONMENT", "there is no such environment", {
    exit: "input",
    still: "Nothing was written.",
    hint: `Take one of: ${environments.join(", ")}. Nothing defaults to production.`,
  });
}

function notAVariable(): Fault {
  return new Fault("HF-CONFIG-VARIABLE", "that is no name of an environment variable", {
    exit: "input",
    still: "Nothing was written.",
    hint: "Name the variable that holds the URL, not the URL itself: --url-env DATABASE_URL.",
  });
}

/** What stands behind `#   ` is what holds when it is left out; what is an example says so. */
function newConfigText(
  { urlEnv, target, environment }: NewConfig & { environment: Environment },
  env: NodeJS.ProcessEnv,
): string {
  return `# Holdfast's configuration. Secrets stay outside: this file only says where they are.
targets:
  ${JSON.stringify(target)}:
    engine: postgres
    # Where the connection URL is kept: env:NAME, file:PATH, or { command: [program, argument] }.
    url: ${JSON.stringify(`env:${urlEnv}`)}
    # production, staging or sandbox: how much is asked before anything is changed.
    environment: ${environment}
    # Examples, none of which holds unless you say so. The database is taken from the URL.
    # database: shop
    # tier: standard
    # A point-in-time clone is made from a base backup and the WAL since: it brings back what VACUUM or TRUNCATE took.
    # base is a copy of the data folder or a folder with base.tar.gz in it; in place of archive a program may fetch each file.
    # backup:
    #   base: /var/backups/shop/base
    #   archive: /var/backups/shop/wal   # or command: [pgbackrest, --stanza=shop, archive-get, "%f", "%p"]
    #   dump: /var/backups/shop.dump     # the last resort: by pg_dump -Fc or -Fd; it may stand alone

# From here on, what stands in a comment is what holds already. Take the # away to change it.

${scratchText()}
${limitsText(defaults.limits)}
# none, optional or required
tickets: ${defaults.tickets}

# No step begins while this file is there.
stopFile: ${JSON.stringify(defaults.stopFile)}

# Where the journal of all runs is kept.
# journal: ${JSON.stringify(defaultJournalFolder(env))}
`;
}

function scratchText(): string {
  return `# Where throw-away servers may live. Server programs are looked for in the usual places; where they lie elsewhere, say so
# by major version, for example: servers: { "18": /opt/postgresql-18/bin }
# scratch:
#   folder: ${JSON.stringify(defaultScratchFolder())}
`;
}

function limitsText(limits: typeof defaults.limits): string {
  const most = writeSize(mostWalKept);
  const rows = [
    [`batchRows: ${limits.batchRows}`, "rows of one merge transaction"],
    [`mergeSessions: ${limits.mergeSessions}`, "sessions that merge a large table side by side; 1 is gentler"],
    [`lockTimeout: ${writeDuration(limits.lockTimeoutMs)}`, "how long a batch may wait for a lock"],
    [`statementTimeout: ${writeDuration(limits.statementTimeoutMs)}`, "how long one batch may take"],
    [`heldWal: ${most}`, "most WAL that a pin may keep; unsaid, twice the server's max_wal_size where that is less"],
    [`minFreeDisk: ${limits.minFreeDisk}`, "below this share nothing is begun"],
  ];
  return ["# limits:", ...rows.map(([set = "", about]) => `#   ${set.padEnd(22)}  # ${about}`), ""].join("\n");
}

function writeFault(file: string, code: string): Fault {
  if (code === "EEXIST") {
    return new Fault("HF-CONFIG-EXISTS", `${file} is there already`, {
      exit: "input",
      still: "It was not changed.",
      hint: "Add the target to it by hand, or write another file with --config.",
    });
  }
  return new Fault("HF-CONFIG-UNWRITABLE", `${file} can't be written (${code})`, {
    exit: "environment",
    hint: "Choose a folder that you may write to, with --config.",
  });
}
