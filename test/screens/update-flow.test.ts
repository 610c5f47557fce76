import { describe, expect, it } from "vitest";
import { update } from "../../src/screens/update.ts";
import { everyScreen, letters, model, named, play, running, sizes, textOf } from "./support/look.ts";
import { failing, merging, planFor, runId, story } from "./support/story.ts";
import { runbooks, targets } from "./support/fake-workbench.ts";

const table = runbooks[0]!.inputs[0]!;
const since = runbooks[0]!.inputs[1]!;
const inputs = everyScreen(sizes[2]!).inputs!;
const typed = (text: string) => ({ kind: "field", text }) as const;
const ok = (field: string, text: string) =>
  ({ kind: "judged", field, text, verdict: { ok: true, words: "it is there" } }) as const;

describe("from the start to a plan", () => {
  it("leads by environment, target, runbook and inputs, and Esc leads back the same way", () => {
    const { model: there, commands } = play(model(), [
      { kind: "opened", index: 3 },
      { kind: "opened", index: 0 },
      typed("restore"),
      named("enter"),
      typed("public.orders"),
      ok("table", "public.orders"),
      named("enter"),
      named("enter"),
      { kind: "planned", plan: planFor() },
    ]);
    expect(there.routes.map((route) => route.kind)).toEqual(["start", "targets", "runbooks", "inputs", "plan"]);
    expect(commands).toContainEqual({
      do: "plan",
      request: { runbook: "restore-after-bad-delete", target: "shop", inputs: { table: "public.orders" } },
    });
    const { model: back } = play(there, [
      named("escape"),
      named("escape"),
      named("escape"),
      named("escape"),
      named("escape"),
    ]);
    expect(back.routes.map((route) => route.kind)).toEqual(["start"]);
  });

  it("loses no typed text on the way back and forth", () => {
    const { model: there } = play(model(), [
      { kind: "opened", index: 3 },
      { kind: "opened", index: 0 },
      named("enter"),
      typed("public.orders"),
      named("escape"),
      named("enter"),
    ]);
    expect(textOf(there)).toContain("> table        public.orders");
  });

  it("says why a runbook can't be run, and does not open it", () => {
    const { model: after } = play(everyScreen(sizes[2]!).runbooks!, [named("down"), named("enter")]);
    expect(after.routes.at(-1)!.kind).toBe("runbooks");
    expect(textOf(after)).toContain("not possible: needs a retention policy file");
  });

  it("says that an environment has no target", () => {
    const first = model();
    const bare = { ...first, bench: { ...first.bench, targets: targets.slice(0, 1) } };
    const { model: after } = play(bare, [{ kind: "opened", index: 1 }]);
    expect(after.routes).toHaveLength(1);
    expect(textOf(after)).toContain("no target is configured for sandbox");
  });

  it("looks at an open run before anything else happens to it", () => {
    const { commands } = play(model(), [{ kind: "opened", index: 0 }]);
    expect(commands).toEqual([{ do: "read", run: runId, for: "resume" }]);
    const told = merging();
    const { model: after } = play(model(), [
      { kind: "read", run: runId, for: "resume", events: told.events, state: told.state },
    ]);
    expect(textOf(after)).toContain("it was begun, and no outcome is known");
    expect(play(after, [named("enter")]).commands).toEqual([]);
    expect(play(after, [letters("g")]).commands).toEqual([{ do: "resume", run: runId }]);
  });

  it("finds a runbook by words in any order, and says when none has them", () => {
    const screen = everyScreen(sizes[2]!).runbooks!;
    expect(textOf(play(screen, [typed("rows purge")]).model)).toContain("1 of 2 runbooks");
    expect(textOf(play(screen, [typed("nothing such")]).model)).toContain("No runbook has these words");
    expect(play(screen, [typed("nothing such"), named("enter")]).model.routes.at(-1)!.kind).toBe("runbooks");
  });
});

