import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { type RunState, stepOf } from "../../src/core/run-state.ts";
import { aCli, type Cli, type Ended, headless } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { anIncident, type Incident } from "../cli-on-postgres/incident.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const names = ["shop", "mart"] as const;
type Name = (typeof names)[number];

/** Two databases of one server whose tables have the same names, ids and files, since both are copies of a third. Each lost other rows. */
async function twins(): Promise<Readonly<Record<Name, Incident>>> {
  const first = await anIncident(server, "first", { statement: "select 1" });
  await first.leave();
  const like = first.database;
  const shop = await anIncident(server, "shop", { like });
  const statement = "delete from shop.orders where state = 'paid' or id <= 30";
  return { shop, mart: await anIncident(server, "mart", { like, statement }) };
}

/** One operator's program for both, or one of two on one machine: they share the scratch folder. */
function aProgram({ shop, mart }: Readonly<Record<Name, Incident>>, scratch?: string): Cli {
  const cli = aCli({ SHOP_URL: shop.url, MART_URL: mart.url });
  const target = (name: string) => ({ engine: "postgres", url: `env:${name}_URL`, environment: "sandbox" });
  cli.config({
    targets: { shop: target("SHOP"), mart: target("MART") },
    scratch: { folder: scratch ?? cli.scratch },
  });
  return cli;
}

function words(target: Name, face = "--plain"): readonly string[] {
  const asked = headless.filter((word) => word !== "--plain").map((word) => (word === "shop" ? target : word));
  return [...asked, "--set", "table=shop.orders", face];
}

async function isBack(incident: Incident, ended: Ended, state: RunState): Promise<void> {
  expect(ended.exit, ended.stderr).toBe("ok");
  expect(await incident.content()).toEqual(incident.before);
  expect(await incident.footprint()).toEqual(incident.clean);
  expect(state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  expect(stepOf(state, "merge").result).toMatchObject({ left: 0 });
}

test("two runs at once, in one journal, on two databases of one server that are copies: both bring back their own", async () => {
  const both = await twins();
  const cli = aProgram(both);
  const ended = await Promise.all(names.map((name) => cli.run(words(name))));
  const states = cli.withJournal((journal) => journal.runs().map(({ run }) => foldRun(journal.read(run))));
  for (const [nth, name] of names.entries()) {
    const state = states.find(({ plan }) => Object.values(plan.targets)[0]?.name === name);
    if (!state || !ended[nth]) throw new Error(`no run on ${name}`);
    await isBack(both[name], ended[nth], state);
  }
  expect(cli.leftInScratch()).toEqual([]);
});

test("a run that begins and ends while another holds its evidence gives nothing of that one's back", async () => {
  const both = await twins();
  const first = aProgram(both);
  const second = aProgram(both, first.scratch);
  const holding = first.start(words("shop", "--json"));
  onTestFinished(() => void holding.child.kill("SIGKILL"));
  await holding.printed('"step.ended","step":"path"');
  holding.child.kill("SIGSTOP");
  const held = await heldNow(both.shop);
  expect(held.filter((what) => what.startsWith("slot"))).toHaveLength(2);
  expect(held.filter((what) => what.startsWith("extension"))).toHaveLength(2);
  expect(held.filter((what) => what.startsWith("option"))).toHaveLength(2);
  const ended = await second.run(words("mart"));
  expect([ended.exit, ended.stderr], ended.stdout).toEqual(["ok", ""]);
  expect(await heldNow(both.shop)).toEqual(held);
  expect(await both.mart.content()).toEqual(both.mart.before);
  expect(foldRun(second.events()).leases.filter(({ status }) => status !== "released")).toEqual([]);
  holding.child.kill("SIGCONT");
  await isBack(both.shop, await holding.ended, foldRun(first.events()));
  expect(await both.mart.footprint()).toEqual(both.mart.clean);
  expect(first.leftInScratch()).toEqual([]);
});

/** What the run has made on the server, without what lies in other databases. */
async function heldNow({ session }: Incident): Promise<readonly string[]> {
  const rows = await session.rows(
    "looking",
    `select 'slot ' || slot_name || ' ' || coalesce(xmin::text, '') as what from pg_replication_slots where slot_name like 'holdfast_%'
     union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
     union all select 'option ' || oid::regclass || reloptions::text from pg_class where 'autovacuum_enabled=off' = any (reloptions) and relkind = 'r'
     order by 1`,
  );
  return rows.map(({ what }) => what ?? "");
}
