import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Action } from "../../src/actions/action.ts";
import type { Json } from "../../src/core/json.ts";
import type { Choice } from "../../src/core/step.ts";
import { openRun, resumeRun } from "../../src/runner/open-session.ts";
import { anAction, answering, live, planOf, world, yes } from "../support/runner.ts";

/** Of two items it is decided one by one, and a write takes the decisions up. */
function deciding() {
  const { parts, journal } = world();
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
  return { all, plan, written, scene, wishing, journal };
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
  const resume = async (wishes: Readonly<Record<string, string>>) => resumeRun(all, first.run, wishing(wishes)).ended;
  const kinds = () => ground.journal.read(first.run).map(({ event }) => event.kind);
  return { ...ground, resume, kinds };
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

  test("is taken back in one batch with the resume, so that no kill can part the two", async () => {
    const { resume, kinds } = await beforeTheWrite();
    await resume({ "decide:a": "leave" });
    const all = kinds();
    const at = all.indexOf("run.resumed");
    expect(all.slice(at, at + 3)).toEqual(["run.resumed", "question.asked", "question.answered"]);
  });

  test.each([
    ["can't become more than it was", { "decide:b": "take" }, "HF-CHOICE-MADE", /leave was chosen/],
    ["has no other choices than its own", { "decide:a": "nonsense" }, "HF-CHOICE-INVALID", /no such choice/],
    ["is named exactly", { decide_a: "leave", "decide:A": "leave" }, "HF-CHOICE-INVALID", /no such item/],
  ])("%s, and what was refused counts for nothing later", async (_what, wishes, code, words) => {
    const { resume, written, kinds } = await beforeTheWrite();
    const before = kinds();
    await expect(resume(wishes)).rejects.toMatchObject({ record: { code, message: expect.stringMatching(words) } });
    expect([written, kinds()]).toEqual([[], before]);
    expect((await resume({})).exit).toBe("ok");
    expect(written.map(choicesIn)).toEqual([["a true", "b false"]]);
  });

  test("stands once the run has begun to write by it, and the run goes on without the wish", async () => {
    const { resume, scene, written } = await beforeTheWrite();
    scene.failsAfter = 1;
    expect((await resume({})).exit).not.toBe("ok");
    scene.failsAfter = 0;
    await expect(resume({ "decide:a": "leave" })).rejects.toMatchObject({
      record: { code: "HF-CHOICE-MADE", message: expect.stringContaining("begun to write") },
    });
    expect((await resume({})).exit).toBe("ok");
    expect(written.map(choicesIn)).toEqual([["a true", "b false"]]);
  });

  test("that was wished for when the run began may be wished for again by the same command", async () => {
    const { resume, written } = await beforeTheWrite();
    expect((await resume({ "decide:a": "take" })).exit).toBe("ok");
    expect(written.map(choicesIn)).toEqual([["a true", "b false"]]);
  });
});
