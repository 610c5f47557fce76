import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setTimeout as sleep } from "node:timers/promises";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { looksRight, onShop } from "./look.ts";
import type { Operator } from "./operator.ts";
import { runOn, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

const sizes = [
  [80, 24],
  [100, 30],
] as const;

describe("an operator brings rows back by keys alone", () => {
  it.each(sizes)(
    "at %ix%i; no screen wraps, scrolls or is cut without a mark, and each has help",
    async (columns, rows) => {
      const desk = await shop.incident();
      const tty = desk.sit({ columns, rows });
      const atStart = /^Holdfast {3}\S+@/;
      /** A screen shows this, looks right, and so does its help. */
      const shows = async (text: string | RegExp, help: "?" | "\u0007" | null = "?", head = onShop) => {
        await tty.sees(text);
        await looksRight(tty, columns, head);
        if (help === null) return;
        await sleep(questionSettlesMs);
        await tty.type(help);
        await tty.sees("KEYS ON THAT SCREEN");
        await looksRight(tty, columns, head);
        await tty.type(keys.escape);
        await tty.seesNot("KEYS ON THAT SCREEN");
        await tty.sees(text);
      };

      // A key that is down while the program starts is echoed by the terminal until it is told not to.
      await tty.holds("x", () => tty.sees("NEW RUN: which environment?"));
      await shows("NEW RUN: which environment?", "?", atStart);
      await tty.type(`${keys.down}${keys.down}${keys.enter}`, 80);
      await shows("TARGETS in production", "?", /^!! PRODUCTION !!/);
      await tty.type(keys.enter);
      await shows("find:", "\u0007");
      await tty.type(`restore${keys.enter}`);
      await shows("needed: Which table lost rows?", "\u0007");
      await tty.type("shop.order");
      await shows('NO  there is no table "shop.order". Nearest: shop.orders.', null);
      await tty.type("s");
      await shows("ok  shop.orders", null);
      await tty.type(keys.enter.repeat(3), 80);
      await shows("PLAN  Bring back rows");
      await tty.type("g");

      await goAhead(tty, "STEP 1  Hold the evidence", shows);
      await choose(tty, "Find the statement", shows);
      await choose(tty, "Choose the way back", shows);
      await goAhead(tty, /STEPS \d+, \d+ {2}Make the marker table; Rescue the rows/, shows);
      await choose(tty, "Decide about triggers", shows);
      await shows("Type the name of this database", "\u0007");
      await tty.reads();
      await looksRight(tty, columns);
      await tty.type(`shop${keys.enter}`, 60);
      await tty.answers("Keep the rescued rows?   2 to choose from", keys.down);
      await shows(/^> keep it: loses nothing, and YOU drop it later$/m);
      expect(tty.text()).not.toContain("[default]");
      await tty.type(keys.down);
      await shows(/^> give everything back now$/m);
      await tty.type(keys.enter);
      await shows(/^DONE {2}\w{4} restore-after-bad-delete/m);
      await shows("300 of 300 rows are back", null);

      await tty.type(keys.escape);
      await shows("NEW RUN: which environment?", null, atStart);
      await tty.type("j");
      await shows(/^> \[x\] \w{4} .* restore-after-bad-delete .* (done|do\.\.)/m, "?", atStart);
      await tty.type(keys.enter);
      await shows("TIMELINE");
      await tty.type(keys.escape);
      await shows("JOURNAL  1 run", null, atStart);
      await tty.type("q");
      const left = await tty.leaves();
      expect([left.exit, left.commands]).toEqual(["ok", []]);
      expect(await desk.wrong()).toEqual([]);
    },
  );
});

type Shows = (text: string | RegExp, help?: "?" | null) => Promise<void>;

async function goAhead(tty: Operator, title: string | RegExp, shows: Shows): Promise<void> {
  await shows(title);
  await tty.reads();
  await shows("g goes ahead.", null);
  await tty.type("g");
  await tty.seesNot(title);
}

async function choose(tty: Operator, title: string, shows: Shows): Promise<void> {
  const question = `${title}   `;
  await tty.sees(new RegExp(`^${question.replace("?", "[?]")}\\d+ to choose from`, "m"));
  await shows("to choose from");
  await tty.answers("to choose from", keys.down);
  await tty.sees(/^> /m);
  await shows("to choose from", null);
  await tty.type(keys.enter);
  await tty.seesNot(question);
}

describe("the screens", () => {
  it("are drawn clean after every resize in the middle of the merge, and the run goes on", async () => {
    const desk = await shop.incident();
    const tty = desk.sit({ args: runOn() });
    await tty.sees("g goes ahead.");
    await looksRight(tty, 100);
    await tty.goesOn(/Type the name/);
    await tty.reads();
    const letGo = await desk.holdSecondBatch();
    await tty.type(`shop${keys.enter}`, 60);
    await tty.sees("100 of 900 rows");
    for (const [columns, rows] of [
      [60, 15],
      [80, 24],
      [120, 40],
      [59, 14],
      [100, 30],
    ] as const) {
      tty.resize(columns, rows);
      await tty.sees(columns < 60 ? "needs 60x15; the run goes on" : "100 of 900 rows");
      if (columns >= 60) await looksRight(tty, columns);
    }
    await letGo();
    await tty.goesOn();
    await looksRight(tty, 100);
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(await desk.wrong()).toEqual([]);
  });

  it("send no colour and no other attribute where NO_COLOR is set, and colours where it is not", async () => {
    const desk = await shop.incident();
    const attributes: boolean[] = [];
    for (const env of [{ NO_COLOR: "1" }, {}]) {
      const tty = desk.sit({ env });
      await tty.sees("!! PRODUCTION !!");
      await tty.type(`${keys.down}${keys.down}${keys.enter}`, 80);
      await tty.sees("TARGETS in production");
      await tty.type(keys.enter);
      await tty.sees("find:");
      await tty.type("restore");
      await tty.sees("1 of ");
      await tty.type(keys.escape);
      await tty.sees("TARGETS in production");
      await tty.type("q");
      expect((await tty.leaves()).exit).toBe("ok");
      // oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
      attributes.push(/\u001B\[[0-9;:]*m/.test(tty.bytes()));
    }
    expect(attributes).toEqual([false, true]);
  });
});
