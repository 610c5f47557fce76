import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ArchivingServer, startArchivingServer } from "../support/backup.ts";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { archivedDesk } from "./archived.ts";
import { wholeOf } from "./whole.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off", full_page_writes: "off" } });
});
afterAll(() => from.end());

const asked = "run restore-after-bad-delete --target shop --set table=shop.orders".split(" ");

/** Others made three of the lost orders anew before anybody looked. */
const remade = `insert into shop.orders (id, state, placed, total) overriding system value
  select id, 'open', now(), 1 from generate_series(2, 8, 3) id`;

describe.each([
  [80, 24],
  [100, 30],
])("at %ix%i", (columns, rows) => {
  it("an operator reads what each hold costs, why three ways are closed, what stays out, and that not all could be counted", async () => {
    const vacuumed = ["shop.lines"];
    const desk = await archivedDesk(from, { name: `p${columns}`, vacuumed, backed: false, since: remade });
    const tty = desk.sit({ columns, rows, args: asked });

    await tty.goesOn(/^STEP 1 .* HOLD/m);
    const hold = await wholeOf(tty, columns);
    expect(hold).toContain(
      "VACUUM can't remove rows that die from now on, in any table of any database of this server.",
    );
    expect(hold).toContain("cost: Dead rows pile up in every table of every database of this server until it is");
    expect(hold).toContain("Keeps the write-ahead log back to the oldest file that is still on");
    expect(hold).toMatch(
      /cost: Keeps \d+ MB of WAL, growing .* given back by itself at .* if this program dies nothing/,
    );

    await tty.goesOn(/^Find the statement/m);
    expect(await wholeOf(tty, columns)).toMatch(
      /DELETE 100 rows .* NOT COUNTED: row versions that were cleaned up before the hold \(at least 199 of shop.lines\)/,
    );

    await tty.goesOn(/^Choose the way back/m);
    const ways = await wholeOf(tty, columns);
    expect(ways).toMatch(/page transplant\) \[recommended\] about 0:0\d; brings back 100 rows/);
    expect(ways).toMatch(/pg_dirtyread\) not possible: .* It opens with: The package pg_dirtyread/);
    expect(ways).toMatch(/\(WAL\) and off the pages not possible: full_page_writes is off/);
    expect(ways).toMatch(
      /base backup .*not possible: The config names no base backup .* It opens .*backup: \{ base, archive \}/,
    );

    await tty.goesOn(/Type the name/);
    expect(await wholeOf(tty, columns)).toContain("INSERT 97 rows in 1 batch; 3 rows stay out: 3 made again since");

    await tty.goesOn();
    const result = await wholeOf(tty, columns);
    expect(result).toMatch(
      /DONE, BUT 3 ROWS ARE NOT BACK .* rescued equal different absent remade shop.orders 100 97 3 0 3/,
    );
    expect(result).toMatch(/WARN: NOT COUNTED: row versions .* \(at least 199 of shop.lines\)/);
    await tty.type("q");
    const left = await tty.leaves();
    expect(left.exit).toBe("ok");
    expect(left.printed).toMatch(
      /DONE, BUT 3 ROWS ARE NOT BACK[^]*97 of 100 rows are back.*; 3 keys were used again since, with other values: not back/,
    );
    expect(left.printed).toContain("NOT COUNTED");
  });

  it("where every way is closed, an operator reads why each is and what opens it, leaves, and finds on coming back what is still held", async () => {
    const vacuumed = ["shop.lines", "shop.orders"];
    const desk = await archivedDesk(from, { name: `c${columns}`, vacuumed, backed: false, logged: true });
    const tty = desk.sit({ columns, rows, args: asked });
    await tty.goesOn(/WHAT NEXT/);
    const failure = await wholeOf(tty, columns);
    expect(failure).toContain(
      "No way back is open. (1) page-transplant: No deleted row of this statement is on its page",
    );
    expect(failure).toContain("(3) wal: full_page_writes is off");
    expect(failure).toMatch(/\(4\) clone: .* It opens with: backup: \{ base, archive \}/);
    expect(failure).toContain("HF-PATHS-CLOSED");
    expect(failure).toContain("nothing was changed");
    await sleep(questionSettlesMs);
    await tty.type("q", 1000);
    await tty.sees("q again leaves");
    await tty.type("q");
    const left = await tty.leaves();
    expect(left.exit).toBe("paused");
    const again = desk.sit({ columns, rows, args: [] });
    await again.sees("OPEN RUNS");
    await again.answers("restore-after-bad-delete", keys.enter);
    await again.sees(/^BEFORE/m);
    expect(await wholeOf(again, columns)).toMatch(/HELD .*VACUUM can't remove rows that die from/);
    await again.type(keys.escape, 400);
    await again.type("q");
    expect((await again.leaves()).exit).toBe("ok");
  });
});
