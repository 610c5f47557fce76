import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { countedLines } from "../../src/actions/counted-lines.ts";
import { systemClock } from "../../src/core/clock.ts";

test("hands on every byte, and tells now and then how many lines went by", async () => {
  const told: number[] = [];
  async function* slowly() {
    for (let n = 0; n < 4; n += 1) {
      await sleep(130);
      yield Buffer.from("1\ta\n2\tb\\nb\n3");
    }
  }
  const bytes = await buffer(countedLines(Readable.from(slowly()), systemClock, (lines) => told.push(lines)));
  expect(bytes.toString()).toBe("1\ta\n2\tb\\nb\n3".repeat(4));
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThan(4);
  expect(told.toSorted((a, b) => a - b)).toEqual(told);
});

test("an error of the source is an error of what is read, and who stops reading stops the source", async () => {
  const failing = Readable.from(
    (async function* () {
      yield Buffer.from("1\n");
      throw new Error("gone");
    })(),
  );
  await expect(buffer(countedLines(failing, systemClock, () => undefined))).rejects.toThrow("gone");
  const endless = Readable.from(
    (async function* () {
      for (;;) yield Buffer.from("1\n");
    })(),
  );
  const read = countedLines(endless, systemClock, () => undefined) as Readable;
  read.destroy();
  await expect.poll(() => endless.destroyed).toBe(true);
});
