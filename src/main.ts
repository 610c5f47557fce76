#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { CliParts, Io, WorkbenchOptions } from "./cli/parts.ts";
import type { Reachable } from "./compose.ts";
import type { Config, TargetConfig } from "./config/load-config.ts";
import type { Person } from "./core/event.ts";
import type { Secret } from "./core/secret.ts";
import type { Workbench } from "./runner/workbench.ts";

/*
 * The entry. It imports nothing but Node's own modules: --version answers at once, and on an older Node, where the journal's driver
 * would end the process without a word, nothing of ours is loaded before the version has been looked at.
 */
const oldest = 24;
const startedAgain = "HOLDFAST_STARTED_AGAIN";
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);

if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) process.stdout.write(`${version()}\n`);
else if (Number(process.versions.node.split(".")[0]) >= oldest) await begin();
else await startAgain();

async function begin(): Promise<void> {
  module.enableCompileCache?.();
  heedStarter();
  const [{ runCommandLine }, { systemClock }] = await Promise.all([
    import("./cli/command-line.ts"),
    import("./core/clock.ts"),
  ]);
  const { stdin, stdout, stderr, env } = process;
  const io: Io = {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    clock: systemClock,
    script: path.resolve(process.argv[1] ?? ""),
    exit: (code) => process.exit(code),
  };
  process.exitCode = await runCommandLine(args, cliParts(), io);
}

function version(): string {
  const text = readFileSync(path.join(root, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** On the package's own Node, where it has one. The child has the terminal; signals that only reach us are passed on. */
async function startAgain(): Promise<void> {
  const places = ["node_modules/node/bin/node", "node_modules/.bin/node"].map((file) => path.join(root, file));
  const own = places.find((file) => existsSync(file));
  if (own === undefined || process.env[startedAgain] !== undefined) return tooOld();
  const { spawn } = await import("node:child_process");
  const child = spawn(own, [...process.execArgv, process.argv[1] ?? "", ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, [startedAgain]: "1" },
  });
  process.on("SIGINT", () => undefined); // the terminal sends it to both, and only the child may act on it
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  child.on("error", tooOld);
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + os.constants.signals[signal];
  });
}

/** When whoever started us on this Node is gone, it is as if the terminal were. */
function heedStarter(): void {
  const ours = process.env[startedAgain] !== undefined;
  delete process.env[startedAgain];
  if (!ours || process.channel == null) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGHUP"));
  process.channel.unref();
}

function tooOld(): void {
  process.stderr.write(
    `HF-NODE-OLD  Node ${process.versions.node} is too old: Holdfast needs ${oldest} or newer\n` +
      "  still true: Nothing was started.\n" +
      `  what to do: Install Node ${oldest}, or run npm install in Holdfast's folder, which brings one.\n`,
  );
  process.exitCode = 15;
}

/** The real parts, each loaded when a command asks for it. */
function cliParts(): CliParts {
  return {
    version: version(),
    workbench,
    journal: async (folder, clock) => (await import("./journal/open.ts")).openJournal({ folder, clock }),
    actions: async () => (await import("./actions/index.ts")).actions,
    demo,
  };
}

async function workbench(options: WorkbenchOptions): Promise<Workbench> {
  const { config, env, journalFolder } = options;
  const [{ assemble }, person] = await Promise.all([import("./compose.ts"), personOf(options.operator)]);
  const reached = await Promise.all(config.targets.map((target) => reachable(target, env)));
  return assemble({
    targets: reached.map((one) => one.reachable),
    journalFolder,
    ...machineOf(config),
    limits: config.limits,
    policy: { stopFile: config.stopFile, ticket: config.tickets },
    person,
    version: version(),
    secrets: reached.flatMap((one) => one.secrets),
    seams: { clock: options.clock },
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
  return { reachable: { target: planned, url }, secrets: now === null ? [] : secretsIn(now.url) };
}

function machineOf(config: Config | null): { scratch: string; serverBinaries: Readonly<Record<string, string>> } {
  const { folder = null, servers = {} } = config?.scratch ?? {};
  return { scratch: folder ?? path.join("/var/tmp", `holdfast-${os.userInfo().uid}`), serverBinaries: servers };
}

async function personOf(operator: string | undefined): Promise<Person> {
  const { operatorName } = await import("./cli/operator.ts");
  return { operator: operatorName(operator ?? os.userInfo().username), host: os.hostname() };
}

/** The demo has a journal of its own, and one target: the server that it rehearses on. */
async function demo(io: Io): ReturnType<CliParts["demo"]> {
  const [{ createHash }, { postgresRehearsals }, { defaultJournalFolder, defaults }, { assemble }] = await Promise.all([
    import("node:crypto"),
    import("./engines/postgres/rehearse/rehearsals.ts"),
    import("./config/load-config.ts"),
    import("./compose.ts"),
  ]);
  const machine = machineOf(null);
  const journalFolder = path.join(defaultJournalFolder(io.env), "demo");
  // The server and the journal of its run go together: another journal is another demo.
  const name = `demo-${createHash("sha256").update(journalFolder).digest("hex").slice(0, 8)}`;
  const { secretsIn } = await import("./config/resolve-target.ts");
  return {
    rehearsals: postgresRehearsals({ ...machine, name, clock: io.clock }),
    workbenchFor: async (rehearsal, target) =>
      assemble({
        targets: [
          {
            target: { name: target, engine: rehearsal.engine, environment: "production", database: rehearsal.database },
            url: async () => rehearsal.url(),
          },
        ],
        journalFolder,
        ...machine,
        limits: defaults.limits,
        policy: { stopFile: defaults.stopFile, ticket: defaults.tickets },
        person: await personOf(undefined),
        version: version(),
        secrets: secretsIn(rehearsal.url()),
        seams: { clock: io.clock },
      }),
  };
}
