import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keys } from "../support/terminal.ts";
import { type ArchivingServer, startArchivingServer } from "../support/backup.ts";
import { archivedDesk } from "./archived.ts";
import { wholeOf } from "./whole.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

const asked = "run restore-after-bad-delete --target shop --set table=shop.orders".split(" ");
const statement = "update shop.orders set total = 0";
/** Two orders were changed by others before anybody looked; nobody may lose that. */
const since = "update shop.orders set total = -99 where id in (1, 2)";

describe.each([
  [80, 24, "leave"],
  [100, 30, "overwrite"],
] as const)("at %ix%i", (columns, rows, wish) => {
  it("an operator reads which UPDATE it was, how many rows are set back, and decides about those that others changed since", async () => {
    const desk = await archivedDesk(from, {
      name: `u${columns}`,
      statement,
      since,
      vacuumed: [],
      backed: false,
      logged: true,
    });
    const { session } = desk.incident;
    const tty = desk.sit({ columns, rows, args: asked });

    await tty.goesOn(/^Find the statement/m);
    const found = await wholeOf(tty, columns);
    expect(found).toMatch(/UPDATE 300 rows/);

    await tty.goesOn(/^Choose the way back/m);
    expect(await wholeOf(tty, columns)).toMatch(/page transplant\) .*brings back 300 rows/);

    await tty.goesOn(/^Changed again since: 2 rows/m);
    const question = await wholeOf(tty, columns);
    expect(question).toContain("leave all 2 as they are");
    expect(question).toContain("set them back all the same");
    await tty.type("\u0012");
    await tty.sees(/-99/);
    expect(await wholeOf(tty, columns)).toMatch(/\b1\b.*-99.*\b2\b.*-99/);
    await tty.type(keys.escape);
    await tty.answers(/to choose from/, wish === "leave" ? keys.down + keys.enter : keys.down + keys.down + keys.enter);

    await tty.goesOn(/Type the name/);
    const confirm = await wholeOf(tty, columns);
    expect(confirm).toContain(`UPDATE ${wish === "leave" ? 298 : 300} rows; 0 INSERT, 0 DELETE`);
    expect(confirm).toContain(
      `2 changed again since, ${wish === "leave" ? "left as they are" : "set back all the same"}`,
    );
    expect(confirm).toContain(
      wish === "leave" ? "A row that was changed since is never overwritten." : "but what you decided",
    );
    expect(confirm).toMatch(/undo:? UPDATE to the values of the safety copy/);

    await tty.goesOn();
    const result = await wholeOf(tty, columns);
    expect(result).toContain(wish === "leave" ? "DONE; 2 ROWS LEFT AS THEY ARE" : "DONE ");
    // What the check foretold was decided since, and is told by the proof.
    expect(result).not.toContain("will be set back");
    const decided = wish === "leave" ? "leave all 2 as they are" : "set them back all the same";
    expect(result).toContain(`DECIDED Changed again since: 2 rows: ${decided}`);
    await tty.type("q");
    const left = await tty.leaves();
    expect(left.exit).toBe("ok");
    expect(left.printed).toMatch(
      wish === "leave"
        ? /298 of 300 rows are as before, proved equal.*; 2 changed again since, left as they are/
        : /300 of 300 rows are as before, proved equal/,
    );
    const { zero, other } = await session.row(
      "",
      "select count(*) filter (where total = 0)::text as zero, count(*) filter (where total = -99)::text as other from shop.orders",
    );
    expect([zero, other]).toEqual(["0", wish === "leave" ? "2" : "0"]);
  });
});
