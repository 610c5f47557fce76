import { type Clock, utc } from "../core/clock.ts";
import { Fault, type FaultRecord } from "../core/errors.ts";
import type { Engine, EngineFactory } from "../engines/engine.ts";

/** So many attempts in a row, and then none for so long: a server that struggles, or counts wrong passwords, is left alone. */
export const breakerFailures = 5;
export const breakerRestMs = 60_000;

/**
 * The same engine, with a circuit breaker for each target before its connections. After five failed attempts in a row none goes out for
 * 60 s; who asks meanwhile gets `HF-CONNECT-RESTING` (exit `unreachable`), which says since when, why, and when it tries again. Then one
 * attempt is let through: what becomes of it closes the circuit, or lets the target rest again. Only what the target did not answer, or
 * refused at the door, counts. State lives as long as what is returned.
 */
export function withCircuitBreaker(factory: EngineFactory, clock: Clock): EngineFactory {
  const circuits = new Map<string, Circuit>();
  return {
    ...factory,
    connect: async (request) => {
      const { name } = request.target;
      const before = circuits.get(name) ?? closed;
      if (isOpen(before)) circuits.set(name, letThrough(before, name, clock));
      try {
        const engine: Engine = await factory.connect(request);
        circuits.delete(name);
        return engine;
      } catch (error) {
        const now = circuits.get(name) ?? closed;
        const after = counts(error) ? failed(now, error.record, clock) : { ...now, trying: false };
        circuits.set(name, after);
        throw counts(error) && isOpen(after) ? lastOfMany(error, after) : error;
      }
    },
  };
}

interface Circuit {
  readonly failures: number;
  /** UTC, milliseconds: the first failure of those in a row, and the end of the rest. */
  readonly since: number;
  readonly retryAt: number;
  /** Never runs backwards; the wait is measured by it, the times that are shown are not. */
  readonly restsUntil: number;
  readonly why: FaultRecord | null;
  /** The one attempt after a rest is under way. */
  readonly trying: boolean;
}

const closed: Circuit = { failures: 0, since: 0, retryAt: 0, restsUntil: 0, why: null, trying: false };

function isOpen({ failures }: Circuit): boolean {
  return failures >= breakerFailures;
}

function letThrough(circuit: Circuit, target: string, clock: Clock): Circuit {
  if (circuit.trying || clock.monotonic() < circuit.restsUntil) throw resting(circuit, target);
  return { ...circuit, trying: true };
}

/** A fault of the request (its URL, its database's name) says nothing of the target's health. */
function counts(error: unknown): error is Fault {
  return error instanceof Fault && error.record.exit === "unreachable";
}

function failed(before: Circuit, why: FaultRecord, clock: Clock): Circuit {
  return {
    failures: before.failures + 1,
    since: before.failures === 0 ? clock.now() : before.since,
    retryAt: clock.now() + breakerRestMs,
    restsUntil: clock.monotonic() + breakerRestMs,
    why,
    trying: false,
  };
}

function resting({ failures, since, retryAt, why }: Circuit, target: string): Fault {
  const message = `${target} is left alone until ${utc(retryAt)}: ${failures} attempts in a row to connect failed since ${utc(since)}`;
  return new Fault("HF-CONNECT-RESTING", message, {
    ...(why === null ? {} : { cause: causeOf(why) }),
    still: "No attempt went out just now.",
    hint: "Mend what the cause says meanwhile; the first attempt after that time goes out.",
    retryAt,
    exit: "unreachable",
  });
}

function causeOf({ code, message, cause }: FaultRecord): string {
  return `${code} ${message}${cause === undefined ? "" : ` (${cause})`}`;
}

/** The attempt that opened the circuit speaks for itself, and says that the next one waits. */
function lastOfMany(error: Fault, { failures, retryAt }: Circuit): Fault {
  const { code, message, hint, ...record } = error.record;
  const waits = `${failures} attempts in a row failed: the next goes out at ${utc(retryAt)} at the earliest.`;
  return new Fault(code, message, { ...record, hint: hint === undefined ? waits : `${hint} ${waits}`, retryAt });
}
