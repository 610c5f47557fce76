import { describe, expect, it } from "vitest";
import { bindings, bindingsAt, type Binding } from "../../src/screens/keys.ts";
import type { NamedKey } from "../../src/screens/input/decode.ts";
import { type Place, placeOf } from "../../src/screens/model.ts";
import { update } from "../../src/screens/update.ts";
import { everyScreen, letters, linesOf, model, named, play, running, sizes, textOf } from "./support/look.ts";
import { failing, merging } from "./support/story.ts";

const places = [...new Set(bindings.flatMap((bound) => bound.where))];

describe("the table of keys", () => {
  it.each(places.map((place) => [place]))("binds no key twice at %s", (place) => {
    const keys = bindingsAt(place).flatMap((bound) => bound.keys);
    expect(keys.toSorted()).toEqual([...new Set(keys)].toSorted());
  });

  it("puts nothing that acts on Enter, Space, a digit or an arrow", () => {
    const easy = ["enter", " ", "up", "down", "tab", "escape", ...Array.from("0123456789")];
    const acting = bindings.filter((bound) => bound.acts).flatMap((bound) => bound.keys);
    expect(acting.length).toBeGreaterThan(10);
    expect(acting.filter((key) => easy.includes(key))).toEqual([]);
  });

  it("uses no key that a terminal, screen, tmux or a keyboard layout takes", () => {
    const keys = bindings.flatMap((bound) => bound.keys);
    for (const taken of ["ctrl-a", "ctrl-b", "ctrl-s", "ctrl-q", "ctrl-z", "\\", "home"])
      expect(keys).not.toContain(taken);
  });

  it("leaves Ctrl-X free for the emergency stop, at every place", () => {
    expect(bindings.flatMap((bound) => bound.keys)).not.toContain("ctrl-x");
    for (const shown of Object.values(everyScreen(sizes[2]!))) {
      expect(play(shown, [named("ctrl-x")]).commands).toEqual([]);
    }
  });

  it("binds no printable key where text is typed", () => {
    const typing: readonly Place[] = ["runbooks", "inputs", "note", "write", "type", "give-up"];
    const printable = (bound: Binding) => bound.keys.some((key) => key.length === 1);
    for (const place of typing) expect(bindingsAt(place).filter(printable)).toEqual([]);
  });

  it("stops from everywhere, and goes back from everywhere but the start", () => {
    for (const place of places) {
      expect(
        bindingsAt(place).map((bound) => bound.does),
        place,
      ).toContain("interrupt");
      if (place !== "start")
        expect(
          bindingsAt(place).map((bound) => bound.does),
          place,
        ).toContain("back");
    }
  });
});

describe("a key that does nothing just now", () => {
  it("leads to giving up from where a run is driven: it pauses first", () => {
    const { model: after, commands } = play(running(merging()), [letters("x")]);
    expect(textOf(after)).toContain("x: press p first: a run is given up once it has paused");
    expect(commands).toEqual([]);
  });

  it("says why, in the words of the option", () => {
    const { model: after, commands } = play(running(failing()), [letters("r")]);
    expect(commands).toEqual([]);
    expect(textOf(after)).toContain("r: not yet: batch 119 has to be settled first");
  });

  it("stays in the footer, in brackets, and in help with its reason", () => {
    const failed = running(failing());
    expect(textOf(failed)).toContain("(r retry)");
    const { model: help } = play(failed, [letters("?")]);
    expect(textOf(help)).toContain("retry   not now: not yet: batch 119 has to be settled first");
  });

  it("says why in a line, whichever it is and wherever it is shown", () => {
    let refused = 0;
    for (const size of sizes.slice(1))
      for (const [name, shown] of Object.entries(everyScreen(size)))
        for (const bound of bindingsAt(placeOf(shown))) {
          const why = bound.enabled(shown);
          const [key] = bound.keys;
          if (why === true || key === undefined) continue;
          refused += 1;
          const { model: after, commands } = play(shown, [key.length === 1 ? letters(key) : named(key as NamedKey)]);
          expect(commands, `${name} ${key}`).toEqual([]);
          expect(textOf(after).replaceAll("\n", " "), `${name} ${key}`).toContain(`${bound.shows}: ${why}`);
        }
    expect(refused).toBeGreaterThan(10);
  });

  it("is answered too where it is bound to nothing, and where an empty field is handed in", () => {
    expect(textOf(play(running(failing()), [letters("w")]).model)).toContain("w does nothing here. ? shows what does.");
    expect(textOf(play(running(failing()), [named("tab")]).model)).toContain("Tab does nothing here.");
    const writing = everyScreen(sizes[1]!).write!;
    const { model: after, commands } = play(writing, [named("enter")]);
    expect(commands).toEqual([]);
    expect(after.routes.at(-1)?.kind).toBe("write");
    expect(textOf(after)).toContain("Nothing is written, so nothing was chosen. Esc goes back to the list.");
  });

  it("is nobody's key: several letters in one read do nothing, like a stray paste", () => {
    for (const shown of Object.values(everyScreen(sizes[2]!))) {
      const told = play(shown, [letters("gxqp"), { kind: "paste", text: "g\nx\nq" }]);
      expect(told.commands.filter((command) => command.do !== "drain")).toEqual([]);
    }
  });
});

