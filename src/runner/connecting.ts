import { Fault } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import { compareIdentity, type Role, type TargetIdentity } from "../core/target.ts";
import type { Engine } from "../engines/engine.ts";
import { type Driver, isDryRun } from "./driver.ts";

/** Connect, prove that it is the same server, take the target lock, fence off what an earlier process left: before anything else. */
export async function reachTargets(driver: Driver, after: Before = "process"): Promise<void> {
  for (const [role, target] of Object.entries(driver.log.state.plan.targets)) {
    const engine = await driver.parts.connect(target, driver.log.state.run);
    const identified = await identify(driver, role, engine).catch(async (error: unknown) => {
      await engine.close();
      throw error;
    });
    // Only a server that was proved to be the run's own may be asked for its leases.
    driver.engines.set(role, engine);
    driver.log.append(identified);
    if (isDryRun(driver)) continue;
    await lockTarget(driver, engine);
    await fence(driver, engine, after);
  }
}

/** Whose statement may still be running there. */
type Before = "process" | "connection";

/**
 * After a lost connection: what is left of it is dropped, and the targets are reached as a resume reaches them. Nothing that was
 * confirmed over the old one counts.
 */
export async function reachAnew(driver: Driver): Promise<void> {
  driver.confirmed.clear();
  await leaveTargets(driver);
  await reachTargets(driver, "connection");
}

/** Every target answers, and its lock is ours. */
export async function isReached(driver: Driver): Promise<boolean> {
  if (driver.engines.size === 0) return false;
  try {
    for (const engine of driver.engines.values()) await engine.capabilities.lock?.assertHeld();
    return true;
  } catch {
    return false; // why not is told by the attempt to reach them anew
  }
}

export async function leaveTargets(driver: Driver): Promise<void> {
  for (const engine of driver.engines.values()) {
    await engine.capabilities.lock?.release().catch(() => undefined); // the session's end releases it too
    await engine.close();
  }
  driver.engines.clear();
}

async function identify(driver: Driver, role: Role, engine: Engine): Promise<RunEvent> {
  const identity = await engine.identity();
  const before = driver.log.state.identities[role];
  if (before) proveSame(before, identity);
  return { kind: "target.identified", role, identity };
}

function proveSame(before: TargetIdentity, now: TargetIdentity): void {
  const verdict = compareIdentity(before, now);
  if (verdict.kind === "same") return;
  const differs = verdict.differs.join(", ");
  if (verdict.kind === "other") {
    throw new Fault("HF-TARGET-OTHER", `this is another server than the one the run began on (${differs} differ)`, {
      exit: "wrong-target",
      still: "Nothing was done on it. What the run holds is on the first server.",
      cause: `began on ${before.words}; reached ${now.words}`,
      hint: "Point the target's url at the first server, then resume.",
    });
  }
  throw new Fault(
    "HF-TARGET-MOVED",
    `the same server answers at another place (${differs} differ): it may be a copy or a failover`,
    {
      exit: "wrong-target",
      still: "Nothing was done on it.",
      cause: `began on ${before.words}; reached ${now.words}`,
      hint: "If it is a copy, point the url at the first server and resume. If it moved for good, give back by hand what the run holds (holdfast journal show lists it) and begin anew.",
    },
  );
}

async function lockTarget(driver: Driver, engine: Engine): Promise<void> {
  const { lock } = engine.capabilities;
  if (!lock) return;
  const state = await lock.acquire();
  if (state.kind === "held") return;
  const orphans = await lock.orphans(driver.log.state.run);
  if (orphans.length > 0) {
    await lock.endOrphans(driver.log.state.run);
    if ((await lock.acquire()).kind === "held") return;
  }
  throw new Fault("HF-TARGET-BUSY", `another run holds this target: ${state.holder}`, {
    exit: "busy",
    still: "Nothing was begun.",
    hint: "Wait until that run has ended, or ask its operator.",
  });
}

/** A statement of the killed process, or of the lost connection, may still be running on the server: nothing is settled before it is gone. */
async function fence(driver: Driver, engine: Engine, after: Before): Promise<void> {
  const { lock } = engine.capabilities;
  if (!lock || (after === "process" && driver.log.state.resumes === 0)) return;
  const orphans = await lock.orphans(driver.log.state.run);
  const ended = orphans.length > 0 ? await lock.endOrphans(driver.log.state.run) : 0;
  const reason = ended === 0 ? `no session of an earlier ${after} is left` : `${ended} of an earlier ${after} ended`;
  driver.log.append({ kind: "guard.judged", step: null, guard: "fence", verdict: "allow", reason });
}
