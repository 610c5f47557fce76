import os from "node:os";
import path from "node:path";
import type { CliParts, DrillOptions, Io, WorkbenchOptions } from "./cli/parts.ts";
import type { Reachable, Seams } from "./compose.ts";
import type { Config, TargetConfig } from "./config/load-config.ts";
import { systemClock } from "./core/clock.ts";
import type { Person } from "./core/event.ts";
import type { Secret } from "./core/secret.ts";
import type { Workbench } from "./runner/workbench.ts";

/** The real parts, each loaded when a command asks for it; what stands in `seams` takes the place of a real one. */
export function cliParts(version: string, seams: Seams = {}): CliParts {
  return {
    version,
    workbench: (options) => workbench(options, version, seams),
    journal: async (folder, clock) => (await import("./journal/open.ts")).openJournal({ folder, clock }),
    actions: async () => (await import("./actions/index.ts")).actions,
    demo: (io) => demo(io, version),
    drill: (options) => rehearsed("drill", options, version),
  };
}

/** The process itself as the world outside. */
export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    clock: systemClock,
    script: path.resolve(process.argv[1] ?? ""),
    exit: (code) => process.exit(code),
  };
}

async function workbench(options: WorkbenchOptions, version: string, seams: Seams): Promise<Workbench> {
  const { config, env, journalFolder } = options;
  const [{ assemble }, person] = await Promise.all([import("./compose.ts"), personOf(options.operator)]);
  const reached = await Promise.all(config.targets.map((target) => reachable(target, env)));
  return assemble({
    targets: reached.map((one) => one.reachable),
    journalFolder,
    ...(await machineOf(config)),
    limits: config.limits,
    policy: { stopFile: config.stopFile, ticket: config.tickets },
    person,
    version,
    secrets: reached.flatMap((one) => one.secrets),
    seams: { clock: options.clock, ...seams },
  });
}

/** A target whose URL is not to be had now is listed all the same; reaching for it says why. */
async function reachable(
  target: TargetConfig,
  env: NodeJS.ProcessEnv,
): Promise<{ reachable: Reachable; secrets: readonly Secret[] }> {
  const { plannedTarget, resolveTarget, secretsIn } = await import("./config/resolve-target.ts");
  const url = async () => (await resolveTarget(target, env)).url;
  const now = await resolveTarget(target, env).catch(() => null);
  const planned = plannedTarget(target, now?.database ?? target.database ?? "(not known yet)");
  const backup = {
    ...(target.backup === null ? {} : { backup: target.backup }),
    ...(target.dump === null ? {} : { dump: target.dump }),
  };
  return {
    reachable: { target: planned, url, tables: target.tables, ...backup },
    secrets: now === null ? [] : secretsIn(now.url),
  };
}

async function machineOf(
  config: Config | null,
): Promise<{ scratch: string; serverBinaries: Readonly<Record<string, string>> }> {
  const { defaultScratchFolder } = await import("./config/load-config.ts");
  const { folder = null, servers = {} } = config?.scratch ?? {};
  return { scratch: folder ?? defaultScratchFolder(), serverBinaries: servers };
}

async function personOf(operator: string | undefined): Promise<Person> {
  const { operatorName } = await import("./cli/operator.ts");
  return { operator: operatorName(operator ?? os.userInfo().username), host: os.hostname() };
}

/** The demo has a journal of its own. */
async function demo(io: Io, version: string): ReturnType<CliParts["demo"]> {
  const { defaultJournalFolder } = await import("./config/load-config.ts");
  const journalFolder = path.join(defaultJournalFolder(io.env), "demo");
  return rehearsed("demo", { config: null, journalFolder, env: io.env, clock: io.clock }, version);
}

/** One target: the server that is rehearsed on. */
async function rehearsed(
  what: "demo" | "drill",
  { config, journalFolder, clock, operator }: DrillOptions,
  version: string,
): ReturnType<CliParts["drill"]> {
  const [{ createHash }, { postgresRehearsals }, { defaults }, { assemble }, { secretsIn }] = await Promise.all([
    import("node:crypto"),
    import("./engines/postgres/rehearse/rehearsals.ts"),
    import("./config/load-config.ts"),
    import("./compose.ts"),
    import("./config/resolve-target.ts"),
  ]);
  const machine = await machineOf(config);
  // The server and the journal of its run go together: another journal is another rehearsal.
  const name = `${what}-${createHash("sha256").update(journalFolder).digest("hex").slice(0, 8)}`;
  const { limits, stopFile } = config ?? defaults;
  return {
    rehearsals: postgresRehearsals({ ...machine, name, what, clock }),
    workbenchFor: async (rehearsal, target) =>
      assemble({
        targets: [
          {
            target: { name: target, engine: rehearsal.engine, environment: "production", database: rehearsal.database },
            url: async () => rehearsal.url(),
            ...(rehearsal.backup === undefined ? {} : { backup: rehearsal.backup }),
          },
        ],
        journalFolder,
        ...machine,
        // Whatever a run leaves on this machine, kept on purpose or by a kill, goes with the rehearsal's folder.
        scratch: path.join(rehearsal.folder, "s"),
        limits,
        policy: { stopFile, ticket: defaults.tickets },
        person: await personOf(operator),
        version,
        secrets: secretsIn(rehearsal.url()),
        seams: { clock },
      }),
  };
}
