import { describe, expect, test } from "vitest";
import type { Action } from "../../src/actions/action.ts";
import { Fault } from "../../src/core/errors.ts";
import type { ChoiceQuestion, Question } from "../../src/core/question.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { Choice } from "../../src/core/step.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import type { RunnerParts } from "../../src/runner/parts.ts";
import type { Session } from "../../src/runner/session.ts";
import { aLease, anAction, answering, live, planOf, setKeeper, world, yes } from "../support/runner.ts";

interface Way {
  readonly name: string;
  readonly closed?: string;
}

const headless = { ...live, interactive: false, yesSandbox: true };
const wishing = (path: string) => ({ ...headless, wishes: { choices: { path }, keepRescue: false } });

/** A hold, then a survey of ways of which one is closed until the operator opens it, then a write that takes what was chosen. */
function surveying() {
  const { parts, journal, ledger } = world();
  const scene = { open: false, looks: 0, fails: false };
  const pins = new Set<string>();
  const freeze = anAction("freeze", "hold", async (ctx) => {
    await ctx.lease({ lease: aLease("pin", "rows"), take: async () => (pins.add("rows"), null) });
    return null;
  });
  const path = anAction(
    "path",
    "read",
    async () => {
      scene.looks += 1;
      if (scene.fails) throw new Fault("HF-PATHS-CLOSED", "No way back is open.");
      const pages: Way = scene.open ? { name: "pages" } : { name: "pages", closed: "It opens with: CREATE EXTENSION." };
      return [pages, { name: "log" }] as never;
    },
    {
      choices: (ways: readonly Way[]): readonly Choice[] =>
        ways.map(({ name, closed }) => ({
          value: name,
          label: `read the ${name}`,
          details: [],
          ...(closed === undefined ? {} : { disabled: closed }),
          tags: [],
          data: { name, look: scene.looks },
        })),
    },
  );
  const rescue = anAction("rescue", "read", async () => (ledger.push("rescued"), null));
  const release = anAction("release", "hold", async (ctx) => {
    for (const lease of ctx.leases()) await ctx.releaseLease(lease);
    return null;
  });
  const actions: readonly Action[] = [freeze, path, rescue, release];
  const all: RunnerParts = { ...parts, actions, machineKeepers: { pin: setKeeper(pins) } };
  const plan = planOf(actions, "sandbox", { path: { choose: "one" } });
  const outcomes = ({ run }: Session) =>
    journal
      .read(run)
      .flatMap(({ event }) =>
        event.kind === "step.ended" && event.step === "path" ? [`${event.attempt} ${event.outcome}`] : [],
      );
  return { parts: all, plan, scene, ledger, outcomes, journal };
}

describe("a choice that was closed when an earlier process looked", () => {
  test("is looked at once more where a resume wishes for it, and taken from what is found then", async () => {
    const { parts, plan, scene, outcomes, ledger } = surveying();
    const session = openRun(parts, plan, wishing("pages"));
    const refused = await session.ended;
    expect([refused.fault?.code, refused.state.status, scene.looks]).toEqual(["HF-CHOICE-INVALID", "paused", 1]);
    scene.open = true;
    const end = await resumeRun(parts, session.run, wishing("pages")).ended;
    expect([end.exit, scene.looks, ledger]).toEqual(["ok", 2, ["rescued"]]);
    expect(stepOf(end.state, "path").choice).toMatchObject({ value: "pages", data: { look: 2 } });
    expect(outcomes(session)).toEqual(["1 done", "2 done"]);
  });

  test("is looked at once in a process, and refused by what was found then", async () => {
    const { parts, plan, scene, outcomes } = surveying();
    const session = openRun(parts, plan, headless);
    expect((await session.ended).fault?.code).toBe("HF-NEEDS-CHOICE");
    const end = await resumeRun(parts, session.run, wishing("pages")).ended;
    expect([end.fault?.code, end.state.status, scene.looks]).toEqual(["HF-CHOICE-INVALID", "paused", 2]);
    expect(outcomes(session)).toEqual(["1 done", "2 done"]);
  });

  test("costs no second look where the choice that is wished for is open", async () => {
    const { parts, plan, scene } = surveying();
    const session = openRun(parts, plan, headless);
    await session.ended;
    expect((await resumeRun(parts, session.run, wishing("log")).ended).exit).toBe("ok");
    expect(scene.looks).toBe(1);
  });

  test("may be asked for by a person in a resumed run, and is asked about again with what was found then", async () => {
    const { parts, plan, scene } = surveying();
    const session = openRun(parts, plan, headless);
    await session.ended;
    scene.open = true;
    const asked: ChoiceQuestion[] = [];
    const pages = (question: Question) => {
      if (question.kind !== "choice") return yes(question);
      asked.push(question);
      return { kind: "choose", value: "pages" } as const;
    };
    const end = await answering(resumeRun(parts, session.run, live), pages).ended;
    expect([end.exit, scene.looks]).toEqual(["ok", 2]);
    expect(asked.map(({ looksAnew, choices }) => [looksAnew ?? false, choices[0]?.disabled !== undefined])).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(stepOf(end.state, "path").choice).toMatchObject({ value: "pages", data: { look: 2 } });
  });

  test("that stays closed is asked about again, and is then no choice", async () => {
    const { parts, plan, scene } = surveying();
    const session = openRun(parts, plan, headless);
    await session.ended;
    const asked: ChoiceQuestion[] = [];
    const stubborn = (question: Question) => {
      if (question.kind !== "choice") return yes(question);
      asked.push(question);
      return { kind: "choose", value: asked.length < 3 ? "pages" : "log" } as const;
    };
    const end = await answering(resumeRun(parts, session.run, live), stubborn).ended;
    expect([end.exit, scene.looks, asked.map(({ looksAnew }) => looksAnew ?? false)]).toEqual([
      "ok",
      2,
      [true, false, false],
    ]);
    expect(asked[0]?.facts).toMatchObject([{ label: "not possible" }]);
    expect(asked[1]?.facts).toEqual([]);
  });

  test("is not offered for a second look by the process that looked", async () => {
    const { parts, plan, scene } = surveying();
    const asked: (true | undefined)[] = [];
    const end = await answering(openRun(parts, plan, live), (question) => {
      if (question.kind === "choice") asked.push(question.looksAnew);
      return question.kind === "choice" && asked.length === 1 ? { kind: "choose", value: "pages" } : yes(question);
    }).ended;
    expect([end.exit, scene.looks, asked]).toEqual(["ok", 1, [undefined, undefined]]);
  });
});

