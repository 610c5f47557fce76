import { describe, expect, test } from "vitest";
import { confirmationWay, typedDiffers, withinTolerance } from "../../src/runner/confirm.ts";
import { openRun } from "../../src/runner/open-session.ts";
import { systemClock } from "../../src/core/clock.ts";
import { Fault } from "../../src/core/errors.ts";
import type { Answer, Question } from "../../src/core/question.ts";
import type { Action } from "../../src/actions/action.ts";
import { answering, anAction, live, planOf, world, yes } from "../support/runner.ts";
import { aStep } from "../support/runs.ts";

describe("what an effect asks for", () => {
  const step = aStep("merge", { action: "merge-rows" });
  const way = (effect: "hold" | "write" | "destroy", environment: "production" | "staging" | "sandbox") =>
    confirmationWay(effect, environment, step, "shop");
  test("a hold asks for g in every environment", () => {
    for (const environment of ["production", "staging", "sandbox"] as const)
      expect(way("hold", environment)).toEqual({ kind: "go" });
  });
  test("a write asks for g, the verb or the name, by environment", () => {
    expect(way("write", "sandbox")).toEqual({ kind: "go" });
    expect(way("write", "staging")).toEqual({ kind: "type", phrase: "merge" });
    expect(way("write", "production")).toEqual({ kind: "type", phrase: "shop" });
  });
  test("a destroy asks for the name everywhere", () => {
    for (const environment of ["production", "staging", "sandbox"] as const) {
      expect(way("destroy", environment)).toEqual({ kind: "type", phrase: "shop" });
    }
  });
});

describe("what was typed", () => {
  const differs = (text: string, pasted = false) => typedDiffers({ kind: "typed", text, pasted }, "production/shop");
  test("confirms only when it is the phrase to the letter, typed by hand", () => {
    expect(differs("production/shop")).toBeNull();
    expect(differs("production/shop", true)).toContain("pasted");
    expect(differs("")).toContain("nothing");
    expect(differs("production/shop ")).toContain("blanks");
    expect(differs("Production/Shop")).toContain("case");
    expect(differs("shop")).toContain("environment");
    expect(differs("staging/shop")).toContain("another name");
  });
  test("is never repeated in the words about it", () => expect(differs("my-password")).not.toContain("my-password"));
});

test("a preview holds while its counts stay within the tolerance, and not when a count appears", () => {
  const preview = (counts: Record<string, number>) => ({ summary: "", lines: [], counts });
  expect(withinTolerance(preview({ insert: 100 }), preview({ insert: 100 }), 0)).toBe(true);
  expect(withinTolerance(preview({ insert: 100 }), preview({ insert: 101 }), 0)).toBe(false);
  expect(withinTolerance(preview({ insert: 100 }), preview({ insert: 101 }), 0.01)).toBe(true);
  expect(withinTolerance(preview({ insert: 100 }), preview({ insert: 100, remove: 1 }), 0.5)).toBe(false);
});

