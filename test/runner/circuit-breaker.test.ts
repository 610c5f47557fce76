import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { Fault } from "../../src/core/errors.ts";
import type { FailureQuestion } from "../../src/core/question.ts";
import type { ConnectRequest, Engine, EngineFactory } from "../../src/engines/engine.ts";
import { endSession } from "../../src/engines/memory/connection.ts";
import { breakerFailures, breakerRestMs, withCircuitBreaker } from "../../src/runner/circuit-breaker.ts";
import { openRun } from "../../src/runner/open-session.ts";
import { anAction, answering, live, planOf, world, yes } from "../support/runner.ts";

const began = Date.UTC(2026, 10, 21, 3, 15, 0);

/** Time stands still until a test moves it; the wall clock can be set apart from the one that never runs backwards. */
function stillClock() {
  let ms = 0;
  let leap = 0;
  const clock: Clock = {
    now: () => began + ms + leap,
    monotonic: () => ms,
    sleep: (_ms, signal) => new Promise((done) => signal?.addEventListener("abort", () => done())),
  };
  return { clock, pass: (more: number) => void (ms += more), leap: (more: number) => void (leap += more) };
}

const refused = () =>
  new Fault("HF-CONNECT-UNREACHABLE", "the server can't be reached", {
    cause: "connect ECONNREFUSED",
    hint: "Check that it runs.",
    exit: "unreachable",
  });

/** A breaker before an engine that answers as the test says, and counts what reached it. */
function scene() {
  const time = stillClock();
  const attempts: string[] = [];
  let answer: () => Promise<Engine> = () => Promise.reject(refused());
  const factory: EngineFactory = {
    engine: "memory",
    offers: [],
    keeps: [],
    connect: ({ target }) => {
      attempts.push(target.name);
      return answer();
    },
  };
  const guarded = withCircuitBreaker(factory, time.clock);
  const connect = (name = "shop") => guarded.connect({ target: { name } } as ConnectRequest);
  const fail = async (name?: string) => {
    const error = await connect(name).catch((caught: unknown) => caught);
    return error instanceof Fault ? error.record : null;
  };
  const failAll = async (times: number) => {
    for (let nth = 0; nth < times; nth += 1) await fail();
  };
  return { ...time, attempts, guarded, connect, fail, failAll, answers: (by: typeof answer) => void (answer = by) };
}

const engine = {} as Engine;

describe("after five attempts in a row that failed", () => {
  test("no other goes out for 60 s, and who asks is told since when, why, and when it tries again", async () => {
    const { attempts, fail, failAll, pass } = scene();
    await fail();
    pass(10_000);
    await failAll(breakerFailures - 1);
    expect(attempts.length).toBe(breakerFailures);
    pass(breakerRestMs - 1);
    expect(await fail()).toEqual({
      code: "HF-CONNECT-RESTING",
      message:
        "shop is left alone until 2026-11-21T03:16:10Z: 5 attempts in a row to connect failed since 2026-11-21T03:15:00Z",
      cause: "HF-CONNECT-UNREACHABLE the server can't be reached (connect ECONNREFUSED)",
      still: "No attempt went out just now.",
      hint: "Mend what the cause says meanwhile; the first attempt after that time goes out.",
      retryAt: began + 70_000,
      after: "none",
      exit: "unreachable",
    });
    expect(attempts.length).toBe(breakerFailures);
  });

  test("the fifth says in its own words that the next one waits; the fourth does not", async () => {
    const { fail, failAll } = scene();
    await failAll(breakerFailures - 2);
    expect((await fail())?.retryAt).toBeUndefined();
    expect(await fail()).toMatchObject({
      code: "HF-CONNECT-UNREACHABLE",
      hint: "Check that it runs. 5 attempts in a row failed: the next goes out at 2026-11-21T03:16:00Z at the earliest.",
      retryAt: began + breakerRestMs,
    });
  });

  test("one attempt is let through after the rest, and only one: success closes the circuit", async () => {
    const { attempts, connect, fail, failAll, pass, answers } = scene();
    await failAll(breakerFailures);
    pass(breakerRestMs);
    let arrive: (engine: Engine) => void = () => undefined;
    answers(() => new Promise((done) => (arrive = done)));
    const through = connect();
    expect((await fail())?.code).toBe("HF-CONNECT-RESTING");
    expect(attempts.length).toBe(breakerFailures + 1);
    arrive(engine);
    expect(await through).toBe(engine);
    answers(() => Promise.reject(refused()));
    await failAll(breakerFailures);
    expect(attempts.length).toBe(2 * breakerFailures + 1);
  });

  test("an attempt let through that fails begins the rest anew, and the first failure stays told", async () => {
    const { attempts, fail, failAll, pass } = scene();
    await failAll(breakerFailures);
    pass(breakerRestMs);
    expect(await fail()).toMatchObject({ code: "HF-CONNECT-UNREACHABLE", retryAt: began + 2 * breakerRestMs });
    expect((await fail())?.message).toContain("6 attempts in a row to connect failed since 2026-11-21T03:15:00Z");
    expect(attempts.length).toBe(breakerFailures + 1);
  });

  test("an attempt let through that ends by a fault of the request lets the next one through", async () => {
    const { attempts, fail, failAll, pass, answers } = scene();
    await failAll(breakerFailures);
    pass(breakerRestMs);
    answers(() => Promise.reject(new Fault("HF-CONNECT-DATABASE", "no such database", { exit: "input" })));
    expect((await fail())?.code).toBe("HF-CONNECT-DATABASE");
    expect((await fail())?.code).toBe("HF-CONNECT-DATABASE");
    expect(attempts.length).toBe(breakerFailures + 2);
  });

  test("a wall clock that is set does not shorten the rest", async () => {
    const { fail, failAll, leap } = scene();
    await failAll(breakerFailures);
    leap(3_600_000);
    expect((await fail())?.code).toBe("HF-CONNECT-RESTING");
  });
});

