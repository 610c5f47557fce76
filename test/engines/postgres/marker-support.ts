import net from "node:net";
import { systemClock } from "../../../src/core/clock.ts";
import { newRunId } from "../../../src/core/ids.ts";
import { Secret } from "../../../src/core/secret.ts";
import type { Boundary, ConnectRequest, Limits } from "../../../src/engines/engine.ts";
import type { Claim } from "../../../src/engines/marker.ts";
import { type TargetLock, targetLock } from "../../../src/engines/postgres/lock.ts";
import { marker } from "../../../src/engines/postgres/marker.ts";
import { type PostgresTarget, postgresTarget } from "../../../src/engines/postgres/target.ts";
import { limitsWith } from "../../support/limits.ts";

export interface Options {
  readonly run?: string;
  readonly person?: string;
  readonly limits?: Partial<Limits>;
  readonly reached?: Boundary;
}

export const aRun = () => newRunId(Date.now());

export function requestFor(url: Secret, options: Options = {}): ConnectRequest {
  return {
    target: { name: "t", engine: "postgres", environment: "sandbox", database: "postgres" },
    url,
    session: { run: options.run ?? aRun(), person: options.person ?? "ops_k@bastion" },
    machine: { scratch: "/nonexistent", serverBinaries: {} },
    limits: limitsWith({ lockTimeoutMs: 300, statementTimeoutMs: 30_000, ...options.limits }),
    clock: systemClock,
    reached: options.reached ?? (() => undefined),
  };
}

export const targetFor = (url: Secret, options: Options = {}): PostgresTarget =>
  postgresTarget(requestFor(url, options));

/** A target with its lock taken and the marker over it. */
export async function marked(url: Secret, options: Options = {}) {
  const target = targetFor(url, options);
  const lock = targetLock(target);
  await lock.acquire();
  return { target, lock, marker: marker(target, lock) };
}

/** Says that a lock which another target holds is its own: for a second process of the same run. */
export function borrowed(lock: TargetLock, target: PostgresTarget) {
  return { target, marker: marker(target, { ...targetLock(target), holder: () => lock.holder() }) };
}

export function claimOf(run: string, key: string, planDigest = "plan-a"): Claim {
  return { run, key, planDigest, intentDigest: "intent-a" };
}

/** A loopback relay to a server's socket that can cut a connection before, or just after, COMMIT was handed on. */
export async function cuttingProxy(socket: string) {
  const state = { cut: "never" as "never" | "before-commit" | "after-commit" };
  const isCommit = (bytes: Buffer) => /commit\0/i.test(bytes.toString("latin1"));
  const proxy = net.createServer((near) => {
    const far = net.connect(socket);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    far.on("data", (bytes) => near.write(bytes));
    far.on("close", () => near.destroy());
    near.on("close", () => far.end());
    near.on("data", (bytes) => {
      if (state.cut === "never" || !isCommit(bytes)) return void far.write(bytes);
      const how = state.cut;
      state.cut = "never";
      if (how === "before-commit") return void (far.destroy(), near.destroy());
      far.removeAllListeners("data");
      far.write(bytes, () => setTimeout(() => near.destroy(), 5));
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as net.AddressInfo;
  return {
    state,
    url: new Secret(`postgresql://postgres@127.0.0.1:${port}/postgres`),
    close: () => new Promise<void>((resolve) => proxy.close(() => resolve())),
  };
}