describe("Enter, Space and digits", () => {
  it("let no effect through at any place, however often they are pressed", () => {
    const harmless = ["answer", "judge", "plan", "read", "refresh", "drain"];
    for (const [name, shown] of Object.entries(everyScreen(sizes[2]!))) {
      const keys = [named("enter"), letters(" "), letters("1"), letters("2"), named("enter"), named("enter")];
      const { commands } = play(shown, keys);
      expect(
        commands.map((command) => command.do).filter((does) => !harmless.includes(does)),
        name,
      ).toEqual([]);
      const answers = commands.flatMap((command) => (command.do === "answer" ? [command.answer] : []));
      expect(
        answers.filter((answer) => answer.kind !== "choose" && !(answer.kind === "typed" && answer.text === " 12")),
        name,
      ).toEqual([]);
    }
  });
});

describe("dispatch", () => {
  it("is pure: the same model and key give the same model and commands", () => {
    const live = running(merging());
    const once = update(live, { kind: "key", key: letters("p") }, live.now + 5);
    expect(update(live, { kind: "key", key: letters("p") }, live.now + 5)).toEqual(once);
    expect(once.commands).toEqual([{ do: "pause", reason: "paused by the operator" }]);
  });

  it("opens help from a field by Ctrl-G, and comes back with the text as it was", () => {
    const typing = everyScreen(sizes[2]!).type!;
    const { model: after } = play(typing, [letters("s"), letters("h"), named("ctrl-g"), named("escape")]);
    expect(after.typed.text).toBe("sh");
    expect(textOf(after)).toContain("  > sh_");
  });
});

describe("help", () => {
  it("cuts nothing of what the marks mean, in any window", () => {
    for (const size of sizes) {
      const help = { ...everyScreen(size).help!, size: { ...size, rows: 60 } };
      const text = linesOf(help).slice(1).join("\n").replaceAll(/\n +/g, " "); // the header may be cut
      expect(text).toContain("[?] UNKNOWN: neither done nor failed, until the server was asked");
      expect(text).toContain("[~] stopped in the middle: what is done stays, and it goes on from there");
      expect(text).not.toContain("..");
    }
  });

  it("shows every key of the screen it was asked from", () => {
    const { model: help } = play(model(), [letters("?")]);
    const text = textOf(help);
    for (const bound of bindingsAt("start"))
      expect(text).toContain(bound.shows === "Down" ? "Up/Down     move" : `${bound.shows.padEnd(12)}${bound.label}`);
  });

  it("names no key twice", () => {
    for (const [name, shown] of Object.entries(everyScreen(sizes[2]!))) {
      const asked = play(shown, [named("ctrl-g")]).model;
      const help = placeOf(asked) === "help" ? asked : play(shown, [letters("?")]).model;
      const listed = linesOf(help).flatMap((line) => /^ {2}(\S+) {2,}\S/.exec(line)?.[1]?.split("/") ?? []);
      expect(listed.toSorted(), name).toEqual([...new Set(listed)].toSorted());
    }
  });
});
