import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Action } from "../../src/actions/action.ts";
import type { RunEvent } from "../../src/core/event.ts";
import type { Json } from "../../src/core/json.ts";
import type { PlannedStep } from "../../src/core/plan.ts";
import type { Question } from "../../src/core/question.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { RunnerParts } from "../../src/runner/parts.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import { anAction, answering, live, planOf, world, yes } from "../support/runner.ts";

const names = ["public.a", "public.b", "public.c"];

/** A list, an effect for each item of it in two batches, and a step that looks at what came of them. */
function scene(list: Json = names, changes: Partial<PlannedStep> = {}, more: Partial<Action> = {}) {
  const committed: string[] = [];
  const pending: string[] = [];
  const seen: Json[] = [];
  const params = z.looseObject({ table: z.string() });
  const actions = [
    anAction("prepare", "hold", async (ctx) => (await ctx.capability("marker").create(), null)),
    anAction("find", "read", async () => ({ list })),
    anAction(
      "merge",
      "write",
      async (ctx, { table }: { table: string } = { table: "?" }) => {
        const batch = await ctx.batches("rows", async (_tx, before) => {
          const nth = ((before?.cursor as number | undefined) ?? 0) + 1;
          pending.push(`${table} ${nth}`);
          return { cursor: nth, done: nth === 2, result: { rows: nth } };
        });
        return { table, ...(batch.result as object) };
      },
      { params, recovery: ["cursor"], ...more },
    ),
    anAction("after", "read", async (_ctx, given: unknown = null) => (seen.push(given as Json), null)),
  ] as Action[];
  const plan = planOf(actions, "sandbox", {
    merge: {
      each: "${steps.find.result.list}",
      with: { table: "${item}" },
      group: "writes",
      recovery: "cursor",
      ...changes,
    },
    after: { with: { made: "${steps.merge.result}" } },
  });
  /** What stood in a transaction that was committed; a kill before COMMIT takes the rest with it. */
  const reached = (name: string) => {
    if (name === "commit.after") committed.push(...pending.splice(0));
    if (name === "commit.before" && pending.length > 1) pending.splice(0, pending.length - 1);
  };
  return { actions, plan, committed, seen, reached };
}

const all = names.flatMap((name) => [`${name} 1`, `${name} 2`]);
const made = names.map((name) => ({ name, item: name, result: { table: name, rows: 2 } }));
const events = (journal: ReturnType<typeof world>["journal"], run: string): readonly RunEvent[] =>
  journal.read(run).map(({ event }) => event);
const of = <K extends RunEvent["kind"]>(all: readonly RunEvent[], kind: K) =>
  all.filter((event): event is Extract<RunEvent, { kind: K }> => event.kind === kind);

