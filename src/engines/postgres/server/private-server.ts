import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../core/errors.ts";
import { Secret } from "../../../core/secret.ts";
import { type Connection, connect } from "../connection.ts";
import { makeServerFolder, serverAccount, socketFolder } from "./account.ts";
import type { ServerBinaries } from "./binaries.ts";

/** A PostgreSQL of ours: own folder, own socket, ended by its pid, and by the kernel when we die. */
export interface PrivateServer {
  readonly folder: string;
  readonly data: string;
  readonly pid: number;
  url(database: string): Secret;
  connect(database: string, effect?: "reading" | "writing"): Promise<Connection>;
  /** `fast` ends sessions and writes a checkpoint; `immediate` is a crash. Waits until the process is gone. */
  stop(how: "fast" | "immediate"): Promise<void>;
}

export interface ServerRequest {
  readonly binaries: ServerBinaries;
  /** Holds data/, the socket and server.log; keep its path short (a socket's path has at most 107 bytes). */
  readonly folder: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** `-b`: pg_upgrade's mode, which lets object ids be chosen. */
  readonly binaryUpgrade?: boolean;
  /** A loopback port to listen on too; without it the socket is the only way in. */
  readonly port?: number;
  readonly deadlineMs?: number;
  /** A superuser of its; that of a cluster of ours when left out. */
  readonly user?: string;
  /** Gives up waiting, and ends the server. */
  readonly signal?: AbortSignal;
}

export const superuser = "postgres";
const socketPort = 5432;

/** Makes data/ in the folder. `arguments`: further words for initdb (encoding, locale, checksums). */
export async function initCluster(binaries: ServerBinaries, folder: string, args: readonly string[]): Promise<void> {
  const account = serverAccount();
  makeServerFolder(folder, account);
  const [program, ...words] = [...account.prefix, path.join(binaries.bin, "initdb")] as unknown as [
    string,
    ...string[],
  ];
  const initdb = ["-D", path.join(folder, "data"), "-U", superuser, "-A", "trust", "-N", ...args];
  const { failed, stderr } = await execa(program, [...words, ...initdb], { ...quietly, env: serverEnv() });
  if (failed) throw serverFault("HF-PG-INITDB", "a private PostgreSQL could not be set up", stderr);
}

/** Words for initdb that make a cluster without checksums: where it knows none to say so (before 18), it makes none unless asked. */
export async function noChecksums(binaries: ServerBinaries): Promise<readonly string[]> {
  const word = "--no-data-checksums";
  const { stdout } = await execa(path.join(binaries.bin, "initdb"), ["--help"], { ...quietly, env: serverEnv() });
  return stdout.includes(word) ? [word] : [];
}

export async function startServer(request: ServerRequest): Promise<PrivateServer> {
  const { folder, binaries } = request;
  const data = path.join(folder, "data");
  const log = openSync(path.join(folder, "server.log"), "a", 0o600);
  const account = serverAccount();
  const [program, ...words] = [
    ...account.prefix,
    path.join(binaries.bin, "postgres"),
    ...serverWords(request, data),
  ] as unknown as [string, ...string[]];
  // setpriv execs postgres, so the child's pid is the postmaster's.
  const child = spawn(program, words, { stdio: ["ignore", log, log], cwd: "/", env: serverEnv() });
  closeSync(log);
  const url = (database: string) => serverUrl(folder, database, request.user);
  await untilReady(child, request);
  return {
    folder,
    data,
    pid: child.pid ?? 0,
    url,
    connect: (database, effect = "writing") => connect({ url: url(database), application: "holdfast", effect }),
    stop: (how) => stopChild(child, how),
  };
}

function serverUrl(folder: string, database: string, user: string = superuser): Secret {
  return new Secret(
    `postgresql://${encodeURIComponent(user)}@/${encodeURIComponent(database)}?host=${encodeURIComponent(socketFolder(folder))}&port=${socketPort}`,
  );
}

function serverWords(request: ServerRequest, data: string): string[] {
  const settings = {
    fsync: "on",
    log_min_messages: "warning",
    ...request.settings,
    unix_socket_directories: socketFolder(request.folder),
  };
  const listen =
    request.port === undefined
      ? { listen_addresses: "", port: String(socketPort) }
      : { listen_addresses: "127.0.0.1", port: String(request.port) };
  const all = Object.entries({ ...settings, ...listen });
  return [
    "-D",
    data,
    ...(request.binaryUpgrade ? ["-b"] : []),
    ...all.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

/** Of the operator's environment nothing: it may hold secrets, and the server's account could read it. */
const quietly = { reject: false, cwd: "/", extendEnv: false } as const;

/** The machine's PG* variables are about somebody else's servers. */
export function serverEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", TZ: "UTC" };
}

async function untilReady(child: ChildProcess, request: ServerRequest): Promise<void> {
  const { folder, signal, deadlineMs = 60_000 } = request;
  const gone = new Promise<"gone">((resolve) => {
    child.once("exit", () => resolve("gone"));
    child.once("error", () => resolve("gone"));
  });
  const end = performance.now() + deadlineMs;
  while (performance.now() < end && !signal?.aborted) {
    if (isReady(folder)) return;
    const pause = new Promise<"wait">((resolve) => setTimeout(resolve, 20, "wait"));
    if ((await Promise.race([gone, pause])) === "gone")
      throw serverFault("HF-PG-START", "a private PostgreSQL ended while it started", logTail(folder));
  }
  await stopChild(child, "immediate");
  signal?.throwIfAborted();
  throw serverFault(
    "HF-PG-START",
    `a private PostgreSQL was not ready after ${Math.round(deadlineMs / 1000)} s`,
    logTail(folder),
  );
}

/** Line 8 of postmaster.pid is the server's own word on its state; one in recovery is ready when it lets readers in. */
function isReady(folder: string): boolean {
  const file = path.join(folder, "data", "postmaster.pid");
  return existsSync(file) && readFileSync(file, "utf8").split("\n")[7]?.trim() === "ready";
}

async function stopChild(child: ChildProcess, how: "fast" | "immediate"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
  const hard = setTimeout(() => child.kill("SIGKILL"), 60_000);
  await gone;
  clearTimeout(hard);
}

/** Ends whatever server an earlier process of ours left in the folder, then removes the folder. Idempotent. */
export async function removeServer(folder: string): Promise<void> {
  const pid = livingPostmaster(folder);
  if (pid !== null) await endProcess(pid);
  rmSync(folder, { recursive: true, force: true });
}

/** The pid in postmaster.pid, if that process is a postgres of this very folder. */
export function livingPostmaster(folder: string): number | null {
  const file = path.join(folder, "data", "postmaster.pid");
  if (!existsSync(file)) return null;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  const command = `/proc/${pid}/cmdline`;
  if (!Number.isInteger(pid) || pid <= 1 || !existsSync(command)) return null;
  return readFileSync(command, "utf8").split("\0").includes(path.join(folder, "data")) ? pid : null;
}

async function endProcess(pid: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      process.kill(pid, tries < 100 ? "SIGQUIT" : "SIGKILL");
    } catch {
      return; // gone
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function logTail(folder: string): string {
  const file = path.join(folder, "server.log");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-8).join(" | ") : "";
}

function serverFault(code: string, message: string, cause: string): Fault {
  return new Fault(code, message, {
    exit: "environment",
    still: "The target was not touched by this.",
    cause: cause.trim(),
    hint: "Free disk space and memory are the usual reasons.",
  });
}