describe("the inputs form", () => {
  it("asks about what is typed, and forgets an answer to an older text", () => {
    const { model: after, commands } = play(inputs, [typed("or"), typed("orders"), ok("table", "or")]);
    expect(commands).toEqual([
      { do: "judge", target: "shop", field: table, text: "or" },
      { do: "judge", target: "shop", field: table, text: "orders" },
    ]);
    expect(textOf(after)).toContain("looking ..");
    expect(textOf(play(after, [ok("table", "orders")]).model)).toContain("ok  it is there");
  });

  it("is not handed in while a field is missing, wrong or still looked at", () => {
    const last = { ...inputs, form: { ...inputs.form, field: 1 } };
    const missing = play(last, [named("enter")]);
    expect(missing.commands.map((command) => command.do)).toEqual(["judge"]);
    expect(textOf(missing.model)).toContain("table: this one is needed");
    const wrong = play(inputs, [
      typed("x"),
      { kind: "judged", field: "table", text: "x", verdict: { ok: false, words: "no such table" } },
      named("tab"),
      named("enter"),
    ]);
    expect(wrong.commands.map((command) => command.do)).not.toContain("plan");
    expect(textOf(wrong.model)).toContain("table: no such table");
    const soon = play(inputs, [typed("x"), named("tab"), named("enter"), ok("table", "x")]);
    expect(soon.commands.at(-1)).toMatchObject({ do: "plan", request: { inputs: { table: "x" } } });
    const changed = play(inputs, [
      typed("x"),
      named("tab"),
      named("enter"),
      named("shift-tab"),
      typed("xy"),
      ok("table", "x"),
      ok("table", "xy"),
    ]);
    expect(changed.commands.map((command) => command.do)).not.toContain("plan");
    const looking = play(inputs, [typed("x"), named("tab"), named("enter")]);
    expect(looking.commands.map((command) => command.do)).not.toContain("plan");
  });

  it("takes a suggestion only when one was highlighted", () => {
    const items = [
      { value: "public.orders", detail: "1 row" },
      { value: "public.notes", detail: "2 rows" },
    ];
    const offered = play(inputs, [typed("public"), { kind: "suggested", field: "table", text: "public", items }]).model;
    expect(textOf(offered)).toContain("public.notes");
    const taken = play(offered, [named("down"), named("down"), named("enter")]);
    expect(taken.model.form.values.table).toBe("public.notes");
    expect(play(offered, [named("enter")]).model.form.values.table).toBe("public");
  });

  it("moves by arrows through the suggestions and on to the fields beside them", () => {
    const items = [
      { value: "public.orders", detail: "" },
      { value: "public.order_lines", detail: "" },
    ];
    const typing = play(inputs, [
      { kind: "field", text: "public." },
      { kind: "suggested", field: "table", text: "public.", items },
    ]).model;
    const at = (keys: readonly ("up" | "down")[]) => {
      const { form } = play(
        typing,
        keys.map((key) => named(key)),
      ).model;
      return [form.field, form.picked];
    };
    expect(at(["down"])).toEqual([0, 0]);
    expect(at(["down", "down"])).toEqual([0, 1]);
    expect(at(["down", "down", "up", "up"])).toEqual([0, -1]);
    expect(at(["down", "down", "down"])).toEqual([1, -1]);
    expect(at(["down", "down", "down", "down"])).toEqual([1, -1]);
    expect(at(["down", "down", "down", "up"])).toEqual([0, -1]);
    expect(at(["up"])).toEqual([0, -1]);
    const whole = play(inputs, [
      { kind: "field", text: "public.orders" },
      { kind: "suggested", field: "table", text: "public.orders", items: items.slice(0, 1) },
      named("down"),
    ]).model;
    expect(whole.form.field).toBe(1);
  });

  it("shows no suggestions of a field that was left", () => {
    const items = [{ value: "public.orders", detail: "1 row" }];
    const { model: after } = play(inputs, [
      typed("pub"),
      named("tab"),
      { kind: "suggested", field: "table", text: "pub", items },
    ]);
    expect(after.form.field).toBe(1);
    expect(after.form.suggestions).toEqual([]);
    expect(since.optional).toBe(true);
  });

  it("shows a fault of the plan in full: what happened and what to do", () => {
    const fault = {
      code: "HF-TABLE-UNKNOWN",
      message: "there is no table public.none",
      hint: "Did you mean public.notes?",
      next: ["holdfast doctor"],
      after: "none",
      exit: "input",
    } as const;
    const text = textOf(play(inputs, [{ kind: "went-wrong", fault }]).model);
    for (const words of ["HF-TABLE-UNKNOWN", "Did you mean public.notes?", "\nnode dist/main.js doctor\n"])
      expect(text).toContain(words);
  });
});

describe("starting", () => {
  const plan = everyScreen(sizes[2]!).plan!;

  it("begins a live run by g and a dry run by d, once", () => {
    expect(play(plan, [letters("g"), letters("g")]).commands).toEqual([
      { do: "open", plan: planFor(), purpose: "live" },
    ]);
    expect(play(plan, [letters("d")]).commands).toEqual([{ do: "open", plan: planFor(), purpose: "dry-run" }]);
  });

  it("leads from a finished dry run back to its plan, and from a live run to the start", () => {
    for (const [purpose, where] of [
      ["dry-run", "plan"],
      ["live", "start"],
    ] as const) {
      const told = story("production", purpose).tell({ kind: "run.closed", outcome: "done", reason: "" });
      const { model: after } = play(plan, [
        { kind: "session-opened", state: told.state },
        { kind: "run-ended", end: { exit: "ok", state: told.state } },
        named("escape"),
      ]);
      expect(after.routes.at(-1)!.kind).toBe(where);
    }
  });
});

describe("a terminal that goes away", () => {
  it("pauses the run, and leaves when it has let go", () => {
    const told = play(running(merging()), [{ kind: "told-to-stop", why: "SIGTERM" }]);
    expect(told.commands).toEqual([{ do: "pause", reason: "SIGTERM" }]);
    const end = { exit: "paused", state: merging().state } as const;
    expect(update(told.model, { kind: "run-ended", end }, 0).commands).toEqual([{ do: "exit", exit: "paused" }]);
  });

  it("leaves at once where nothing is driven", () => {
    expect(play(model(), [{ kind: "told-to-stop", why: "SIGHUP" }]).commands).toEqual([{ do: "exit", exit: "ok" }]);
  });
});

describe("notes", () => {
  it("are handed in by Enter and dropped when empty", () => {
    expect(play(running(merging()), [letters("n"), typed("called the DBA"), named("enter")]).commands).toEqual([
      { do: "note", text: "called the DBA" },
    ]);
    expect(play(running(merging()), [letters("n"), named("enter")]).commands).toEqual([]);
  });
});

describe("after a failure", () => {
  it("hands in the way on that was chosen, if it is open", () => {
    const act = (key: string) => play(running(failing()), [letters(key)]).commands;
    expect(act("i")).toEqual([{ do: "answer", question: "Q30", answer: { kind: "act", act: "find-out" } }]);
    for (const closed of ["r", "s", "u"]) expect(act(closed)).toEqual([]);
  });

  it("calls what is not known unknown, never failed", () => {
    for (const size of sizes) {
      const text = textOf(running(failing(), size));
      expect(text).toContain("[?] STEP 7");
      expect(text).toContain("UNKNOWN");
      expect(text).not.toContain("[!]");
    }
  });
});
