import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { aCli, type Cli } from "../support/cli.ts";

const drill = "drill restore-after-bad-delete --auto --rows 2000".split(" ");

/** Processes that have a file of this household in their command line. */
function alive({ folder }: Cli): readonly string[] {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(folder) && !line.includes(" ps -eo"));
}

/** Servers of a killed process go down a moment later. */
const allEnded = (cli: Cli) => expect.poll(() => alive(cli), { timeout: 20_000 }).toEqual([]);

async function killedAfter(cli: Cli, args: readonly string[], words: string): Promise<void> {
  const { child, printed, ended } = cli.start(args);
  await printed(words);
  child.kill("SIGKILL");
  expect((await ended).exit).toBe("SIGKILL");
}

test("a drill needs no config, and under --json its report is the last object of stdout", async () => {
  const cli = aCli();
  const { exit, stdout, stderr } = await cli.run([...drill, "--json"]);
  expect([exit, stderr.includes("DRILL PROVED")]).toEqual(["ok", true]);
  const objects = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly event?: object; readonly drill?: object });
  expect(objects.at(-1)).toMatchObject({
    drill: { verdict: "proved", incident: { kind: "delete" }, truth: { equal: true }, lost: 0 },
  });
  expect(objects.slice(0, -1).every(({ event }) => event !== undefined)).toBe(true);
  const [folder] = /\S+\/drill-[0-9a-f]{8}/.exec(stderr + stdout) ?? [""];
  expect(folder).not.toBe("");
  expect(existsSync(folder)).toBe(false);
  expect((await cli.run(["journal", "list"])).stdout).toMatch(/restore-after-bad-delete \(drill\).* {2}done {2}/);
  const shown = await cli.run(["journal", "show", cli.withJournal((journal) => journal.runs()[0]?.run ?? "")]);
  expect(shown.stdout).toMatch(/OPENED .*drill/i);
  expect(shown.stdout).toContain("Drill of restore-after-bad-delete, incident delete: PROVED");
  expect((await cli.run(["journal", "verify"])).exit).toBe("ok");
});

test("a drill that was killed in the middle goes on by the same command, and nothing of it is left then", async () => {
  const cli = aCli();
  cli.config({ targets: {} });
  await killedAfter(cli, drill, "DONE rescue-rows");
  const left = cli.withJournal((journal) => journal.runs());
  expect(left).toMatchObject([{ purpose: "drill", status: "open" }]);
  const refused = await cli.run(["resume"]);
  expect(refused.stderr).toContain("HF-RUN-DRILL");
  const { exit, stdout } = await cli.run(drill);
  expect([exit, stdout]).toEqual([
    "ok",
    expect.stringContaining("An earlier drill is not finished: going on with it."),
  ]);
  expect(stdout).toContain("It was left, or killed, and gone on with 1 time.");
  expect(stdout).toContain("DRILL PROVED");
  expect(cli.withJournal((journal) => journal.runs())).toMatchObject([{ run: left[0]?.run, status: "done" }]);
  expect(cli.leftInScratch()).toEqual([]);
  await allEnded(cli);
});

test.each(["filling the shop", "Customers are buying", "Somebody ran"])(
  'killed at "%s", before there was a run, the next drill removes what it made and begins anew',
  async (words) => {
    const cli = aCli();
    cli.config({ targets: {} });
    await killedAfter(cli, drill, words);
    expect(cli.leftInScratch()).not.toEqual([]);
    const { exit, stdout } = await cli.run(drill);
    expect([exit, stdout.includes("not finished")]).toEqual(["ok", false]);
    expect(cli.leftInScratch()).toEqual([]);
    expect(cli.withJournal((journal) => journal.runs())).toMatchObject([{ purpose: "drill", status: "done" }]);
    await allEnded(cli);
  },
);

test("killed with --fresh asked for next, the run that was left is given up with its leases, and nothing stays", async () => {
  const cli = aCli();
  cli.config({ targets: {} });
  await killedAfter(cli, drill, "RUNNING rescue-rows");
  expect((await cli.run([...drill, "--fresh"])).exit).toBe("ok");
  const runs = cli.withJournal((journal) => journal.runs());
  expect(runs.map(({ status }) => status).toSorted()).toEqual(["abandoned", "done"]);
  expect(cli.leftInScratch()).toEqual([]);
  await allEnded(cli);
});

test("a config that is wrong is told before a server is started", async () => {
  const cli = aCli();
  cli.config({ targets: {}, nonsense: true });
  const { exit, stderr } = await cli.run(drill);
  expect([exit, stderr.split(" ")[0]]).toEqual(["input", expect.stringMatching(/^HF-CONFIG-/)]);
  expect(cli.leftInScratch()).toEqual([]);
});
