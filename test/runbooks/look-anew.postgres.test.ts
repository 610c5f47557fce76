import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { type ArchivingServer, startArchivingServer, takeBackup } from "../support/backup.ts";
import { aCli, type Cli } from "../support/cli.ts";
import { testBinaries } from "../support/postgres.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

const headless = ["--yes-sandbox", "--plain"];
const run = ["run", "restore-after-bad-delete", "--target", "shop", "--set", "table=shop.orders", ...headless];
const choosing = (statement: string) => ["--choose", `statement=${statement}`, "--choose", "path=clone"];

/** A shop whose backup is there, and a config that may name it, another place, or none. */
async function aShop(name: string) {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const base = await takeBackup(from, name);
  const cli = aCli({ DATABASE_URL: incident.url });
  const config = (folder: string | null) => {
    const backup = folder === null ? {} : { backup: { base: folder, archive: from.archive } };
    cli.config({
      targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox", ...backup } },
      scratch: { folder: cli.scratch, servers: { ...testBinaries() } },
    });
  };
  return { incident, cli, base, config };
}

function ends(cli: Cli, step: string): readonly string[] {
  return cli
    .events()
    .flatMap(({ event }) =>
      event.kind === "step.ended" && event.step === step ? [`${event.attempt} ${event.outcome}`] : [],
    );
}

test("a path that was closed opens for the same run once what it needs is there, and the rows come back by it", async () => {
  const { incident, cli, base, config } = await aShop("opened");
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  config(null);
  const refused = await cli.run([...run, ...choosing("largest")]);
  expect([refused.exit, refused.stdout]).toEqual([
    "needs-person",
    expect.stringMatching(/^HF-CHOICE-INVALID .*path=clone: .* It opens with: backup:/m),
  ]);
  expect(refused.stdout).toMatch(/^ {2}--choose path=page-transplant {3}# .*\[recommended\]; .*brings back \d+ rows/m);
  config(base);
  const resumed = await cli.run(["resume", ...headless, "--choose", "path=clone", "--choose", "keep=drop"]);
  expect([resumed.exit, resumed.stderr], resumed.stdout).toEqual(["ok", ""]);
  expect(ends(cli, "path")).toEqual(["1 done", "2 done"]);
  expect(stepOf(foldRun(cli.events()), "path").choice?.value).toBe("clone");
  expect(await incident.content()).toEqual(incident.before);
});

test("after TRUNCATE a backup that is not where the config says is the reason given, and the same run goes on with the right one", async () => {
  const { incident, cli, base, config } = await aShop("elsewhere");
  await incident.session.run("", "truncate shop.orders cascade");
  const nowhere = path.join(cli.folder, "no-such-base");
  config(nowhere);
  const blind = await cli.run([...run, ...choosing("rewrite")]);
  expect([blind.exit, blind.stdout]).toEqual([
    "failed",
    expect.stringContaining(`the folder of the base backup is not there: ${nowhere}`),
  ]);
  expect(blind.stdout).toMatch(
    /^ {2}what to do: That is what backup\.base in holdfast\.yaml was taken as: .* Then resume:/m,
  );
  expect(blind.stdout).not.toMatch(/begin anew|name one for the target/);
  config(base);
  const resumed = await cli.run(["resume", ...headless]);
  expect([resumed.exit, resumed.stderr], resumed.stdout).toEqual(["ok", ""]);
  expect(ends(cli, "statement")).toEqual(["1 failed", "2 done"]);
  expect(await incident.content()).toEqual(incident.before);
});
