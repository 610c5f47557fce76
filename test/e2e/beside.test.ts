import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import { testBinaries } from "../support/postgres.ts";
import { root } from "../support/source.ts";
import { keys, questionSettlesMs } from "../support/terminal.ts";
import { looksRight } from "./look.ts";
import { operatorAt } from "./operator.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

/** All lines are off their pages, in the log's archive and in a backup from before. */
async function halfGone(name: string) {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const base = await takeBackup(from, name);
  const end =
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()";
  for (const sql of [end, "delete from shop.orders where state = 'cancelled'", "vacuum shop.lines"])
    await incident.session.run("", sql);
  await dropOldLog(from, incident.session);
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-e2e-"));
  chmodSync(folder, 0o711); // servers of ours under another account have to come in
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [home, state, scratch] = ["home", "state", "s"].map((one) => path.join(folder, one)) as [
    string,
    string,
    string,
  ];
  for (const one of [home, state]) mkdirSync(one, { mode: 0o700 });
  mkdirSync(scratch, { mode: 0o711 });
  const backup = { base, archive: from.archive };
  const config = {
    targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "production", backup } },
    scratch: { folder: scratch, servers: { ...testBinaries() } },
    stopFile: path.join(folder, "STOP"),
    limits: { minFreeDisk: 0.01 },
  };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify(config)); // JSON is YAML
  const env = {
    PATH: `${path.join(root, "node_modules/.bin")}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_STATE_HOME: state,
    LANG: "C.UTF-8",
    DATABASE_URL: incident.url,
  };
  return { incident, folder, env };
}

const run = "run restore-after-bad-delete --target shop --set table=shop.orders --choose statement=largest";
const args = `${run} --choose path=page-transplant --choose triggers=skip`.split(" ");

it.each([
  [80, 24],
  [100, 30],
])(
  "at %ix%i an operator reads what the faster way leaves out and what a clone costs, lets it start, and reads how many rows came by which way",
  async (columns, rows) => {
    const { incident, folder, env } = await halfGone(`b${columns}`);
    const tty = operatorAt({ columns, rows, cwd: folder, env, args });
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
