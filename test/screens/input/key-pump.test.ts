import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Key } from "../../../src/screens/input/decode.ts";
import { keyPump } from "../../../src/screens/input/key-pump.ts";

function pumped(escapeWaitMs = 20) {
  const keys: Key[] = [];
  const pump = keyPump((key) => keys.push(key), escapeWaitMs);
  return { keys, pump };
}

const name = (key: Key) => (key.kind === "named" ? key.name : key.text);

describe("keyPump", () => {
  it("hands out one key per macrotask, so that each sees the state which the one before it made", async () => {
    const turns: number[] = [];
    let turn = 0;
    const pump = keyPump(() => turns.push(turn), 20);
    pump.feed("ab\rcd\r");
    expect(turns).toEqual([]);
    for (let n = 0; n < 4; n += 1) {
      await new Promise(setImmediate);
      turn += 1;
    }
    expect(new Set(turns).size).toBe(4);
  });

  it("puts a torn arrow key together again", async () => {
    const { keys, pump } = pumped(50);
    pump.feed("\u001B");
    await wait(5);
    pump.feed("[A");
    await wait(20);
    expect(keys.map(name)).toEqual(["up"]);
  });

  it("gives a lone ESC out as Esc when its time is over", async () => {
    const { keys, pump } = pumped(10);
    pump.feed("\u001B");
    await wait(60);
    expect(keys.map(name)).toEqual(["escape"]);
  });

  it("puts a character together whose bytes came in two reads", async () => {
    const { keys, pump } = pumped();
    const bytes = Buffer.from("é");
    pump.feed(bytes.subarray(0, 1));
    pump.feed(bytes.subarray(1));
    await wait(20);
    expect(keys.map(name)).toEqual(["é"]);
  });

  it("throws away what was typed before a question appeared", async () => {
    const { keys, pump } = pumped();
    pump.feed("\r\r\r\r");
    await new Promise(setImmediate);
    pump.drain();
    await wait(20);
    expect(keys.length).toBe(1);
  });

  it("waits longer for the end of a paste than for that of a key", async () => {
    const { keys, pump } = pumped(10);
    pump.feed("\u001B[200~shop_");
    await wait(60);
    expect(keys).toEqual([]);
    pump.feed("orders\u001B[201~");
    await wait(20);
    expect(keys).toEqual([{ kind: "paste", text: "shop_orders" }]);
  });

  it("hands out nothing after it was stopped", async () => {
    const { keys, pump } = pumped(5);
    pump.feed("abc\u001B");
    pump.stop();
    await wait(40);
    expect(keys).toEqual([]);
  });
});