describe("what does not open the circuit", () => {
  test("failures with a success between them", async () => {
    const { attempts, connect, failAll, answers } = scene();
    await failAll(breakerFailures - 1);
    answers(async () => engine);
    await connect();
    answers(() => Promise.reject(refused()));
    await failAll(breakerFailures - 1);
    expect(attempts.length).toBe(2 * breakerFailures - 1);
  });

  test("faults of the request, and bugs", async () => {
    const { attempts, failAll, answers } = scene();
    answers(() => Promise.reject(new Fault("HF-CONNECT-URL", "can't be read", { exit: "input" })));
    await failAll(breakerFailures);
    answers(() => Promise.reject(new Error("a bug")));
    await failAll(breakerFailures);
    expect(attempts.length).toBe(2 * breakerFailures);
  });

  test("another target's failures", async () => {
    const { fail, failAll } = scene();
    await failAll(breakerFailures);
    expect((await fail("standby"))?.code).toBe("HF-CONNECT-UNREACHABLE");
  });
});

test("a run that lost its connection tries through the breaker, and its question says when the next try may go out", async () => {
  const { clock, pass } = stillClock();
  const { parts, server } = world({ clock });
  let isDown = false;
  const factory: EngineFactory = {
    engine: "memory",
    offers: [],
    keeps: [],
    connect: ({ target, session }) => (isDown ? Promise.reject(refused()) : parts.connect(target, session.run)),
  };
  const guarded = withCircuitBreaker(factory, clock);
  const cut = anAction("look", "read", async (ctx) => {
    if (!isDown && asked.length === 0) {
      isDown = true;
      server.change((state) => Object.keys(state.sessions).forEach((id) => endSession(state, id)));
    }
    return (await ctx.capability("marker").read(ctx.run, "look")).length;
  });
  const asked: FailureQuestion[] = [];
  const actions = [cut];
  const connect: typeof parts.connect = (target, run) =>
    guarded.connect({ target, session: { run, person: "" } } as ConnectRequest);
  const session = answering(openRun({ ...parts, actions, connect }, planOf(actions, "sandbox"), live), (question) => {
    if (question.kind !== "failure") return yes(question);
    asked.push(question);
    if (asked.length === breakerFailures + 2) {
      isDown = false;
      pass(breakerRestMs);
    }
    return { kind: "act", act: "retry" };
  });
  expect((await session.ended).exit).toBe("ok");
  const tries = asked.map(({ facts }) => facts.find(({ label }) => label === "next try")?.text);
  const waits = "not before 2026-11-21T03:16:00Z";
  expect(tries).toEqual([...Array<undefined>(breakerFailures).fill(undefined), waits, waits]);
  expect(asked.at(-1)?.facts[0]?.text).toBe("HF-CONNECT-RESTING");
});