describe("a step with each:", () => {
  test("gives way to a step for each item, in order, and later steps see what came of each", async () => {
    const { actions, plan, committed, seen, reached } = scene();
    const { parts, journal } = world({ reached });
    const asked: Question[] = [];
    const session = answering(
      openRun({ ...parts, actions }, plan, live),
      (question) => (asked.push(question), yes(question)),
    );
    const end = await session.ended;
    expect(end.exit).toBe("ok");
    expect(end.state.steps.map(({ step, status }) => `${step.key} ${step.title} ${status}`)).toEqual([
      "prepare prepare done",
      "find find done",
      ...names.map((name) => `merge:${name} merge: ${name} done`),
      "after after done",
    ]);
    expect(committed).toEqual(all);
    expect(seen).toEqual([{ made }]);
    const kinds = events(journal, session.run).map((event) =>
      "step" in event ? `${event.kind} ${String(event.step)}` : "",
    );
    expect(kinds.filter((kind) => kind.startsWith("step.expanded"))).toEqual(["step.expanded merge"]);
    expect(kinds.indexOf("step.expanded merge")).toBeLessThan(kinds.findIndex((kind) => kind.includes("merge:")));
    // one confirmation for the group, and it covers every item
    expect(asked.filter(({ kind }) => kind === "confirm").map(({ step }) => step)).toEqual([
      "prepare",
      "merge:public.a",
    ]);
    expect(asked.at(-1)).toMatchObject({ covers: names.map((name) => `merge:${name}`) });
  });

  test("without a group asks for each item", async () => {
    const { actions, plan } = scene(names, { group: "" });
    const steps = plan.steps.map(({ group: _group, ...step }) => step);
    const { parts } = world();
    const asked: string[] = [];
    const session = answering(
      openRun({ ...parts, actions }, { ...plan, steps }, live),
      (question) => (asked.push(question.step), yes(question)),
    );
    expect((await session.ended).exit).toBe("ok");
    expect(asked).toEqual(["prepare", ...names.map((name) => `merge:${name}`)]);
  });

  test("with choose: asks for each item by itself, and later steps see each choice", async () => {
    const choices: Action["choices"] = () =>
      ["leave", "take"].map((value) => ({ value, label: value, details: [], tags: [], data: { value } }));
    const { actions, plan, seen } = scene(names, { choose: "one" }, { choices });
    const { parts, journal } = world();
    const wishes = { choices: { "merge:public.b": "leave" }, keepRescue: false };
    const session = answering(openRun({ ...parts, actions }, plan, { ...live, wishes }), (question) =>
      question.kind === "choice" ? { kind: "choose", value: "take" } : yes(question),
    );
    expect((await session.ended).exit).toBe("ok");
    const answers = of(events(journal, session.run), "question.answered").filter(
      ({ answered }) => answered.kind === "chosen",
    );
    expect(answers.map(({ step, by }) => [step, by === "--choose"])).toEqual([
      ["merge:public.a", false],
      ["merge:public.b", true],
      ["merge:public.c", false],
    ]);
    const picked = ["take", "leave", "take"];
    expect(seen).toEqual([{ made: made.map((one, at) => ({ ...one, choice: { value: picked[at] } })) }]);
  });

  test("takes maps with a name, binds parts of them, and titles what the runbook titles by them", async () => {
    const list = names.map((name, index) => ({ name, table: `t${index}`, words: `Merge number ${index}` }));
    const { actions, plan, committed, reached } = scene(list, {
      with: { table: "${item.table}" },
      itemTitle: "${item.words}",
    });
    const { parts } = world({ reached });
    const end = await answering(openRun({ ...parts, actions }, plan, live), yes).ended;
    expect(committed).toEqual(["t0 1", "t0 2", "t1 1", "t1 2", "t2 1", "t2 2"]);
    expect(stepOf(end.state, "merge:public.b").step.title).toBe("Merge number 1");
  });

  test("skips the items that its when: does not want, and the list that it gives leaves them out", async () => {
    const list = names.map((name, index) => ({ name, wanted: index !== 1 }));
    const { actions, plan, committed, seen, reached } = scene(list, {
      with: { table: "${item.name}" },
      when: "${item.wanted}",
    });
    const { parts } = world({ reached });
    const asked: Question[] = [];
    const end = await answering(
      openRun({ ...parts, actions }, plan, live),
      (question) => (asked.push(question), yes(question)),
    ).ended;
    expect(stepOf(end.state, "merge:public.b").status).toBe("skipped");
    expect(committed).toEqual(all.filter((one) => !one.includes("public.b")));
    expect((seen[0] as { made: { name: string }[] }).made.map(({ name }) => name)).toEqual(["public.a", "public.c"]);
    expect(asked.at(-1)).toMatchObject({ covers: ["merge:public.a", "merge:public.c"] });
  });

  test("is skipped without an item, and then gives a list of none", async () => {
    const { actions, plan, committed, seen, reached } = scene([]);
    const { parts } = world({ reached });
    const end = await answering(openRun({ ...parts, actions }, plan, live), yes).ended;
    expect([end.exit, stepOf(end.state, "merge").status, committed]).toEqual(["ok", "skipped", []]);
    expect(seen).toEqual([{ made: [] }]);
  });

  test("is skipped where its list would have come from a skipped step, or from an input that was not given", async () => {
    for (const each of ["${steps.find.result.list}", "${inputs.absent}"]) {
      const { actions, plan } = scene(names, { each });
      const steps = plan.steps.map((step) => (step.key === "find" ? { ...step, when: false as const } : step));
      const { parts } = world();
      const end = await answering(openRun({ ...parts, actions }, { ...plan, steps }, live), yes).ended;
      expect([end.exit, stepOf(end.state, "merge").status]).toEqual(["ok", "skipped"]);
    }
  });

  test("that is not wanted at all is not expanded", async () => {
    const { actions, plan } = scene(names, { when: ["${steps.find.result.never}", "${item}"] });
    const { parts, journal } = world();
    const session = answering(openRun({ ...parts, actions }, plan, live), yes);
    const end = await session.ended;
    expect([end.exit, stepOf(end.state, "merge").status]).toEqual(["ok", "skipped"]);
    expect(of(events(journal, session.run), "step.expanded")).toEqual([]);
  });

  test("previews each item in a dry run, and writes nothing", async () => {
    const previewed: string[] = [];
    const preview: Action["preview"] = async (_ctx, { table }: { table: string }) => {
      previewed.push(table);
      return { summary: "", lines: [], counts: {}, expects: { table, rows: 9 } };
    };
    const { actions, plan, committed, seen, reached } = scene(names, {}, { preview });
    const { parts } = world({ reached });
    const end = await openRun({ ...parts, actions }, plan, { ...live, purpose: "dry-run", interactive: false }).ended;
    expect([end.exit, previewed, committed]).toEqual(["ok", names, []]);
    expect(seen).toEqual([{ made: names.map((name) => ({ name, item: name, result: { table: name, rows: 9 } })) }]);
  });
});

