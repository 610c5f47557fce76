import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Message } from "../../src/screens/model.ts";
import { performer } from "../../src/screens/perform.ts";
import { fakeWorkbench, readyTarget } from "./support/fake-workbench.ts";
import { letters, linesOf, model, named, play, sizes, textOf } from "./support/look.ts";
import { story } from "./support/story.ts";

const closed = readyTarget({ target: "play", environment: "sandbox", ready: false });

describe("the doctor's screen", () => {
  it("is reached from the start by d, and asks every target of the config", () => {
    const { model: shown, commands } = play(model(), [letters("d")]);
    expect(commands).toMatchObject([{ do: "doctor", targets: ["shop", "shop-staging", "play"] }]);
    expect(textOf(shown)).toMatch(/\[>\] shop: looking \.\.\n\[ \] shop-staging\n\[ \] play/);
  });

  it.each(sizes.map((size) => [`${size.columns}x${size.rows}`, size] as const))(
    "at %s says first how each target stands, then all that was found, to its last line",
    (_, size) => {
      const asked = play(model({}, size), [letters("d")]);
      const look = asked.model.now;
      const { model: shown } = play(asked.model, [
        { kind: "doctor-said", look, answer: readyTarget() },
        { kind: "doctor-looks", look, note: "public.orders" },
      ]);
      const top = linesOf(shown).map((line) => line.trimEnd());
      expect(top.slice(2, 5)).toEqual(["[x] shop: READY", "[>] shop-staging: looking at public.orders ..", "[ ] play"]);
      const seen = new Set(top);
      let now = shown;
      for (let pages = 0; pages < 8; pages += 1) {
        now = play(now, [named("pgdn")]).model;
        for (const line of linesOf(now)) seen.add(line.trimEnd());
      }
      const all = [...seen].join(" ").replaceAll(/\s+/g, " ");
      for (const words of [
        "ALTER SYSTEM SET track_commit_timestamp = on;",
        "from now on only",
        "READY: the table has an open path.",
      ])
        expect(all).toContain(words);
    },
  );

  it("names the tables that no path is open for, and why a target could not be asked", () => {
    const asked = play(model(), [letters("d")]).model;
    const found = { ...closed.found!, tables: closed.found!.tables.map((table) => ({ ...table, open: false })) };
    const fault = { code: "HF-CONNECT-REFUSED", message: "nobody listens", exit: "unreachable", hint: null };
    const { model: shown } = play(asked, [
      { kind: "doctor-said", look: asked.now, answer: { ...closed, found } },
      {
        kind: "doctor-said",
        look: asked.now,
        answer: readyTarget({ target: "shop", ready: false, found: null, fault }),
      },
    ]);
    expect(textOf(shown)).toContain("[!] play: NOT READY: no path is open for public.orders");
    expect(textOf(shown)).toContain("[!] shop: could not be asked (HF-CONNECT-REFUSED)");
  });

  it("takes no answer of an older look for one of its own", () => {
    const first = play(model(), [letters("d")]).model;
    const again = play(first, [letters("r")]);
    expect(again.commands).toMatchObject([{ do: "doctor", look: again.model.now }]);
    const { model: shown } = play(again.model, [{ kind: "doctor-said", look: first.now, answer: readyTarget() }]);
    expect(textOf(shown)).not.toContain("READY");
    expect(shown.routes).toHaveLength(2);
  });

  it("ends the look when it is left", () => {
    const asked = play(model(), [letters("d")]).model;
    const left = play(asked, [named("escape")]);
    expect(left.commands).toEqual([{ do: "stop-doctor" }]);
    expect(left.model.routes).toEqual([{ kind: "start" }]);
  });

  it("is not opened where no target is configured", () => {
    const none = model();
    const { commands, model: shown } = play({ ...none, bench: { ...none.bench, targets: [] } }, [letters("d")]);
    expect(commands).toEqual([]);
    expect(shown.message).toContain("no target is configured");
  });
});

describe("asking for it", () => {
  const performing = (workbench = fakeWorkbench(() => story())) => {
    const messages: Message[] = [];
    const parts = { workbench, clock: systemClock, everyMs: 20, drain: () => undefined, exit: () => undefined };
    const performed = performer({ ...parts, dispatch: (message) => void messages.push(message) });
    return { ...performed, messages };
  };

  it("goes from target to target, and tells what is looked at", async () => {
    const bench = fakeWorkbench(() => story());
    const desk = performing({
      ...bench,
      doctor: (target, { tell }) => (tell("public.orders"), bench.doctor(target, { tables: [], signal: never, tell })),
    });
    desk.perform({ do: "doctor", look: 7, targets: ["shop", "play"] });
    await wait(20);
    const said = desk.messages.map((message) =>
      message.kind === "doctor-said" ? message.answer.target : message.kind === "doctor-looks" ? message.note : "?",
    );
    expect(said).toEqual(["public.orders", "shop", "public.orders", "play"]);
  });

  it("says nothing any more once it was stopped, and ends what is under way", async () => {
    const asked: { answer: () => void; signal: AbortSignal }[] = [];
    const bench = fakeWorkbench(() => story());
    const desk = performing({
      ...bench,
      doctor: (target, { signal }) =>
        new Promise((resolve) => asked.push({ signal, answer: () => resolve(readyTarget({ target })) })),
    });
    desk.perform({ do: "doctor", look: 7, targets: ["shop", "play"] });
    desk.perform({ do: "stop-doctor" });
    expect(asked[0]?.signal.aborted).toBe(true);
    asked[0]?.answer();
    await wait(20);
    expect([asked.length, desk.messages]).toEqual([1, []]);
  });
});

const never = new AbortController().signal;
