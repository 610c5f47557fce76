#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

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
  const [{ runCommandLine }, { cliParts, processIo }] = await Promise.all([
    import("./cli/command-line.ts"),
    import("./cli-parts.ts"),
  ]);
  process.exitCode = await runCommandLine(args, cliParts(version()), processIo());
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
