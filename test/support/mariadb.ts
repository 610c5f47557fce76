import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";
import type { ConnectRequest } from "../../src/engines/engine.ts";
import { connect, type Connection } from "../../src/engines/mysql/connection.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newRunId } from "../../src/core/ids.ts";
import { limitsWith } from "./limits.ts";

export interface MariadbServer {
  readonly scratch: string;
  readonly socket: string;
  url(database: string, account?: string): Secret;
  /** As root, from outside of Holdfast. */
  connect(database?: string): Promise<Connection>;
  /** SIGKILL, as by the kernel; or in order. */
  stop(how: "kill" | "term"): Promise<void>;
  restart(): Promise<void>;
  end(): Promise<void>;
}

const programs = ["mariadbd", "mariadb-install-db", "mariadb-binlog"];
const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",").includes("mariadb");

/** The suite where MariaDB is on this machine; else it is skipped loudly, and fails where HOLDFAST_REQUIRE names mariadb. */
export function withMariadb(suite: () => void): void {
  if (missing.length === 0) return void describe("MariaDB", suite);
  console.warn(
    `SKIPPED: MariaDB is not there (${missing.join(", ")}; scripts/test-needs.sh brings it); nothing is proved on it here`,
  );
  if (required)
    test("MariaDB", () => {
      expect(missing, "HOLDFAST_REQUIRE names mariadb, and it is not there").toEqual([]);
    });
  else describe.skip("MariaDB", suite);
}

/** It refuses to run as root. */
const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

function owned(folder: string): void {
  if ("uid" in account) spawnSync("chown", ["-R", `${account.uid}:${account.gid}`, folder]);
}

/** Made once for this machine's temporary folder: a copy takes milliseconds, a new one a second. */
function template(): string {
  const place = path.join(os.tmpdir(), `hf-mariadb-template-${process.getuid?.() ?? 0}`);
  if (existsSync(place)) return place;
  const made = mkdtempSync(`${place}-`);
  chmodSync(made, 0o755);
  const data = path.join(made, "data");
  mkdirSync(data);
  owned(made);
  const words = ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"];
  const done = spawnSync("mariadb-install-db", [...words, "--skip-name-resolve", "--innodb-log-file-size=8M"], {
    ...account,
    cwd: made,
    env: { ...process.env, TMPDIR: made },
    timeout: 60_000,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`mariadb-install-db: ${done.stdout}${done.stderr}`);
  try {
    renameSync(data, place);
  } catch {
    // Another test file was faster.
  }
  rmSync(made, { recursive: true, force: true });
  return place;
}

/** A MariaDB in a folder of its own, on a socket alone, with its binary log on in whole rows. Call `end` when done. */
export async function startMariadb(settings: Readonly<Record<string, string>> = {}): Promise<MariadbServer> {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "hf-my-"));
  chmodSync(scratch, 0o755);
  const data = path.join(scratch, "d");
  cpSync(template(), data, { recursive: true });
  owned(scratch);
  const socket = path.join(scratch, "s");
  const words = { ...usual, ...settings, datadir: data, socket, tmpdir: scratch, "pid-file": path.join(scratch, "p") };
  const start = () =>
    spawn(
      "mariadbd",
      ["--no-defaults", ...Object.entries(words).map(([name, value]) => `--${name}${value === "" ? "" : `=${value}`}`)],
      {
        ...account,
        cwd: scratch,
        stdio: ["ignore", "ignore", "ignore"],
      },
    );
  let child = start();
  const url: MariadbServer["url"] = (database, name = "root") =>
    new Secret(`mysql://${name}@localhost/${database}?socket=${encodeURIComponent(socket)}`);
  await answers(child, url("mysql"));
  const stop: MariadbServer["stop"] = async (how) => {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(how === "kill" ? "SIGKILL" : "SIGTERM");
    await gone;
  };
  return {
    scratch,
    socket,
    url,
    connect: (database = "mysql") => connect({ url: url(database), tag: "test", effect: "writing" }),
    stop,
    restart: async () => {
      child = start();
      await answers(child, url("mysql"));
    },
    end: async () => {
      await stop("kill");
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

const usual = {
  "skip-networking": "",
  "innodb-log-file-size": "8M",
  "innodb-buffer-pool-size": "64M",
  "log-bin": "log",
  "binlog-format": "ROW",
  "server-id": "1",
  "performance-schema": "OFF",
};

/** Within a deadline, and only while the server is there. */
async function answers(child: ChildProcess, url: Secret): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (child.exitCode !== null) throw new Error(`mariadbd ended with ${child.exitCode}`);
    const session = await connect({ url, tag: "test", effect: "reading" }).catch(() => null);
    if (session !== null) return session.close();
    await sleep(25);
  }
  child.kill("SIGKILL");
  throw new Error("mariadbd does not answer");
}

export function requestToMariadb(
  server: MariadbServer,
  database: string,
  changes: Partial<ConnectRequest> = {},
): ConnectRequest {
  return {
    target: { name: "shop", engine: "mysql", environment: "sandbox", database },
    url: server.url(database),
    session: { run: newRunId(Date.now()), person: "ops@bastion" },
    machine: { scratch: path.join(server.scratch, "scratch"), serverBinaries: {} },
    limits: limitsWith({ lockTimeoutMs: 1500 }),
    clock: systemClock,
    reached: () => undefined,
    ...changes,
  };
}
