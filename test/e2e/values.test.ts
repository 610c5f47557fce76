import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import { runOn, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

const ctrlR = "\u0012";
/** The note of the first deleted order. */
const value = createHash("md5").update("2").digest("hex");

it.each([
  [80, 24],
  [100, 30],
])(
  "at %ix%i row values are seen after the key alone; no file of ours and no line of the terminal holds one",
  async (columns, rows) => {
    const desk = await shop.incident();
    const tty = desk.sit({ args: runOn(), columns, rows });
    await tty.goesOn(/Type the name/);
    await tty.reads();
    expect(tty.bytes()).not.toContain(value);
    await tty.type(ctrlR);
    await tty.sees("ROW VALUES  Check what was rescued");
    await tty.sees(value.slice(0, 20));
    await looksRight(tty, columns);
    await tty.type(keys.pageDown);
    await looksRight(tty, columns);
    await tty.type(keys.escape);
    await tty.sees("Type the name");
    await tty.seesNot(value.slice(0, 20));
    await tty.type(`shop${keys.enter}`, 60);
    await tty.goesOn();
    await tty.type("q");
    const left = await tty.leaves();
    expect([left.exit, tty.scrolled()]).toEqual(["ok", 0]);
    expect(left.printed).not.toContain(value);
    const events = desk.withJournal((journal) => journal.runs().flatMap(({ run }) => journal.read(run)));
    expect(events.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ kind: "values.revealed", what: "check" }),
    );
    expect(filesBelow(desk.folder).filter((file) => readFileSync(file).includes(value))).toEqual([]);
    expect(await desk.wrong()).toEqual([]);
  },
);

it("in plain lines they are seen after the word alone, and the question is still there", async () => {
  const desk = await shop.incident();
  const tty = desk.sit({ args: runOn("--plain"), columns: 150 });
  for (let holds = 0; holds < 2; holds += 1) {
    await tty.sees(/g and Enter to go \(q leaves, nothing happens\): $/m);
    await sleep(questionSettlesMs);
    await tty.type(`g${keys.enter}`, 60);
    await tty.seesNot(/g and Enter to go \(q leaves, nothing happens\): $/m);
  }
  const question = "type shop by hand, then Enter (show shows sample rows, q leaves, nothing happens):";
  await tty.sees(question);
  await sleep(questionSettlesMs);
  expect(tty.bytes()).not.toContain(value);
  await tty.type(`show${keys.enter}`, 60);
  await tty.sees("What was shown stays in this terminal's scroll-back");
  expect(tty.bytes()).toContain(`note = ${value}`);
  await sleep(questionSettlesMs);
  await tty.type(`shop${keys.enter}`, 60);
  expect((await tty.exited).code).toBe(0);
  expect(tty.bytes().split(value)).toHaveLength(2);
  expect(filesBelow(desk.folder).filter((file) => readFileSync(file).includes(value))).toEqual([]);
  expect(await desk.wrong()).toEqual([]);
});

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}
