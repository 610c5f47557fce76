import { afterAll, beforeAll, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import { runOn, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

it("after a third wrong name a hand that types on hits no key, until Enter or Esc; the run is paused and can go on", async () => {
  const desk = await shop.incident();
  const tty = desk.sit({ args: runOn(), columns: 80, rows: 24 });
  await tty.goesOn(/Type the name/);
  await tty.reads();
  for (const said of ["(1 of 3 misses)", "(2 of 3 misses)", "The third miss"]) {
    await tty.type(`ship${keys.enter}`, 60);
    await tty.sees(said);
    expect(tty.text(), "what was read stays read").not.toContain("not read yet");
    await sleep(questionSettlesMs);
  }
  await tty.sees("STOPPED, NOT DONE");
  await tty.sees("Enter or Esc: keys live again  ^C stop");
  await tty.type("shopxgqtvn", 120);
  await sleep(questionSettlesMs);
  await tty.sees("STOPPED, NOT DONE");
  await looksRight(tty, 80);
  const { run, status } = desk.withJournal((journal) => {
    const [summary] = journal.runs();
    if (summary === undefined) throw new Error("the run is in the journal");
    return { run: summary.run, status: summary.status };
  });
  expect(status).toBe("paused");
  const begun = desk.withJournal((journal) =>
    journal.read(run).flatMap(({ event }) => (event.kind === "step.intended" ? [event.step] : [])),
  );
  expect(begun).not.toContain("safety-copy");
  expect(await desk.countOrders()).toBe(600);

  await tty.type(keys.escape);
  await tty.sees("Keys do again what the last row says.");
  await tty.sees("STOPPED, NOT DONE");
  await tty.type("q");
  const left = await tty.leaves();
  expect(left.exit).toBe("paused");
  expect(left.commands).toHaveLength(1);
});
