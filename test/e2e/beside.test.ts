import { afterAll, beforeAll, expect, it } from "vitest";
import { type ArchivingServer, startArchivingServer } from "../support/backup.ts";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { archivedDesk } from "./archived.ts";
import { looksRight } from "./look.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

const run = "run restore-after-bad-delete --target shop --set table=shop.orders --choose statement=largest";
const args = `${run} --choose path=page-transplant --choose triggers=skip`.split(" ");

it.each([
  [80, 24],
  [100, 30],
])(
  "at %ix%i an operator reads what the faster way leaves out and what a clone costs, lets it start, and reads how many rows came by which way",
  async (columns, rows) => {
    const { incident, sit } = await archivedDesk(from, { name: `b${columns}`, vacuumed: ["shop.lines"], backed: true });
    const tty = sit({ columns, rows, args });
    await tty.goesOn(/^Build a clone beside it\?/m);
    await looksRight(tty, columns);
    const asked = tty.text().replaceAll(/\s+/g, " ");
    expect(asked).toContain("build a clone meanwhile, and fill in what is missing [recommended]");
    expect(asked).toContain("This way brings back 100 rows. It leaves out 200 rows more that the statement took.");
    expect(asked).toMatch(/needs: about \d+ MB below the scratch folder, given back afterwards/);
    expect(asked).toMatch(/go on without a clone It leaves out 200 rows more/);
    await tty.answers("go on without a clone", keys.down);
    await tty.sees(/^> build a clone meanwhile/m);
    await tty.type(keys.enter);
    await tty.sees("Start a clone; Rescue the rows; Fill in from the clone");
    await looksRight(tty, columns);
    await new Promise((resolve) => setTimeout(resolve, questionSettlesMs));
    await tty.goesOn();
    await tty.sees("all 300 rescued rows are in their tables, equal");
    await looksRight(tty, columns);
    expect(tty.text()).toContain("RESCUED    100 rows by page-transplant, 200 by clone");
    await tty.type("q");
    expect((await tty.leaves()).exit).toBe("ok");
    expect(await incident.content()).toEqual(incident.before);
  },
);