describe("a wish that can't be had", () => {
  test("leaves the run open for a person, says that it may be wished for again, and offers only what is open", async () => {
    const { parts, plan } = surveying();
    const { fault, exit, state } = await openRun(parts, plan, wishing("pages")).ended;
    expect([exit, state.status, fault?.next]).toEqual(["needs-person", "paused", ["--choose path=log"]]);
    expect(fault?.choices).toEqual({ step: "path", open: [{ value: "log", label: "read the log" }] });
    expect(fault?.hint).toContain("resume with the same one: it is looked at anew");
    const strange = await openRun(parts, plan, wishing("stars")).ended;
    expect([strange.exit, strange.fault?.hint]).toEqual(["needs-person", "Resume with one of these."]);
  });

  test("is a question where somebody can be asked, with the reason", async () => {
    const { parts, plan } = surveying();
    const facts: string[] = [];
    const session = openRun(parts, plan, { ...wishing("pages"), interactive: true });
    const end = await answering(session, (question) => {
      if (question.kind !== "choice") return yes(question);
      facts.push(...question.facts.map(({ text }) => text));
      return { kind: "choose", value: "log" };
    }).ended;
    expect([end.exit, facts]).toEqual(["ok", ["--choose path=pages: It opens with: CREATE EXTENSION."]]);
  });

  test("of a dry run, which holds nothing and is over, is a wrong input", async () => {
    const { parts, plan } = surveying();
    const { exit, state, fault } = await openRun(parts, plan, { ...wishing("pages"), purpose: "dry-run" }).ended;
    expect([exit, state.status, fault?.hint]).toEqual(["input", "abandoned", "Start it again with one of these."]);
  });
});

test("a run whose ways were all closed looks at them anew when it is resumed", async () => {
  const { parts, plan, scene, outcomes } = surveying();
  scene.fails = true;
  const session = openRun(parts, plan, wishing("pages"));
  const closed = await session.ended;
  expect([closed.fault?.code, closed.state.status]).toEqual(["HF-PATHS-CLOSED", "paused"]);
  Object.assign(scene, { fails: false, open: true });
  expect((await resumeRun(parts, session.run, headless).ended).exit).toBe("ok");
  expect(outcomes(session)).toEqual(["1 failed", "2 done"]);
});

test("a second look that finds every way closed is a failure of its own, and the result of the first is gone", async () => {
  const { parts, plan, scene, outcomes } = surveying();
  const session = openRun(parts, plan, wishing("pages"));
  await session.ended;
  scene.fails = true;
  const end = await resumeRun(parts, session.run, headless).ended;
  expect([end.fault?.code, stepOf(end.state, "path").result]).toEqual(["HF-PATHS-CLOSED", undefined]);
  expect(outcomes(session)).toEqual(["1 done", "2 failed"]);
});

test("a process that is killed while it looks anew leaves a step that the next one looks at again", async () => {
  const { parts, plan, scene, outcomes } = surveying();
  const session = openRun(parts, plan, wishing("pages"));
  await session.ended;
  scene.open = true;
  const reached = (name: string) => {
    if (name === "step.intended:path") throw new Error("killed");
  };
  const cut = await resumeRun({ ...parts, reached }, session.run, headless).ended;
  expect([cut.exit, stepOf(cut.state, "path").status]).toEqual(["bug", "unknown"]);
  const end = await resumeRun(parts, session.run, headless).ended;
  expect([end.exit, outcomes(session)]).toEqual(["ok", ["1 done", "3 done"]]);
});
