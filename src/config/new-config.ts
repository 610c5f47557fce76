import { chmodSync, writeFileSync } from "node:fs";
import { type Environment, environments } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import { readConfig } from "./load-config.ts";

export interface NewConfig {
  readonly urlEnv: string;
  readonly target: string;
  readonly environment: string;
}

/** Writes a commented holdfast.yaml, readable only by its owner. Never overwrites: Fault `HF-CONFIG-EXISTS`. */
export function writeNewConfig(file: string, wanted: NewConfig): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(wanted.urlEnv)) throw notAVariable();
  const text = newConfigText({ ...wanted, environment: environmentOf(wanted.environment) });
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

function newConfigText({ urlEnv, target, environment }: NewConfig & { environment: Environment }): string {
  return `# Holdfast's configuration. Secrets stay outside: this file only says where they are.
targets:
  ${JSON.stringify(target)}:
    engine: postgres
    # Where the connection URL is kept: env:NAME, file:PATH, or { command: [program, argument] }.
    url: ${JSON.stringify(`env:${urlEnv}`)}
    # production, staging or sandbox: how much is asked before anything is changed.
    environment: ${environment}
    # The database is taken from the URL unless it stands here.
    # database: shop
    # tier: standard
    # A point-in-time clone is made from a base backup and the WAL since: it brings back what VACUUM or TRUNCATE took.
    # base is a copy of the data folder or a folder with base.tar.gz in it; in place of archive a program may fetch each file.
    # backup:
    #   base: /var/backups/shop/base
    #   archive: /var/backups/shop/wal   # or command: [pgbackrest, --stanza=shop, archive-get, "%f", "%p"]

# Where throw-away servers may live, and where server programs are, by major version. Others are looked for.
# scratch:
#   folder: /var/tmp/holdfast
#   servers: { "18": /usr/lib/postgresql/18/bin }

# limits:
#   batchRows: 10000        # rows of one merge transaction
#   mergeSessions: 2        # sessions that merge a large table side by side; 1 is gentler
#   lockTimeout: 2s         # how long a batch may wait for a lock
#   statementTimeout: 60s   # how long one batch may take
#   heldWal: 10GB           # most WAL that a pin may keep
#   minFreeDisk: 0.1        # below this share nothing is begun

# none, optional or required
tickets: optional

# No step begins while this file is there.
stopFile: /tmp/BACKUP_EMERGENCY_STOP

# journal: /var/lib/holdfast   # the account's own state folder when left out
`;
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
