import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keys } from "../support/terminal.ts";
import type { Operator } from "./operator.ts";
import { type Desk, runOn, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

/** Steps that were begun, in order: nothing is done before its intent is noted. */
function begun(desk: Desk): readonly string[] {
  return desk.withJournal((journal) =>
    journal
      .runs()
      .flatMap(({ run }) => journal.read(run))
      .flatMap(({ event }) => (event.kind === "step.intended" ? [event.step] : [])),
  );
}

function confirmedTimes(desk: Desk, step: string): number {
  const events = desk.withJournal((journal) => journal.runs().flatMap(({ run }) => journal.read(run)));
  return events.filter(
    ({ event }) => event.kind === "question.answered" && event.step === step && event.answered.kind === "confirmed",
  ).length;
}

function chosen(desk: Desk): readonly string[] {
  const events = desk.withJournal((journal) => journal.runs().flatMap(({ run }) => journal.read(run)));
  return events.flatMap(({ event }) =>
    event.kind === "question.answered" && event.answered.kind === "chosen" ? [event.step] : [],
  );
}

/** The shortest time in milliseconds in which a question was answered, by the journal. */
function soonest(desk: Desk): number {
  const events = desk.withJournal((journal) => journal.runs().flatMap(({ run }) => journal.read(run)));
  const asked = new Map(
    events.flatMap(({ at, event }) => (event.kind === "question.asked" ? [[event.question.id, at]] : [])),
  );
  const took = events.flatMap(({ at, event }) =>
    event.kind === "question.answered" && event.by !== "default" ? [at - (asked.get(event.question) ?? at)] : [],
  );
  return Math.min(...took);
}

/** A key that comes before the question is asked again, or has stood for a moment, is refused: then it is pressed again. */
async function typesAnew(tty: Operator, name: string): Promise<void> {
  const first = name.slice(0, 1);
  do {
    await tty.reads();
    await tty.type(first, 500);
  } while (!tty.text().includes(`\n  > ${first}`));
  await tty.type(name.slice(1), 60);
}

describe("the name of a production database", () => {
  it("confirms when it is typed, once; not by another name, Enter, a paste, or in one piece with its Enter", async () => {
    const desk = await shop.incident();
    const tty = desk.sit({ args: runOn() });
    await tty.goesOn(/Type the name/);
    await tty.reads();

    await tty.type(keys.enter);
    await tty.sees("Enter alone confirms nothing");
    tty.send(`shop${keys.enter}`);
    await tty.sees("That came all at once, like a paste: type it by hand.");
    tty.send("\u001B[200~shop\u001B[201~");
    await tty.sees("Pasted text is refused: type it by hand.");
    tty.send(`\u001B[200~shop${keys.enter}\u001B[201~${keys.enter}`);
    await sleep(sameKeyMs);
    await tty.type(keys.enter);
    await tty.sees("Pasted text is refused: type it by hand.");
    expect(tty.text()).not.toContain("of 3 misses");
    await tty.type(`till${keys.enter}`, 60);
    await tty.sees("Not confirmed: that names the staging target till.");
    await tty.sees("(1 of 3 misses)");
    await typesAnew(tty, `Shop${keys.enter}`);
    await tty.sees("Not confirmed: capital and small letters differ.");
    await tty.sees("(2 of 3 misses)");
    expect(begun(desk).filter((step) => step === "merge" || step === "safety-copy")).toEqual([]);
    expect(await desk.countOrders()).toBe(600);

    await typesAnew(tty, `shop${keys.enter}`);
    await tty.goesOn();
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(confirmedTimes(desk, "safety-copy")).toBe(1);
    expect(confirmedTimes(desk, "merge")).toBe(0);
    expect(await desk.wrong()).toEqual([]);
  });
});

/** Longer than any key that is held down by mistake, and than what a question ignores. */
const heldFor = 1_200;
const sameKeyMs = 800;

describe("a key that is held down", () => {
  it("answers no question that appears under it, be it g or Enter", async () => {
    const desk = await shop.incident();
    const tty = desk.sit({ args: runOn().slice(0, 6), columns: 120, rows: 50 });
    await tty.holds("g", async () => {
      await tty.sees("g goes ahead.");
      expect(tty.text()).not.toContain("not read yet");
      await sleep(heldFor);
    });
    expect(begun(desk)).toEqual([]);
    await sleep(sameKeyMs);
    await tty.answers("g goes ahead.", "g");
    await tty.sees("Find the statement   1 to choose from");
    await tty.holds(keys.enter, () => sleep(heldFor));
    expect(begun(desk)).toEqual(["freeze", "statement"]);
    await tty.answers("Find the statement   1 to choose from", keys.down);
    await tty.holds(keys.enter, async () => {
      await tty.sees("Choose the way back ");
      await sleep(heldFor);
    });
    expect(chosen(desk)).toEqual(["statement"]);
    await sleep(sameKeyMs);
    await tty.answers("Choose the way back", keys.down);
    await tty.type(keys.enter);
    // Nor does a hand that hammers: no key is the one before it.
    await tty.holds(["z", "g"], () => tty.sees(/STEPS \d+, \d+/));
    await tty.goesOn();
    expect(soonest(desk)).toBeGreaterThanOrEqual(400);
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(await desk.wrong()).toEqual([]);
  });
});
