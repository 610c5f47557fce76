import { describe, expect, it } from "vitest";
import { bytesForInk } from "../../../src/screens/input/to-ink.ts";
import type { NamedKey } from "../../../src/screens/input/decode.ts";
import { everyScreen, letters, model, named, sizes } from "../support/look.ts";

const screens = everyScreen(sizes[2]!);
const inputs = screens.inputs!;

describe("what Ink's own widgets may have of a key", () => {
  it("is what edits a text field, and nothing more", () => {
    expect(bytesForInk(inputs, letters("public.orders"))).toBe("public.orders");
    expect(bytesForInk(inputs, named("backspace"))).toBe("\u007F");
    for (const name of ["ctrl-a", "ctrl-w", "escape", "enter", "tab", "unknown", "delete"] as NamedKey[]) {
      expect(bytesForInk(inputs, named(name))).toBeNull();
    }
  });

  it("is the first line of a paste into a search or an input, without control characters", () => {
    expect(bytesForInk(inputs, { kind: "paste", text: " public.orders\r\nDROP\u0007" })).toBe("public.orders");
    expect(bytesForInk(inputs, { kind: "paste", text: "\u001B[2J" })).toBe("[2J");
    expect(bytesForInk(inputs, letters("\u202Eab"))).toBe("ab");
  });

  it("keeps the cursor of a field at its end where no cursor can be drawn", () => {
    expect(bytesForInk(inputs, named("left"))).not.toBeNull();
    expect(bytesForInk({ ...inputs, plainCursor: true }, named("left"))).toBeNull();
  });

  it("moves in a list without wrapping, and keeps digits, j and k from it", () => {
    const start = model();
    expect(bytesForInk(start, named("up"))).toBeNull();
    expect(bytesForInk(start, named("down"))).toBe("\u001B[B");
    const last = { ...start, cursors: { start: 3 } };
    expect(bytesForInk(last, named("down"))).toBeNull();
    expect(bytesForInk(last, named("up"))).toBe("\u001B[A");
    for (const text of ["1", "2", "j", "k", "kkkk"]) expect(bytesForInk(start, letters(text))).toBeNull();
  });

  it("is nothing at all in a confirmation, on the checklist or after a failure", () => {
    for (const name of ["type", "go", "live", "failure", "choice", "plan", "give-up"]) {
      for (const key of [letters("g"), named("enter"), named("down"), letters("shop_orders")]) {
        expect(bytesForInk(screens[name]!, key), name).toBeNull();
      }
    }
  });
});