describe("a confirmation in a run", () => {
  const merge = (ledger: string[], more: Partial<Action> = {}) =>
    anAction("merge-rows", "write", async () => (ledger.push("merged"), null), more);

  test("in production is asked exactly once, by the name, and the write runs after it", async () => {
    const { parts, ledger } = world();
    const actions = [merge(ledger)];
    const asked: Question[] = [];
    const session = answering(
      openRun({ ...parts, actions }, planOf(actions, "production"), live),
      (question) => (asked.push(question), yes(question)),
    );
    expect((await session.ended).exit).toBe("ok");
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ kind: "confirm", way: { kind: "type", phrase: "shop" } });
    expect(ledger).toEqual(["merged"]);
  });

  test.each<[string, Answer]>([
    ["a wrong name", { kind: "typed", text: "shop2", pasted: false }],
    ["an empty line", { kind: "typed", text: "", pasted: false }],
    ["a pasted name", { kind: "typed", text: "shop", pasted: true }],
    ["the key g", { kind: "go" }],
  ])(
    "%s does not confirm; after three the run pauses with nothing written, and no typed text in its journal",
    async (_what, answer) => {
      const { parts, ledger, journal } = world();
      const actions = [merge(ledger)];
      const session = answering(openRun({ ...parts, actions }, planOf(actions, "production"), live), () => answer);
      const end = await session.ended;
      expect(end.exit).toBe("paused");
      expect(ledger).toEqual([]);
      const misses = journal.read(session.run).filter(({ event }) => event.kind === "question.answered");
      expect(misses).toHaveLength(3);
      expect(JSON.stringify(misses)).not.toContain("shop2");
    },
  );

  test("lapses when the counts change between preview and answer: it is looked at again, asked again, and then holds", async () => {
    const { parts, ledger, journal } = world();
    let count = 5;
    const actions = [merge(ledger, { preview: async () => ({ summary: "", lines: [], counts: { rows: count } }) })];
    const shown: (number | undefined)[] = [];
    const session = answering(openRun({ ...parts, actions }, planOf(actions, "production"), live), (question) => {
      if (question.kind === "confirm") shown.push(question.previews[0]?.preview.counts["rows"]);
      if (shown.length === 1) count = 6;
      return yes(question);
    });
    expect((await session.ended).exit).toBe("ok");
    expect([shown, ledger]).toEqual([[5, 6], ["merged"]]);
    const answers = journal
      .read(session.run)
      .flatMap(({ event }) => (event.kind === "question.answered" ? [event.answered.kind] : []));
    expect(answers).toEqual(["lapsed", "confirmed"]);
  });

  test("can't be given where the recount fails", async () => {
    const { parts, ledger, journal } = world();
    let looks = 0;
    const preview = async () => {
      looks += 1;
      if (looks > 1) throw new Fault("HF-TEST", "the server is gone");
      return { summary: "", lines: [], counts: { rows: 5 } };
    };
    const actions = [merge(ledger, { preview })];
    const session = answering(openRun({ ...parts, actions }, planOf(actions, "production"), live), (question) =>
      question.kind === "failure" ? { kind: "act", act: "leave" } : yes(question),
    );
    expect((await session.ended).exit).toBe("paused");
    expect(ledger).toEqual([]);
    const answers = journal
      .read(session.run)
      .flatMap(({ event }) => (event.kind === "question.answered" ? [event.answered] : []));
    expect(answers).toEqual([
      { kind: "lapsed", why: "the counts could not be looked at again" },
      { kind: "acted", act: "leave" },
    ]);
  });

  test("does not outlive two minutes in which nothing was done with it", async () => {
    let minutes = 0;
    const clock = { ...systemClock, monotonic: () => minutes * 60_000 };
    const { parts, ledger } = world({ clock });
    const first = anAction("prepare", "hold", async () => (ledger.push("prepare"), null));
    const second = merge(ledger);
    const plan = planOf([first, second], "production", { prepare: { group: "a" }, "merge-rows": { group: "a" } });
    const asked: string[] = [];
    const slow = { ...second, check: async () => ((minutes += 3), []) };
    const session = answering(openRun({ ...parts, actions: [first, slow] }, plan, live), (question) => {
      asked.push(question.step);
      return yes(question);
    });
    expect((await session.ended).exit).toBe("ok");
    expect(asked).toEqual(["prepare", "merge-rows"]);
  });

  test("neighbours of one group are confirmed with the first, on what it expects to leave behind", async () => {
    const { parts, ledger } = world();
    const first = anAction("prepare", "hold", async () => (ledger.push("prepare"), { rows: 7 }), {
      preview: async () => ({ summary: "", lines: [], counts: {}, expects: { rows: 7 } }),
    });
    const second = anAction("rescue", "hold", async () => (ledger.push("rescue"), null));
    const actions = [first, second];
    const asked: Question[] = [];
    const plan = planOf(actions, "production", { prepare: { group: "a" }, rescue: { group: "a" } });
    const session = answering(
      openRun({ ...parts, actions }, plan, live),
      (question) => (asked.push(question), yes(question)),
    );
    expect((await session.ended).exit).toBe("ok");
    expect(asked.map((question) => question.kind === "confirm" && question.covers)).toEqual([["prepare", "rescue"]]);
    expect(ledger).toEqual(["prepare", "rescue"]);
  });

  test("headless in production stops at the first hold with its own exit, and the run can be taken up", async () => {
    const { parts, ledger } = world();
    const actions = [anAction("freeze", "hold", async () => (ledger.push("froze"), null))];
    const end = await openRun({ ...parts, actions }, planOf(actions, "production"), {
      ...live,
      interactive: false,
      yesSandbox: true,
    }).ended;
    expect(end.exit).toBe("needs-person");
    expect(end.state.status).toBe("paused");
    expect(ledger).toEqual([]);
  });

  test("--yes-sandbox answers in a sandbox, and the journal says who did", async () => {
    const { parts, ledger, journal } = world();
    const actions = [merge(ledger)];
    const session = openRun({ ...parts, actions }, planOf(actions, "sandbox"), {
      ...live,
      interactive: false,
      yesSandbox: true,
    });
    expect((await session.ended).exit).toBe("ok");
    const answers = journal
      .read(session.run)
      .flatMap(({ event }) => (event.kind === "question.answered" ? [event.by] : []));
    expect(answers).toEqual(["--yes-sandbox"]);
    expect(ledger).toEqual(["merged"]);
  });
});
