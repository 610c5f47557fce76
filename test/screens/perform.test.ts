import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { Fault } from "../../src/core/errors.ts";
import type { Message } from "../../src/screens/model.ts";
import { performer } from "../../src/screens/perform.ts";
import { type FakeBench, fakeSession, fakeWorkbench, runbooks } from "./support/fake-workbench.ts";
import { merging, planFor, runId, story } from "./support/story.ts";

const table = runbooks[0]!.inputs[0]!;

function performing(workbench: FakeBench = fakeWorkbench(() => story())) {
  const messages: Message[] = [];
  const exits: string[] = [];
  const parts = {
    workbench,
    clock: systemClock,
    everyMs: 20,
    dispatch: (message: Message) => void messages.push(message),
  };
  const performed = performer({ ...parts, drain: () => exits.push("drained"), exit: (exit) => exits.push(exit) });
  const kinds = () => messages.map((message) => message.kind);
  return { ...performed, workbench, messages, kinds, exits };
}

describe("carrying out what the screens ask for", () => {
  it("opens a run, follows it, and hands answers and stops to its session", async () => {
    const desk = performing();
    desk.perform({ do: "open", plan: planFor(), purpose: "live" });
    const session = desk.workbench.opened[0]!;
    expect(desk.kinds()).toEqual(["session-opened"]);
    desk.perform({ do: "answer", question: "Q1", answer: { kind: "go" } });
    desk.perform({ do: "note", text: "called" });
    desk.perform({ do: "pause", reason: "Ctrl-C" });
    desk.perform({ do: "cancel" });
    expect(session.calls).toEqual(["answer Q1 go", "note called", "pause Ctrl-C", "cancel"]);
    session.append({ kind: "run.paused", reason: "Ctrl-C" });
    session.finish({ exit: "paused" });
    await wait(40);
    expect(desk.messages.at(-1)).toMatchObject({ kind: "run-ended", end: { exit: "paused" } });
    desk.perform({ do: "answer", question: "Q1", answer: { kind: "go" } });
    expect(session.calls).toHaveLength(4);
  });

  it("coalesces a flood of progress, and its last value arrives", async () => {
    const desk = performing();
    const session = fakeSession(merging());
    desk.follow(session);
    for (let n = 1; n <= 500; n += 1)
      session.append({ kind: "step.progressed", step: "merge", progress: { done: n, unit: "rows" } });
    await wait(60);
    const changes = desk.messages.filter((message) => message.kind === "run-changed");
    expect(changes.length).toBeLessThanOrEqual(4);
    expect(changes.at(-1)?.state.steps[6]?.progress?.done).toBe(500);
    desk.stop();
  });

  it("judges only what was typed last, and each field by itself", async () => {
    const desk = performing();
    const since = runbooks[0]!.inputs[1]!;
    desk.perform({ do: "judge", target: "shop", field: table, text: "pub" });
    desk.perform({ do: "judge", target: "shop", field: table, text: "public.orders" });
    desk.perform({ do: "judge", target: "shop", field: since, text: "2026-11-21T02:40:00Z" });
    await wait(250);
    const judged = desk.messages.flatMap((message) => (message.kind === "judged" ? [message.text] : []));
    expect(judged.toSorted()).toEqual(["2026-11-21T02:40:00Z", "public.orders"]);
  });

  it("reports a fault as a message, in full, whoever threw it", async () => {
    const desk = performing();
    desk.perform({ do: "plan", request: { runbook: "x", target: "shop", inputs: { table: "public.none" } } });
    await wait(20);
    expect(desk.messages).toMatchObject([{ kind: "went-wrong", fault: { code: "HF-TABLE-UNKNOWN" } }]);
    const busy = fakeWorkbench(() => story());
    const desk2 = performing({
      ...busy,
      resume: () => {
        throw new Fault("HF-RUN-BUSY", "another process drives it");
      },
    });
    desk2.perform({ do: "resume", run: runId });
    expect(desk2.messages).toMatchObject([{ kind: "went-wrong", fault: { code: "HF-RUN-BUSY" } }]);
  });

  it("gives up a run that it does not drive by taking it, and abandoning it before its first step", () => {
    const desk = performing();
    desk.perform({ do: "give-up", run: runId });
    expect(desk.workbench.opened[0]!.calls).toEqual(["abandon given up by the operator"]);
    desk.perform({ do: "give-up", run: runId });
    expect(desk.workbench.opened).toHaveLength(1);
    expect(desk.workbench.opened[0]!.calls).toHaveLength(2);
  });

  it("reads a run for the resume screen without opening it", () => {
    const desk = performing(fakeWorkbench(() => merging()));
    desk.perform({ do: "read", run: runId, for: "resume" });
    expect(desk.kinds()).toEqual(["refreshed", "read"]);
    expect(desk.workbench.opened).toEqual([]);
  });

  it("lets go of a run only when its process part has ended", async () => {
    const desk = performing();
    const session = fakeSession(merging());
    desk.follow(session);
    let gone = false;
    const going = desk.letGo("the screen failed").then(() => (gone = true));
    await wait(20);
    expect([session.calls, gone]).toEqual([["pause the screen failed"], false]);
    session.finish({ exit: "paused" });
    await going;
    expect(gone).toBe(true);
  });
});
