import { describe, expect, it } from "vitest";
import { decode, decodeRest, type Key } from "../../../src/screens/input/decode.ts";

const text = (value: string): Key => ({ kind: "text", text: value });
const named = (name: Extract<Key, { kind: "named" }>["name"]): Key => ({ kind: "named", name });

describe("decode", () => {
  it("cuts a name and its Enter that came in one chunk into two keys", () => {
    expect(decode("shop_orders\r")).toEqual({ keys: [text("shop_orders"), named("enter")], rest: "" });
  });

  it("keeps the order of letters, arrows and backspace in one chunk", () => {
    const { keys } = decode("ab\u001B[Dc\u007Fd\r");
    expect(keys).toEqual([text("ab"), named("left"), text("c"), named("backspace"), text("d"), named("enter")]);
  });

  it.each([
    ["\u001B[A", "up"],
    ["\u001BOB", "down"],
    ["\u001B[5~", "pgup"],
    ["\u001B[6~", "pgdn"],
    ["\u001B[Z", "shift-tab"],
    ["\u0003", "ctrl-c"],
    ["\u0007", "ctrl-g"],
    ["\u0018", "ctrl-x"],
    ["\t", "tab"],
    ["\n", "enter"],
    ["\u0008", "backspace"],
  ] as const)("knows %j as %s", (bytes, name) => {
    expect(decode(bytes).keys).toEqual([named(name)]);
  });

  it("waits for the rest of an arrow key that the network tore in two", () => {
    const first = decode("\u001B");
    expect(first).toEqual({ keys: [], rest: "\u001B" });
    const second = decode(`${first.rest}[`);
    expect(second.keys).toEqual([]);
    expect(decode(`${second.rest}A`).keys).toEqual([named("up")]);
  });

  it("takes a lone ESC for the Esc key once nothing more came", () => {
    expect(decodeRest("\u001B")).toEqual([named("escape")]);
    expect(decodeRest("\u001B[")).toEqual([named("unknown")]);
    expect(decodeRest("")).toEqual([]);
  });

  it("takes ESC ESC for two Esc keys and Alt with a letter for nothing", () => {
    const both = decode("\u001B\u001B");
    expect([...both.keys, ...decodeRest(both.rest)]).toEqual([named("escape"), named("escape")]);
    expect(decode("\u001Bq").keys).toEqual([named("unknown")]);
  });

  it("keeps a bracketed paste whole, with its line ends and the keys around it", () => {
    const { keys } = decode("a\u001B[200~one\r\ntwo\u001B[201~b");
    expect(keys).toEqual([text("a"), { kind: "paste", text: "one\r\ntwo" }, text("b")]);
  });

  it("holds a paste back until its end arrives, so that no part of it is taken for keys", () => {
    const first = decode("\u001B[200~gxq");
    expect(first.keys).toEqual([]);
    expect(decode(`${first.rest}\u001B[201~`).keys).toEqual([{ kind: "paste", text: "gxq" }]);
    expect(decodeRest(first.rest)).toEqual([{ kind: "paste", text: "gxq" }]);
  });

  it("drops terminal replies and mouse reports as unknown keys, never as text", () => {
    expect(decode("\u001B[<0;10;5M\u001B[?62;c\u001B[I").keys).toEqual([
      named("unknown"),
      named("unknown"),
      named("unknown"),
    ]);
  });
});
