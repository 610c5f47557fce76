import { afterAll, beforeAll, expect, it } from "vitest";
import { keys } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import type { Operator } from "./operator.ts";
import { type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

const head = /^Holdfast {3}\S+@/;

const shown = (tty: Operator) => tty.rows().slice(1).join(" ").replaceAll(/\s+/g, " ");

/** Reads on page by page until the words are there; gives up at the end of the text. */
async function readsTo(tty: Operator, columns: number, words: RegExp): Promise<void> {
  for (let pages = 0; pages < 20 && !words.test(shown(tty)); pages += 1) {
    const before = shown(tty);
    await tty.type(keys.pageDown);
    await expect.poll(() => shown(tty)).not.toBe(before);
    await looksRight(tty, columns, head);
  }
  expect(shown(tty)).toMatch(words);
}

it.each([
  [80, 24],
  [100, 30],
])("at %ix%i what could be brought back is read from the start screen to its end, and left", async (columns, rows) => {
  const desk = await shop.incident();
  const tty = desk.sit({ args: [], columns, rows });
  await tty.sees("NEW RUN: which environment?");
  await tty.type("d");
  await tty.sees(/\[x\] shop: READY/);
  await tty.sees("DOCTOR  what could be brought back");
  await looksRight(tty, columns, head);
  await readsTo(tty, columns, /shop\.orders \d of \d paths open/);
  await readsTo(tty, columns, /open while nothing prunes the rows/);
  await readsTo(tty, columns, /backup: \{ base: FOLDER, archive: FOLDER \}/);
  await readsTo(tty, columns, /READY: each of 2 tables has an open path\./);
  await tty.type(keys.escape);
  await tty.sees("NEW RUN: which environment?");
  await tty.type("q");
  expect((await tty.leaves()).exit).toBe("ok");
});
