import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { bindingsAt } from "../../src/screens/keys.ts";
import type { Message } from "../../src/screens/model.ts";
import { fakeSession, fakeWorkbench } from "./support/fake-workbench.ts";
import { ended, letters, model, named, play, running, sampleRows, sizes, textOf } from "./support/look.ts";
import { confirmQuestion, failureQuestion, merging, story, untilMerge } from "./support/story.ts";
import { onTerminal } from "./support/terminal.ts";

const reveal = named("ctrl-r");
const asking = () => untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
/** The check is done, and a question waits. */
const asked = (size = sizes[2]!) => ({ ...running(asking(), size), revealable: "check" });
const came: Extract<Message, { kind: "revealed" }> = { kind: "revealed", step: "check", rows: sampleRows };

describe("row values", () => {
  it("are asked for by a key, and stand on a screen of their own until it is left", () => {
    const first = play(asked(), [reveal]);
    expect(first.commands).toEqual([{ do: "reveal", step: "check" }]);
    expect(textOf(first.model)).toContain("reading sample rows ..");
    const shown = play(first.model, [came]).model;
    expect(textOf(shown)).toContain("ROW VALUES  Check what was rescued");
    expect(textOf(shown)).toContain("Zürich");
    expect(textOf(shown)).toContain("2 sample rows are shown to ops_k@bastion-2; the journal has recorded that.");
    const left = play(shown, [named("escape")]);
    expect(left.commands).toEqual([]);
    expect(JSON.stringify(left.model)).not.toContain("Zürich");
    expect(textOf(left.model)).toContain("Type the name of this database");
  });

  it("answer nothing while they are read or shown, whatever is typed", () => {
    const typed = Array.from("shop_orders", letters);
    for (const messages of [[reveal], [reveal, came]]) {
      const { commands } = play(asked(), [...messages, ...typed, named("enter"), letters("g")]);
      expect(commands.filter((command) => command.do === "answer")).toEqual([]);
    }
  });

  it("go nowhere when the screen that waits for them was left", () => {
    const { model: after } = play(asked(), [reveal, named("escape"), came]);
    expect(JSON.stringify(after)).not.toContain("Zürich");
  });

  it("are taken away by the next question, and by the end of the run", () => {
    const question = { ...failureQuestion, id: "Q99" };
    const next = asking().tell({ kind: "question.asked", question });
    const shown = play(asked(), [reveal, came]).model;
    const over: Message = { kind: "run-ended", end: { exit: "paused", state: next.state } };
    for (const message of [{ kind: "run-changed", state: next.state } as const, over])
      expect(JSON.stringify(play(shown, [message]).model)).not.toContain("Zürich");
  });

  it("that can't be read say why, on the question's own screen", () => {
    const fault = { code: "HF-X", message: "no such schema", after: "none", exit: "failed" } as const;
    const { model: after } = play(asked(), [reveal, { kind: "went-wrong", fault }]);
    expect(textOf(after)).toContain("HF-X  no such schema");
    expect(textOf(after)).toContain("Type the name of this database");
    const none = play(asked(), [reveal, { kind: "revealed", step: "check", rows: [] }]).model;
    expect(textOf(none)).toContain("There are no rows to show.");
  });

  it("page to the last line in the smallest windows", () => {
    for (const size of sizes.slice(0, 2)) {
      const shown = play(asked(size), [reveal, { ...came, rows: [...sampleRows, ...sampleRows] }]).model;
      expect(textOf(shown)).toMatch(/lines 1 to \d+ of 31/);
      const last = play(shown, Array(6).fill(named("pgdn"))).model;
      expect(textOf(last)).toMatch(/to 31 of 31/);
    }
  });
});

describe("the key for row values", () => {
  it("is at every question, in the checklist and at the end, and in help", () => {
    for (const place of ["live", "choice", "go", "type", "failure", "ended"] as const)
      expect(bindingsAt(place).some(({ does }) => does === "values")).toBe(true);
    const help = play(asked(), [named("ctrl-g")]).model;
    expect(textOf(help)).toMatch(/\^R +row values$/m);
  });

  it.each([
    ["before anything was checked", running(asking()), "no rescued rows have been checked yet"],
    ["while a step runs", running(merging()), "rows are read only while a question waits"],
    ["when the run has ended here", ended(merging()), "the target is no longer connected"],
    ["in the scroll-back", { ...asked(), altScreen: false }, "--no-alt-screen draws in the scroll-back"],
    ["without a run", { ...model(), routes: [{ kind: "run" as const }] }, "the target is no longer connected"],
  ])("says why not %s", (_when, shown, why) => {
    const after = play(shown, [reveal]);
    expect(after.commands).toEqual([]);
    expect(textOf(after.model)).toContain(`^R: ${why}`);
  });
});

describe("on a terminal, row values", () => {
  it("appear after the key alone, and are gone after Esc", async () => {
    const session = {
      ...fakeSession(
        untilMerge().tell({ kind: "question.asked", question: confirmQuestion({ lapsesAt: Date.now() + 100_000 }) }),
      ),
      canReveal: (step: string) => step === "check",
      reveal: async () => sampleRows,
    };
    const workbench = fakeWorkbench(() => story());
    const terminal = onTerminal({ workbench, start: { kind: "session", session } });
    await terminal.see("Type the name of this database");
    await wait(450);
    expect(terminal.bytes()).not.toContain("Zürich");
    await terminal.send("\u0012");
    await terminal.see("Zürich");
    await terminal.send("\u001B");
    await terminal.see("Type the name of this database");
    expect(terminal.lines().join("\n")).not.toContain("Zürich");
    expect(terminal.scrolled()).toBe(0);
    session.finish({ exit: "paused" });
    await terminal.see("STOPPED, NOT DONE");
    await terminal.send("q");
    expect((await terminal.end).summary.join("\n")).not.toContain("Zürich");
  });
});
