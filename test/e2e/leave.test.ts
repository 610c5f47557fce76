import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shortRunId } from "../../src/core/ids.ts";
import { keys } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import type { Operator } from "./operator.ts";
import { type Desk, inTheMerge, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

/** Pastes the command that was printed into a shell at the same desk, and goes on to the end: every row once, nothing left. */
async function goesOnByPasting(desk: Desk, commands: readonly string[]): Promise<void> {
  expect(commands).toHaveLength(1);
  const tty = desk.sit({ pasted: commands[0] ?? "" });
  await finish(desk, tty);
}

async function finish(desk: Desk, tty: Operator): Promise<void> {
  await tty.goesOn();
  await tty.type("q");
  expect((await tty.leaves()).exit).toBe("ok");
  expect(await desk.wrong()).toEqual([]);
  const kinds = desk.withJournal((journal) => {
    expect(journal.verify().intact).toBe(true);
    return journal.read(journal.runs()[0]?.run ?? "").map(({ event }) => event.kind);
  });
  expect(kinds.filter((kind) => kind === "run.closed")).toHaveLength(1);
  expect(kinds.filter((kind) => kind === "run.resumed")).toHaveLength(1);
}

function lastWord(desk: Desk): string {
  return desk.withJournal((journal) => {
    const last = journal.read(journal.runs()[0]?.run ?? "").at(-1)?.event;
    return last?.kind === "run.paused" ? last.reason : (last?.kind ?? "");
  });
}

describe("Ctrl-C in the middle of the merge", () => {
  it("once: stops after the batch; the printed command goes on, and every row is back once", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    await tty.type(keys.ctrlC);
    await tty.sees("Stopping: after this batch. ^C again cancels the statement.");
    await letGo();
    const left = await tty.leaves();
    expect([left.exit, lastWord(desk)]).toEqual(["paused", "Ctrl-C"]);
    expect(left.printed).toContain("stopped after 200 of 900 rows, safe to go on later");
    expect(left.printed).not.toContain("UNKNOWN");
    expect(await desk.countOrders()).toBe(800);
    await goesOnByPasting(desk, left.commands);
  });

  it("once, then given up: says first what stays written, and that is what the server has", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    await tty.type(keys.ctrlC);
    await tty.sees("Stopping: after this batch");
    await letGo();
    await tty.leaves();
    const again = desk.sit({ columns: 80, rows: 24 });
    await again.sees(/OPEN RUNS \(1\)/);
    await again.type(keys.enter);
    await again.sees(/\[~\] step \d+ Put the missing rows back: stopped after 200 of 900 rows/);
    await again.sees(/HELD {6}\d+ leases/);
    await looksRight(again, 80);
    await again.type("x");
    await again.sees("Type the run's short id");
    await looksRight(again, 80);
    const price = again.text().replaceAll(/\s+/g, " ");
    expect(price).toContain("STAYS Put the missing rows back: 200 of 900 rows are written, and stay");
    expect(price).toMatch(/GOES rescue area holdfast_rescue_\w+ with 900 rescued rows and the safety copy/);
    expect(price).toContain("what is written can't be taken out by the safety copy any more");
    await again.type(`${desk.withJournal((journal) => shortRunId(journal.runs()[0]?.run ?? ""))}${keys.enter}`, 60);
    await again.sees(/^GIVEN UP {2}.*\n *STAYS {6}Put the missing rows back: 200 of 900 rows are written, and stay/m);
    await again.sees(/^ *GONE {7}dropped: rescue area holdfast_rescue_\w+ with 900/m);
    await looksRight(again, 80);
    await again.type("q");
    const left = await again.leaves();
    expect(left.printed).toContain("stays: Put the missing rows back: 200 of 900 rows are written, and stay");
    expect(left.printed).not.toMatch(/proved|will be inserted/i);
    expect(await desk.countOrders()).toBe(800);
  });

  it("twice: cancels the statement; the printed command finds out and goes on", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    await tty.type(keys.ctrlC);
    await tty.sees("Stopping: after this batch");
    await tty.type(keys.ctrlC);
    const left = await tty.leaves();
    expect([left.exit, lastWord(desk)]).toEqual(["paused", "Ctrl-C"]);
    await letGo();
    await goesOnByPasting(desk, left.commands);
  });

  it("three times: exits at once, also where the server no longer answers; the printed command finds out and goes on", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    const wake = await desk.hangServer();
    await tty.type(keys.ctrlC.repeat(2), 60);
    await tty.sees("Cancelling the statement. Its outcome is not known until resume asks the server. ^C exits now.");
    await tty.type(keys.ctrlC);
    const left = await tty.leaves();
    expect([left.exit, lastWord(desk)]).toEqual(["interrupted", "step.progressed"]);
    expect(left.printed).toMatch(/step \d+ Put the missing rows back: UNKNOWN, resume finds out/);
    wake();
    await letGo();
    await goesOnByPasting(desk, left.commands);
  });
});

describe("what comes from outside in the middle of the merge", () => {
  it("SIGTERM pauses after the batch", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    process.kill(tty.program(), "SIGTERM");
    await tty.sees("SIGTERM: pausing at the next safe point");
    await letGo();
    const left = await tty.leaves();
    expect([left.exit, lastWord(desk)]).toEqual(["paused", "SIGTERM"]);
    await goesOnByPasting(desk, left.commands);
  });

  it("a lost terminal pauses after the batch, and the run is gone on with from another", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    const pid = tty.program();
    tty.hangUp();
    await letGo();
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
    expect(lastWord(desk)).toMatch(/^the terminal/);
    await finish(desk, desk.sit({ args: ["resume"] }));
  });

  it("SIGKILL leaves the run first on the start screen; g on its resume screen goes on to the end", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    process.kill(tty.program(), "SIGKILL");
    expect((await tty.exited).code).toBe(137);
    const again = desk.sit({ columns: 80, rows: 24 });
    await again.sees(
      /OPEN RUNS \(1\).*\n> \[\?\] \w{4} {2}restore-after-bad-delete {2}!! PRODUCTION !! shop\n.*killed/,
    );
    await looksRight(again, 80, /^Holdfast/);
    await again.type(keys.enter);
    await again.sees(/\[\?\] step \d+ Put the missing rows back: it was begun, and no outcome is\s+known/);
    await looksRight(again, 80);
    await again.type("g");
    await letGo();
    await finish(desk, again);
  });
});
