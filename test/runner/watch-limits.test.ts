import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRun } from "../../src/runner/open-session.ts";
import type { Session } from "../../src/runner/session.ts";
import { aLease, anAction, live, planOf, setKeeper, world } from "../support/runner.ts";

/** Looks each 5 ms in place of each 10 s; everything else takes its time. */
const hasty = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 10_000 ? 5 : ms, signal),
};

/** Two things are held, then a person is waited for. `over`: what the keeper says of the one named `log`. */
function scene(over: () => Promise<string | null>) {
  const there = new Set<string>();
  const choices = [{ value: "go", label: "Go on", details: [], tags: [], data: null }];
  const take = anAction("take", "read", async (ctx) => {
    for (const name of ["rows", "log"])
      await ctx.lease({ lease: aLease("pin", name), take: async () => (there.add(name), { at: 7 }) });
    return null;
  });
  const actions = [take, anAction("ask", "read", async () => null, { choices: () => choices })];
  const { parts, journal } = world({ clock: hasty });
  const keeper = { ...setKeeper(there), over: ({ name }: { name: string }) => (name === "log" ? over() : nothing()) };
  const plan = planOf(actions, "sandbox", { ask: { choose: "one" } });
  const session = openRun({ ...parts, actions, machineKeepers: { pin: keeper } }, plan, live);
  return { there, session, journal };
}

const nothing = () => Promise.resolve(null);
const until = (session: Session, done: () => boolean) =>
  new Promise<void>((resolve) => {
    const look = () => done() && resolve();
    session.subscribe(look);
    look();
  });
const asked = (session: Session) => until(session, () => session.state.question !== null);

describe("while an answer is waited for", () => {
  test("what has come to its limit is given back with the reason, and what has not stays", async () => {
    let isFull = false;
    const { there, session } = scene(() => Promise.resolve(isFull ? "It kept more than it may." : null));
    await asked(session);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([...there]).toEqual(["rows", "log"]);
    isFull = true;
    await until(session, () => session.state.leases.some(({ status }) => status === "released"));
    expect([...there]).toEqual(["rows"]);
    expect(session.state.leases.map(({ lease, status }) => [lease.name, status])).toEqual([
      ["rows", "taken"],
      ["log", "released"],
    ]);
    expect(session.state.leases[1]?.lease.words).toBe("It kept more than it may.");
    expect(session.state.question?.kind).toBe("choice");
    session.answer(session.state.question?.id ?? "", { kind: "choose", value: "go" });
    await session.ended;
  });

  test("a look that fails ends nothing: the question stays, and is answered", async () => {
    let looks = 0;
    const { there, session } = scene(() => ((looks += 1), Promise.reject(new Error("the connection is gone"))));
    await asked(session);
    while (looks < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([...there]).toEqual(["rows", "log"]);
    session.answer(session.state.question?.id ?? "", { kind: "choose", value: "go" });
    await session.ended;
    expect(session.state.steps.map(({ status }) => status)).toEqual(["done", "done"]);
  });
});
