import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Action } from "../../src/actions/action.ts";
import type { Json } from "../../src/core/json.ts";
import type { Choice } from "../../src/core/step.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import { anAction, answering, live, planOf, world, yes } from "../support/runner.ts";

/** Of two items it is decided one by one, and a write takes the decisions up. */
function deciding() {
  const { parts } = world();
  const written: Json[] = [];
  const scene = { failsAfter: 0 };
  const choices = (): readonly Choice[] => [
    { value: "leave", label: "leave it", details: [], tags: ["default"], data: false },
    { value: "take", label: "take it", details: [], tags: [], data: true },
  ];
  const params = z.looseObject({ decided: z.array(z.looseObject({ choice: z.boolean() })) });
  const actions = [
    anAction("prepare", "hold", async (ctx) => (await ctx.capability("marker").create(), null)),
    anAction("find", "read", async () => ({ list: ["a", "b"] })),
    anAction("decide", "read", async () => null, { choices }),
    anAction(
      "write",
      "write",
      async (ctx, given: unknown = null) => {
        await ctx.once("rows", async () => (written.push(given as Json), null));
        if (scene.failsAfter > 0) throw new Error("the write broke off");
        return null;
      },
      { params, recovery: ["transactional"] },
    ),
  ] as Action[];
  const plan = planOf(actions, "sandbox", {
    decide: { each: "${steps.find.result.list}", choose: "one" },
    write: { with: { decided: "${steps.decide.result}" }, recovery: "transactional" },
  });
  const wishing = (wishes: Readonly<Record<string, string>>) =>
    ({ ...live, interactive: false, yesSandbox: true, wishes: { choices: wishes, keepRescue: false } }) as const;
  const all = { ...parts, actions };
  return { all, plan, written, scene, wishing };
}

const choicesIn = (written: Json | undefined) =>
  (written as unknown as { decided: readonly { name: string; choice: boolean }[] }).decided.map(
    ({ name, choice }) => `${name} ${choice}`,
  );

/** The run as it stands before its write: `a` is to be taken. */
async function beforeTheWrite() {
  const ground = deciding();
  const { all, plan, wishing } = ground;
  const first = openRun(all, plan, live);
  answering(first, (question) => {
    if (question.kind === "choice") return { kind: "choose", value: question.step === "decide:a" ? "take" : "leave" };
    return question.step === "write" ? (first.pause("thinking"), null) : yes(question);
  });
  await first.ended;
  const resume = (wishes: Readonly<Record<string, string>>) => resumeRun(all, first.run, wishing(wishes)).ended;
  return { ...ground, resume };
}

describe("a decision about an item", () => {
  test("goes back to what is done without one, where a resume wishes so before the write", async () => {
    const { resume, written } = await beforeTheWrite();
    const end = await resume({ "decide:a": "leave" });
    expect([end.exit, written.map(choicesIn)]).toEqual(["ok", [["a false", "b false"]]]);
  });

  test("stands where nothing else is wished", async () => {
    const { resume, written } = await beforeTheWrite();
    expect((await resume({})).exit).toBe("ok");
    expect(written.map(choicesIn)).toEqual([["a true", "b false"]]);
  });

  test("can't become more than it was: what came between was found without it", async () => {
    const { resume, written } = await beforeTheWrite();
    const end = await resume({ "decide:b": "take" });
    expect([end.exit, end.fault?.code, written]).toEqual(["needs-person", "HF-CHOICE-MADE", []]);
    expect(end.fault?.message).toContain("leave was chosen");
  });

  test("that is not understood is refused with those that there are", async () => {
    const { resume, written } = await beforeTheWrite();
    expect([(await resume({ "decide:a": "nonsense" })).fault?.code, written]).toEqual(["HF-CHOICE-INVALID", []]);
  });

  test("stands once the run has begun to write by it", async () => {
    const { resume, scene, written } = await beforeTheWrite();
    scene.failsAfter = 1;
    expect((await resume({})).exit).not.toBe("ok");
    scene.failsAfter = 0;
    const end = await resume({ "decide:a": "leave" });
    expect([end.fault?.code, end.fault?.message]).toEqual([
      "HF-CHOICE-MADE",
      expect.stringContaining("begun to write"),
    ]);
    expect(written.map(choicesIn)).toEqual([["a true", "b false"]]);
  });
});