describe("a list that can't be taken stops the step before anything of it is begun", () => {
  const long = "n".repeat(201);
  test.each<[string, Json, string]>([
    ["no list", "public.a", "HF-EACH-LIST"],
    ["null", null, "HF-EACH-LIST"],
    ["a number among the items", ["a", 7], "HF-EACH-ITEM"],
    ["a map without a name", [{ table: "a" }], "HF-EACH-ITEM"],
    ["an empty name", ["a", " "], "HF-EACH-ITEM"],
    ["a name with a line feed", ["a\nb"], "HF-EACH-ITEM"],
    ["a name that is too long", [long], "HF-EACH-ITEM"],
    ["half a character", ["\ud800"], "HF-EACH-ITEM"],
    ["one name twice", ["a", "b", { name: "a" }], "HF-EACH-ITEM"],
    ["a name that goes on after another's with a colon", ["a:rows", "a"], "HF-EACH-ITEM"],
    ["more than 1,000 items", Array.from({ length: 1001 }, (_, nth) => `t${nth}`), "HF-EACH-MANY"],
  ])("%s", async (_what, list, code) => {
    const { actions, plan, committed, reached } = scene(list, { with: { table: "x" } });
    const { parts, journal } = world({ reached });
    const session = openRun({ ...parts, actions }, plan, { ...live, interactive: false, yesSandbox: true });
    const end = await session.ended;
    expect([end.exit, end.fault?.code]).toEqual(["input", code]);
    expect(JSON.stringify(end.fault)).not.toContain(long);
    expect(committed).toEqual([]);
    expect(of(events(journal, session.run), "step.expanded")).toEqual([]);
  });

  test("a person is asked how to go on, and the run stays open with its template", async () => {
    const { actions, plan } = scene(["a", "a"]);
    const { parts } = world();
    const asked: string[] = [];
    const end = await answering(openRun({ ...parts, actions }, plan, live), (question) => {
      asked.push(`${question.kind} ${question.step}`);
      return question.kind === "failure" ? { kind: "act", act: asked.length < 3 ? "retry" : "leave" } : yes(question);
    }).ended;
    expect(asked).toEqual(["confirm prepare", "failure merge", "failure merge"]);
    expect([end.state.status, stepOf(end.state, "merge").status]).toEqual(["paused", "todo"]);
  });

  test("a reference that leads nowhere is no empty list", async () => {
    const { actions, plan } = scene(names, { each: "${steps.find.result.lsit}" });
    const { parts } = world();
    const end = await openRun({ ...parts, actions }, plan, { ...live, interactive: false, yesSandbox: true }).ended;
    expect([end.fault?.code, end.fault?.message]).toEqual([
      "HF-EACH-LIST",
      "the step merge can't be expanded: its each: stands for nothing",
    ]);
  });

  test("1,000 items and names with colons of their own are taken", async () => {
    const list = ["x:y", "x:z", "xx", ...Array.from({ length: 997 }, (_, nth) => `t${nth}`)];
    const { actions, plan } = scene(list, {}, { effect: "read" });
    const steps = plan.steps.map((step) => ({ ...step, effect: "read" as const }));
    const quick = actions.map((action) => (action.name === "merge" ? { ...action, run: async () => null } : action));
    const { parts } = world();
    const end = await openRun({ ...parts, actions: quick }, { ...plan, steps }, live).ended;
    expect([end.exit, end.state.steps.length]).toEqual(["ok", 1003]);
  });
});

