import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keys } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import { commandsIn } from "./operator.ts";
import { inTheMerge, type Shop, startShop } from "./world.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.end());

describe("a server that crashes in the middle of the merge", () => {
  it("leads to what is known and what can be done, with the reason where not; once it is back, the printed command goes on to the end", async () => {
    const desk = await shop.incident();
    const { tty } = await inTheMerge(desk);
    await desk.stopServer();
    await tty.sees("[!] STEP 10  Put the missing rows back   it failed");
    await tty.sees("KNOWN     100 rows were reported done before it");
    await looksRight(tty, 100);
    await tty.answers("(i) find out: ask the target, reads only   nothing is unknown here", "i");
    await tty.sees("i: nothing is unknown here");
    await tty.type("r");
    await tty.sees("WHY        HF-LOCK-LOST");
    await looksRight(tty, 100);
    await tty.type("g");
    await tty.sees("WHY        HF-CONNECT-UNREACHABLE");
    await tty.type(keys.pageDown.repeat(3), 80);
    await tty.sees(/^node .* resume /m);
    const shown = commandsIn(tty.text());
    await tty.type("q");
    const left = await tty.leaves();
    expect([left.exit, left.commands]).toEqual(["unreachable", shown]);
    await desk.startServer();
    const again = desk.sit({ pasted: left.commands[0] ?? "" });
    await again.goesOn();
    await again.type("q");
    expect((await again.leaves()).exit).toBe("ok");
    expect(await desk.wrong()).toEqual([]);
  });
});
