import { existsSync, lstatSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Environment } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import { type LocatedYaml, parseLocatedYaml } from "../core/located-yaml.ts";
import { type Problem, throwProblems } from "../core/problem.ts";
import { readBy } from "../core/yaml-issues.ts";
import { readYamlText } from "../core/yaml-text.ts";
import { hasPassword } from "./connection-url.ts";
import { type ConfigFile, configSchema, secretForms } from "./schema.ts";
import type { SecretReference } from "./secrets.ts";
import { readDuration, readSize } from "./units.ts";

export interface TargetConfig {
  readonly name: string;
  readonly engine: "postgres";
  readonly url: SecretReference;
  readonly environment: Environment;
  /** Null: the URL says it. */
  readonly database: string | null;
  readonly tier: string | null;
  /** That doctor looks at; empty: the largest. */
  readonly tables: readonly string[];
  /** Null: there is no backup that a clone could be made from. */
  readonly backup: BackupConfig | null;
  /** A dump by pg_dump, as the last resort; null: none is named. */
  readonly dump: string | null;
}

/** A base backup, and where the WAL since then is found: a folder, or a program that puts the file `%f` at `%p`. */
export interface BackupConfig {
  readonly base: string;
  readonly log:
    | { readonly kind: "folder"; readonly folder: string }
    | { readonly kind: "command"; readonly argv: readonly string[] };
}

/** holdfast.yaml with every default filled in; paths are absolute. No secret is in it, only where secrets are. */
export interface Config {
  /** Null: made by a program (the demo). */
  readonly file: string | null;
  readonly targets: readonly TargetConfig[];
  readonly scratch: { readonly folder: string | null; readonly servers: Readonly<Record<string, string>> };
  readonly limits: {
    readonly batchRows: number;
    /** Sessions that merge side by side. */
    readonly mergeSessions: number;
    readonly lockTimeoutMs: number;
    readonly statementTimeoutMs: number;
    /** Bytes; null: the engine's own default. */
    readonly heldWal: number | null;
    /** A share, 0 to 1. */
    readonly minFreeDisk: number;
  };
  readonly tickets: "none" | "optional" | "required";
  readonly stopFile: string;
  /** Null: `defaultJournalFolder`. */
  readonly journal: string | null;
}

/** What a config means that says nothing of it. */
export const defaults: Pick<Config, "limits" | "tickets" | "stopFile"> = {
  limits: {
    batchRows: 10_000,
    mergeSessions: 2,
    lockTimeoutMs: 2000,
    statementTimeoutMs: 60_000,
    heldWal: null,
    minFreeDisk: 0.1,
  },
  tickets: "optional",
  stopFile: "/tmp/BACKUP_EMERGENCY_STOP",
};