/** Ends as a kill does: from the nth boundary on nothing more is written, by nobody. */
function mortal(parts: RunnerParts, nth: number, reached: (name: string) => void, passed: string[]) {
  let isDead = false;
  const alive = () => {
    if (isDead) throw new Error("killed");
  };
  const journal: RunnerParts["journal"] = {
    ...parts.journal,
    open: (event) => guarded(parts.journal.open(event)),
    take: (run) => guarded(parts.journal.take(run)),
  };
  const guarded = (run: ReturnType<RunnerParts["journal"]["open"]>): typeof run => ({
    ...run,
    append: (...given) => (alive(), run.append(...given)),
  });
  const boundary = (name: string) => {
    alive();
    passed.push(name);
    reached(name);
    if (passed.length !== nth) return;
    isDead = true;
    throw new Error("killed");
  };
  return { parts: { ...parts, journal, reached: boundary }, boundary };
}

async function killedAt(nth: number) {
  const { actions, plan, committed, seen, reached } = scene();
  let boundary = reached;
  const { parts, journal } = world({ reached: (name) => boundary(name) });
  const passed: string[] = [];
  const first = mortal({ ...parts, actions }, nth, reached, passed);
  boundary = first.boundary;
  const session = answering(openRun(first.parts, plan, live), yes);
  await session.ended;
  boundary = reached;
  const isOver = events(journal, session.run).some(({ kind }) => kind === "run.closed");
  const end = isOver ? null : await answering(resumeRun({ ...parts, actions }, session.run, live), yes).ended;
  return { run: session.run, passed, journal, end, committed, seen };
}

test("killed at any boundary and resumed, an each: does every item once, in order, and is expanded once", async () => {
  const whole = await killedAt(Number.POSITIVE_INFINITY);
  expect(whole.passed).toContain("step.expanded:merge");
  expect(whole.passed.filter((name) => name.startsWith("step.ended:merge:"))).toHaveLength(names.length);
  const from = whole.passed.indexOf("run.reached-target") + 1;
  for (let nth = from; nth <= whole.passed.length; nth += 1) {
    const at = `killed at ${nth}, ${whole.passed[nth - 1] ?? ""}`;
    const { run, journal, end, committed, seen } = await killedAt(nth);
    if (end !== null) expect([at, end.exit, end.fault?.code]).toEqual([at, "ok", undefined]);
    const written = events(journal, run);
    expect([at, committed]).toEqual([at, all]);
    expect([at, of(written, "step.expanded").length]).toEqual([at, 1]);
    const done = of(written, "step.ended")
      .filter(({ outcome }) => outcome === "done")
      .map(({ step }) => step);
    expect([at, done]).toEqual([at, ["prepare", "find", ...names.map((name) => `merge:${name}`), "after"]]);
    expect([at, seen.at(-1)]).toEqual([at, { made }]);
  }
}, 120_000);
