import type { Action, ActionContext } from "../../src/actions/action.ts";
import { systemClock } from "../../src/core/clock.ts";
import { sha256 } from "../../src/core/ids.ts";
import type { LeaseState } from "../../src/core/run-state.ts";
import type { Progress } from "../../src/core/step.ts";
import type { Capabilities, Engine, Limits } from "../../src/engines/engine.ts";
import type { Claim } from "../../src/engines/marker.ts";
import { offered } from "../contract/bench.ts";
import { limitsWith } from "./limits.ts";

/** What a run would hold, without a journal and without a runner: leases, what was told, and payloads. */
export interface HandMade extends ActionContext {
  /** Every lease that was ever taken, as it is now. */
  readonly taken: readonly LeaseState[];
  readonly told: Progress[];
  readonly payloads: Map<string, string>;
  /** The same run at another step. */
  at(step: string): HandMade;
}

export interface Making {
  readonly engine: Engine;
  readonly run: string;
  readonly step?: string;
  readonly dryRun?: boolean;
  readonly keepRescue?: boolean;
  readonly limits?: Partial<Limits>;
}

export async function handMade(making: Making): Promise<HandMade> {
  await offered(making.engine.capabilities.lock).acquire();
  return contextAt(making, making.step ?? "step", { leases: [], told: [], payloads: new Map() });
}

interface Kept {
  readonly leases: LeaseState[];
  readonly told: Progress[];
  readonly payloads: Map<string, string>;
}

function contextAt(making: Making, step: string, kept: Kept): HandMade {
  const { engine, run } = making;
  const never = new AbortController().signal;
  const marker = () => offered(engine.capabilities.marker);
  const claim = (item: string): Claim => ({
    run,
    key: `${step}:${item}`,
    planDigest: "a".repeat(64),
    intentDigest: "b".repeat(64),
  });
  return {
    run,
    step,
    clock: systemClock,
    limits: limitsWith({ batchRows: 3, ...making.limits }),
    dryRun: making.dryRun ?? false,
    wishes: { keepRescue: making.keepRescue ?? false },
    pausing: never,
    signal: never,
    output: () => undefined,
    progress: (progress) => void kept.told.push(progress),
    capability: (name) =>
      offered<Partial<Capabilities>[typeof name]>(engine.capabilities[name]) as Capabilities[typeof name],
    markers: async (key) => marker().read(run, key ?? step),
    once: (item, work, prepare) => marker().once(claim(item), work, prepare),
    batches: async (item, work, prepare) => {
      for (;;) {
        const batch = await marker().advance(claim(item), work, prepare);
        if (batch.done) return batch;
      }
    },
    ...leaseDoors(engine, step, kept),
    payload: (what, bytes) => {
      const digest = sha256(bytes);
      kept.payloads.set(digest, Buffer.from(bytes).toString("utf8"));
      return { digest, bytes: bytes.length, what };
    },
    taken: kept.leases,
    told: kept.told,
    payloads: kept.payloads,
    at: (other) => contextAt(making, other, kept),
  };
}

type LeaseDoors = Pick<ActionContext, "leases" | "lease" | "changeLease" | "releaseLease" | "keepLease">;

function leaseDoors(engine: Engine, step: string, { leases }: Kept): LeaseDoors {
  const change = (id: string, to: (before: LeaseState) => LeaseState) => {
    const at = leases.findIndex((one) => one.lease.id === id);
    leases[at] = to(offered(leases[at]));
    return offered(leases[at]);
  };
  return {
    leases: () => leases.filter((one) => one.status === "intended" || one.status === "taken"),
    lease: async (part) => {
      const id = `L${leases.length + 1}`;
      leases.push({ lease: { ...part.lease, id, step }, status: "intended", facts: null });
      const facts = await part.take();
      return change(id, (before) => ({ ...before, status: "taken", facts }));
    },
    changeLease: (id, words, facts) =>
      void change(id, (before) => ({ ...before, lease: { ...before.lease, words }, facts })),
    releaseLease: async ({ lease }) => {
      await offered(engine.keepers[lease.kind]).release(lease);
      change(lease.id, (before) => ({ ...before, status: "released" }));
    },
    keepLease: ({ lease }, keptUntil) => void change(lease.id, (before) => ({ ...before, status: "kept", keptUntil })),
  };
}

/** Runs an action as a runner would, its parameters and its result through their shapes and through JSON. */
export async function runAction<R>(action: Action, ctx: HandMade, params: unknown): Promise<R> {
  const bound = action.params.parse(JSON.parse(JSON.stringify(params)));
  const result: unknown = await action.run(ctx, bound);
  return action.result.parse(JSON.parse(JSON.stringify(result))) as R;
}
