import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  [80, 24],
  [100, 30],
])("at %ix%i", (columns, rows) => {
  it("an operator reads which UPDATE it was, how many rows are set back, and which stay as others made them", async () => {
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

    await tty.goesOn(/Type the name/);
    const confirm = await wholeOf(tty, columns);
    expect(confirm).toContain("UPDATE 298 rows; 0 INSERT, 0 DELETE");
    expect(confirm).toContain("2 changed again since, left as they are");
    expect(confirm).toContain("A row that was changed since is never overwritten.");
    expect(confirm).toMatch(/undo:? UPDATE to the values of the safety copy/);

    await tty.goesOn();
    const result = await wholeOf(tty, columns);
    expect(result).toContain("DONE; 2 ROWS LEFT AS THEY ARE");
    await tty.type("q");
    const left = await tty.leaves();
    expect(left.exit).toBe("ok");
    expect(left.printed).toMatch(
      /298 of 300 rows are as before, proved equal.*; 2 changed again since, left as they are/,
    );
    const { zero, other } = await session.row(
      "",
      "select count(*) filter (where total = 0)::text as zero, count(*) filter (where total = -99)::text as other from shop.orders",
    );
    expect([zero, other]).toEqual(["0", "2"]);
  });
});