export interface ConfigPlaces {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The named file, or ./holdfast.yaml, or `$XDG_CONFIG_HOME/holdfast/holdfast.yaml`; these two only where they are ours or root's. Faults `HF-CONFIG-…`, exit `input`. */
export function loadConfig(path: string | undefined, places: ConfigPlaces): Config {
  const file = path === undefined ? findConfig(places) : resolve(places.cwd, path);
  return readConfig(file, readYamlText(file, "CONFIG"));
}

/** Pure. */
export function readConfig(file: string, text: string): Config {
  const yaml = parseLocatedYaml(file, text, "CONFIG");
  const read = readBy(yaml, "CONFIG", configSchema);
  throwProblems(read.ok ? literalSecrets(yaml, read.value) : read.problems);
  if (!read.ok) throw new Error("a config that was refused has a problem");
  return filled(file, read.value);
}

/** `$XDG_STATE_HOME/holdfast`: one journal for an account. */
export function defaultJournalFolder(env: NodeJS.ProcessEnv): string {
  return join(xdg(env.XDG_STATE_HOME) ?? join(home(env), ".local", "state"), "holdfast");
}

/** Where throw-away servers of one account live unless the config says so: `/var/tmp` is kept over a restart of the machine. */
export function defaultScratchFolder(): string {
  return join("/var/tmp", `holdfast-${userInfo().uid}`);
}

function accountConfigFile(env: NodeJS.ProcessEnv): string {
  return join(xdg(env.XDG_CONFIG_HOME) ?? join(home(env), ".config"), "holdfast", "holdfast.yaml");
}

function findConfig({ cwd, env }: ConfigPlaces): string {
  const found = [join(cwd, "holdfast.yaml"), accountConfigFile(env)].find((file) => existsSync(file));
  if (found !== undefined) return trusted(found);
  throw new Fault("HF-CONFIG-NOT-FOUND", `there is no holdfast.yaml here, and no ${accountConfigFile(env)}`, {
    exit: "input",
    still: "Nothing was started.",
    hint: "Write one, or name it with --config.",
    next: ["holdfast init --url-env DATABASE_URL --target shop --environment sandbox"],
  });
}

/** A config names programs that are run: one that merely lies here must not be another's trap. The one that is named was chosen. */
function trusted(file: string): string {
  const mine: readonly number[] = [0, process.getuid?.() ?? 0];
  const ways = [lstatSync(file), statSync(file)];
  if (ways.every(({ uid }) => mine.includes(uid)) && ((ways[1]?.mode ?? 0) & 0o002) === 0) return file;
  throw new Fault("HF-CONFIG-FOREIGN", `${file} belongs to another account, or every account may write to it`, {
    exit: "input",
    still: "It was not read, and nothing was started: a configuration can name programs to run.",
    hint: "Read it. When you trust it, name it with --config, or make it yours alone to write.",
  });
}

/** A relative path in these variables counts as unset (XDG base directory specification). */
function xdg(value: string | undefined): string | null {
  return value?.startsWith("/") ? value : null;
}

function home(env: NodeJS.ProcessEnv): string {
  return env.HOME ?? homedir();
}

function literalSecrets(yaml: LocatedYaml, config: ConfigFile): readonly Problem[] {
  return Object.entries(config.targets).flatMap(([name, { url }]) => {
    if (typeof url !== "string" || !url.startsWith("postgres") || !hasPassword(url)) return [];
    const message = "a URL with a password stands in the file, where whoever reads the file has it";
    return [yaml.problem("HF-CONFIG-SECRET", ["targets", name, "url"], message, secretForms)];
  });
}

function filled(file: string, config: ConfigFile): Config {
  const from = (path: string) => resolve(dirname(file), path);
  const { limits = {}, scratch = {} } = config;
  return {
    file,
    targets: Object.entries(config.targets).map(([name, target]) => ({
      name,
      engine: target.engine,
      url: reference(target.url, from),
      environment: target.environment,
      database: target.database ?? null,
      tier: target.tier ?? null,
      tables: target.tables ?? [],
      backup: target.backup === undefined ? null : backupOf(target.backup, from),
      dump: target.backup?.dump === undefined ? null : from(target.backup.dump),
    })),
    scratch: {
      folder: scratch.folder === undefined ? null : from(scratch.folder),
      servers: Object.fromEntries(Object.entries(scratch.servers ?? {}).map(([major, path]) => [major, from(path)])),
    },
    limits: {
      batchRows: limits.batchRows ?? defaults.limits.batchRows,
      mergeSessions: limits.mergeSessions ?? defaults.limits.mergeSessions,
      lockTimeoutMs: readDuration(limits.lockTimeout ?? "") ?? defaults.limits.lockTimeoutMs,
      statementTimeoutMs: readDuration(limits.statementTimeout ?? "") ?? defaults.limits.statementTimeoutMs,
      heldWal: readSize(limits.heldWal ?? "") ?? defaults.limits.heldWal,
      minFreeDisk: limits.minFreeDisk ?? defaults.limits.minFreeDisk,
    },
    tickets: config.tickets ?? defaults.tickets,
    stopFile: from(config.stopFile ?? defaults.stopFile),
    journal: config.journal === undefined ? null : from(config.journal),
  };
}

function backupOf(
  { base, archive, command = [] }: NonNullable<ConfigFile["targets"][string]["backup"]>,
  from: (path: string) => string,
): BackupConfig | null {
  if (base === undefined) return null;
  const log =
    archive === undefined
      ? ({ kind: "command", argv: command } as const)
      : ({ kind: "folder", folder: from(archive) } as const);
  return { base: from(base), log };
}

function reference(url: ConfigFile["targets"][string]["url"], from: (path: string) => string): SecretReference {
  if (typeof url !== "string") return { kind: "command", argv: url.command };
  if (url.startsWith("env:")) return { kind: "env", name: url.slice(4) };
  return url.startsWith("file:") ? { kind: "file", path: from(url.slice(5)) } : { kind: "plain", text: url };
}
