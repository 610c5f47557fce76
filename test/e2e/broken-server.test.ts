import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { looksRight } from "./look.ts";
import { commandsIn } from "./operator.ts";
import { type Desk, inTheMerge, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

/** Longer than the time within which the same key twice is a held key. */
const sameKeyMs = 800;
const failed = /\[!\] STEP \d+ {2}Put the missing rows back {3}it failed/;
const retry = "connect anew, then retry this step   recommended";

function kinds(desk: Desk): readonly string[] {
  return desk.withJournal((journal) =>
    journal.runs().flatMap(({ run }) => journal.read(run).map(({ event }) => event.kind)),
  );
}

describe("a server that crashes in the middle of the merge", () => {
  it("leads to what is known and what can be done, with the reason where not; the question stands until it is back, and the printed command goes on to the end", async () => {
    const desk = await shop.incident();
    const { tty } = await inTheMerge(desk);
    await desk.stopServer();
    await tty.sees(failed);
    await tty.sees("at least 100 of 900 rows were gone through before it");
    await tty.sees(retry);
    await looksRight(tty, 100);
    await tty.answers("nothing is unknown here", "i");
    await tty.sees("i: nothing is unknown here");
    await tty.type("r");
    await tty.sees("HF-CONNECT-UNREACHABLE");
    await tty.sees(retry);
    await looksRight(tty, 100);
    await sleep(sameKeyMs);
    await tty.type("q");
    await tty.sees("Leave? ");
    await sleep(sameKeyMs);
    await tty.type("q");
    const left = await tty.leaves();
    expect([left.exit, left.commands]).toEqual(["paused", commandsIn(left.printed)]);
    await desk.startServer();
    const again = desk.sit({ pasted: left.commands[0] ?? "" });
    await again.goesOn();
    await again.type("q");
    expect((await again.leaves()).exit).toBe("ok");
    expect(await desk.wrong()).toEqual([]);
  });

  it("and comes back is reached anew by the same key, in the same program, and every row is back once", async () => {
    const desk = await shop.incident();
    const { tty } = await inTheMerge(desk);
    await desk.stopServer();
    await tty.sees(retry);
    await desk.startServer();
    await tty.answers(retry, "r");
    await tty.goesOn();
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(kinds(desk)).not.toContain("run.resumed");
    expect(await desk.wrong()).toEqual([]);
  });
});

describe("an administrator who ends sessions of ours in the middle of the merge", () => {
  it("all of them: one key connects anew, with the lock and the fence, and every row is back once", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    await desk.endSessions("like 'holdfast:%'");
    await tty.sees(retry);
    await looksRight(tty, 100);
    await letGo();
    await tty.answers(retry, "r");
    await tty.goesOn();
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    const events = desk.withJournal((journal) => journal.runs().flatMap(({ run }) => journal.read(run)));
    expect(events.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ guard: "fence", reason: expect.stringContaining("an earlier connection") }),
    );
    expect(kinds(desk)).not.toContain("run.resumed");
    expect(await desk.wrong()).toEqual([]);
  });

  it("the one that writes: its transaction is known to be rolled back, and the merge goes on by itself", async () => {
    const desk = await shop.incident();
    const { tty, letGo } = await inTheMerge(desk);
    await desk.endSessions("like 'holdfast:%' and wait_event_type = 'Lock'");
    await tty.sees("the connection was lost; rolled back, again in 100 ms");
    await letGo();
    await tty.goesOn();
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(await desk.wrong()).toEqual([]);
  });
});
