import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { type Shell, shell } from "./support.ts";

const config = 'targets: { shop: { engine: postgres, url: "env:U", environment: sandbox } }\n';
const rescue = ["run", "restore-after-bad-delete", "--target", "shop", "--set", "table=public.orders"] as const;
const chosen = ["--choose", "statement=largest", "--choose", "path=recommended"] as const;

function place(environment: "production" | "sandbox", more: Partial<Parameters<typeof shell>[0]> = {}): Shell {
  const here = shell({ environment, ...more });
  writeFileSync(join(here.folder, "holdfast.yaml"), config);
  return here;
}

const journal = (here: Shell) => ["--journal", here.journal] as const;

test("a whole headless run in a sandbox: plain lines that say why, exit 0", async () => {
  const here = place("sandbox");
  const { code, out } = await here.run(...rescue, ...chosen, "--yes-sandbox", "--plain", ...journal(here));
  expect(out.split("\n")[0]).toBe("plain lines: --plain was given");
  expect(out).toMatch(/STEP 14\/17 DONE merge-rows .*inserted 20/);
  expect(out).toMatch(/^DONE {2}\w{4} restore-after-bad-delete/m);
  expect(code).toBe(0);
  const shown = await here.run("journal", "show", out.match(/^run (\S+)$/m)?.[1] ?? "", ...journal(here));
  expect(shown.out).toContain("DONE merge-rows");
  expect((await here.run("journal", "verify", ...journal(here))).out).toMatch(/^Intact: 1 run/);
  expect((await here.run("resume", ...journal(here))).out).toContain("No run is open");
});

test("--json gives one event a line on stdout, and words on stderr only", async () => {
  const here = place("sandbox");
  const { out, err, code } = await here.run(...rescue, ...chosen, "--yes-sandbox", "--json", ...journal(here));
  const events = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { seq: number; event: { kind: string } });
  expect(events.at(-1)?.event.kind).toBe("run.closed");
  expect(events.map((event) => event.seq)).toEqual(events.map((event) => event.seq).toSorted((a, b) => a - b));
  expect(err).toContain("DONE");
  expect(code).toBe(0);
});

test("headless is not yes: production stops at the first hold, open, with its exit code and a command that goes on", async () => {
  const here = place("production");
  const { code, out } = await here.run(...rescue, ...chosen, "--yes-sandbox", ...journal(here));
  expect(code).toBe(4);
  expect(out).not.toContain("RUNNING freeze-evidence");
  const id = out.match(/^run (\S+)$/m)?.[1];
  expect(out.trimEnd().split("\n").at(-1)).toBe(
    `  node /opt/holdfast/dist/main.js resume ${id} --journal ${here.journal} ${chosen.join(" ")}`,
  );
  expect((await here.run("journal", "list", ...journal(here))).out).toContain("paused at step 1 of 17");
});

test("several open runs are listed with an exit code of their own; a part of an id names one", async () => {
  const here = place("production");
  await here.run(...rescue, ...journal(here));
  await here.run(...rescue, ...journal(here));
  const { code, out } = await here.run("resume", ...journal(here));
  expect(code).toBe(12);
  expect(out).toContain("Several runs are open: name one.");
  const ids = [...out.matchAll(/^ {6}(\S+)$/gm)].map((found) => found[1] ?? "");
  expect(ids).toHaveLength(2);
  expect((await here.run("resume", ids[0] ?? "", ...journal(here))).code).toBe(4);
});

test("a run that is over is said to be, with exit 0; one that is not there with another", async () => {
  const here = place("sandbox");
  const { out } = await here.run(...rescue, "--dry-run", ...chosen, ...journal(here));
  const id = out.match(/^run (\S+)$/m)?.[1] ?? "";
  const resumed = await here.run("resume", id, ...journal(here));
  expect([resumed.code, resumed.out.split("\n")[0]]).toEqual([0, expect.stringContaining("nothing is left to resume")]);
  const unknown = await here.run("resume", "ffffffff", ...journal(here));
  expect([unknown.code, unknown.err.split(" ")[0]]).toEqual([3, "HF-RUN-UNKNOWN"]);
});

test.each([
  [[], "usage", 2],
  [["nonsense"], "HF-USAGE", 2],
  [["run"], "missing required argument", 2],
  [["run", "x", "--nonsense"], "unknown option", 2],
  [["foo"], "there is no command 'foo'", 2],
  [["demmo"], "there is no command 'demmo' (Did you mean demo?)", 2],
  [["resum", "7F3K"], "Did you mean resume?", 2],
  [["jornal", "list"], "Did you mean journal?", 2],
  [["journal", "lst"], "there is no command 'lst' (Did you mean list?)", 2],
  [["demo", "x"], "too many arguments", 2],
  [["demo", "--incident", "foo"], "allowed choices are delete, cascade, update, truncate, vacuumed", 2],
  [["drill"], "missing required argument", 2],
  [["drill", "no-such", "--auto"], "HF-RUNBOOK-NOT-FOUND", 3],
  [["drill", "restore-after-bad-delete"], "nobody could answer the drill's questions (stdout is no terminal)", 2],
  [["drill", "restore-after-bad-delete", "--json"], "--json asks nothing", 2],
  [["drill", "restore-after-bad-delete", "--auto", "--rows", "0"], "--rows needs a whole number", 2],
  [["drill", "x", "--auto", "--incident", "foo"], "allowed choices are delete, cascade, update, truncate, vacuumed", 2],
  [["run", "x", "--plain", "--json"], "cannot be used with", 2],
  [["--config", "x", "run", "y"], "flags stand after the command", 2],
  [["run", "restore-after-bad-delete"], "--target is missing", 2],
  [["run", "restore-after-bad-delete", "--target", "other"], "HF-TARGET-UNKNOWN", 3],
  [["run", "no-such", "--target", "shop"], "HF-RUNBOOK-NOT-FOUND", 3],
  [[...rescue, "--set", "table=a.b"], "given twice", 2],
  [[...rescue, "--set", "table"], "needs name=value", 2],
  [[...rescue, "--set", "tabel=x"], "HF-INPUT", 3],
  [[...rescue, "--choose", "merge=x"], "asks for no choice", 2],
  [[...rescue, "--choose", "conflicts=overwrite"], "conflicts:ITEM", 2],
  [[...rescue, "--config", "other.yaml"], "HF-CONFIG-NOT-FOUND", 3],
  [["lint", "no-such"], "HF-RUNBOOK-NOT-FOUND", 3],
] as const)("%j ends with words and %s", async (args, words, code) => {
  const here = place("sandbox");
  const ran = await here.run(...args);
  expect(`${ran.err}${ran.out}`.toLowerCase()).toContain(words.toLowerCase());
  expect(ran.code).toBe(code);
});

test("a config with a wrong type is told with its line and column", async () => {
  const here = place("sandbox");
  writeFileSync(join(here.folder, "holdfast.yaml"), "targets:\n  shop: 5\n");
  const { code, err } = await here.run(...rescue);
  expect(err).toContain(`HF-CONFIG-SHAPE  ${join(here.folder, "holdfast.yaml")}:2:9:`);
  expect(code).toBe(3);
});

test("a mistyped key is named before what is missing for it, with the key that was meant", async () => {
  const here = place("sandbox");
  writeFileSync(join(here.folder, "holdfast.yaml"), config.replace("environment", "enviroment"));
  const { code, err } = await here.run(...rescue);
  expect(err).toMatch(/^HF-CONFIG-UNKNOWN-KEY .* targets\.shop has no key "enviroment"\n/);
  expect(err).toContain("Expected: environment; only ");
  expect(code).toBe(3);
});

test("a file that is there is linted, whatever its name: what is wrong with it is said", async () => {
  const here = place("sandbox");
  const { code, out, err } = await here.run("lint", "README.md");
  expect([code, err]).toEqual([3, ""]);
  expect(out).toMatch(/^README\.md:\d+:\d+: HF-RUNBOOK-/);
});

test("lint tells every problem as compilers do, and finds none in what ships", async () => {
  const here = place("sandbox");
  expect(await here.run("lint")).toMatchObject({ code: 0, out: expect.stringMatching(/no problem/) });
  const text = "holdfast: 1\nid: a\ntitle: T\nroles: { main: [x] }\nsteps:\n  - { id: s, do: no-such }\n";
  writeFileSync(join(here.folder, "bad.yaml"), text);
  const { code, out } = await here.run("lint", join(here.folder, "bad.yaml"));
  expect(out).toMatch(/bad\.yaml:6:18: HF-RUNBOOK-UNKNOWN-ACTION there is no action no-such; expected: one of/);
  expect(code).toBe(3);
});

test("a bug is one line on screen, and its stack a file for its owner alone", async () => {
  const bug = () => Promise.reject(new TypeError("canary-7f3k in the stack"));
  const here = place("sandbox", { parts: { workbench: bug } });
  const { code, err } = await here.run(...rescue, ...journal(here));
  expect(code).toBe(1);
  expect(err.trim().split("\n")).toHaveLength(1);
  expect(err).not.toContain("canary-7f3k");
  const file = readdirSync(here.journal).find((name) => name.startsWith("bug-")) ?? "";
  expect(statSync(join(here.journal, file)).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(here.journal, file), "utf8")).toContain("canary-7f3k");
});

test("every command has help with an example", async () => {
  const here = place("sandbox");
  const commands = [
    [],
    ["run"],
    ["resume"],
    ["lint"],
    ["init"],
    ["demo"],
    ["drill"],
    ["completion"],
    ["journal", "list"],
  ];
  for (const command of [...commands, ["journal", "show"], ["journal", "verify"]]) {
    const { code, out } = await here.run(...command, "--help");
    expect(out, command.join(" ")).toMatch(/Example:\n {2}.*holdfast/);
    expect(code).toBe(0);
  }
});

test.each([
  [["nonsense"], ""],
  [["--nonsense"], ""],
  [["run"], " run"],
  [["run", "x", "--nonsense"], " run"],
  [["journal", "lst"], " journal"],
  [["journal", "show"], " journal show"],
  [["journal", "list", "--target", "shop"], " journal list"],
  [["demo", "x"], " demo"],
  [["drill"], " drill"],
])("a mistake in %j names the help of the command that was meant", async (args, command) => {
  const { err, out } = await place("sandbox").run(...args);
  expect(out).toBe("");
  expect(err.trimEnd().split("\n").at(-1)).toBe(`  node /opt/holdfast/dist/main.js${command} --help`);
});

test("the help of run lists the runbooks, and with one of them its inputs and steps as the flags name them", async () => {
  const here = place("sandbox");
  for (const args of [
    ["run", "--help"],
    ["help", "run"],
  ]) {
    const { out, code } = await here.run(...args);
    expect(out).toMatch(/^ {2}restore-after-bad-delete {2}Bring back rows lost to a bad DELETE or UPDATE$/m);
    expect(code).toBe(0);
  }
  const { out, code } = await here.run("run", "restore-after-bad-delete", "--help");
  expect(out.replaceAll(/\s+/g, " ")).toContain(
    "(else ./holdfast.yaml, else ~/.config/holdfast/holdfast.yaml, or holdfast/holdfast.yaml in XDG_CONFIG_HOME)",
  );
  expect(out.replaceAll(/\s+/g, " "), "what it is for beyond a DELETE").toContain(
    "or a TRUNCATE or DROP took them all, and there is a backup (a dropped table has to be made again first, empty,",
  );
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThan(180);
  expect(out).toMatch(/^ {2}--set table=value {2}table {4}needed: Which table lost rows\?$/m);
  expect(out).toMatch(/^ {2}--set since=value {2}instant {2}optional: /m);
  expect(out).toMatch(/^ {2}freeze {2,}hold {3}Hold the evidence$/m);
  expect(out).toMatch(/^ {2}triggers {2,}read {3}Decide about triggers; asks for a choice: --choose triggers=value$/m);
  expect(code).toBe(0);
  const asking = [...out.matchAll(/--choose (\S+)=value$/gm)].map(([, step]) => step);
  const { err } = await here.run(...rescue, "--choose", "merge=x");
  expect(err).toContain(`Choices: ${asking.join(", ")}.`);
});

test("the help of run with a runbook that is not there, or is none, says so after the flags", async () => {
  const here = place("sandbox");
  writeFileSync(join(here.folder, "bad.yaml"), "holdfast: 1\nid: a\n");
  for (const [named, fault] of [
    ["no-such", "HF-RUNBOOK-NOT-FOUND"],
    [join(here.folder, "bad.yaml"), "HF-RUNBOOK-"],
  ] as const) {
    const { out, err, code } = await here.run("run", named, "--help");
    expect(out).toContain("--dry-run");
    expect(err).toMatch(new RegExp(`^${fault}`));
    expect(code).toBe(3);
  }
});

test("a linted runbook without a problem names the help that lists its inputs and steps", async () => {
  const { out } = await place("sandbox").run("lint", "restore-after-bad-delete");
  expect(out.trimEnd().split("\n").at(-1)).toBe(
    "  node /opt/holdfast/dist/main.js run restore-after-bad-delete --help",
  );
});

test.each([
  ["a choice that nobody made", []],
  ["a choice that is none", ["--choose", "statement=999999"]],
])("a dry run that ends at %s is closed: it is to be started again, and not to be resumed", async (_what, wishes) => {
  const here = place("sandbox");
  const dry = await here.run(...rescue, "--dry-run", ...wishes, "--plain", ...journal(here));
  expect(dry.out).toMatch(/^ {2}still true: It was a dry run: nothing was changed, and nothing is held\.$/m);
  expect(dry.out).toMatch(/^ {2}what to do: Start it again/m);
  expect(dry.out).not.toMatch(/The run is open|Resume/);
  const live = await here.run(...rescue, ...wishes, "--yes-sandbox", "--plain", ...journal(here));
  expect(live.out).toMatch(/^ {2}still true: The run is open[^]*^ {2}what to do: Resume/m);
});

test.each([
  ["nobody made", [], "HF-NEEDS-CHOICE"],
  ["is none", ["--choose", "statement=999999"], "HF-CHOICE-INVALID"],
])(
  "a choice that %s lists each that there is with what it is, and leaves an open run with exit 4",
  async (_what, wish, code) => {
    const here = place("sandbox");
    const flags = [...rescue, ...wish, "--choose", "path=recommended", "--yes-sandbox", ...journal(here)];
    const plain = await here.run(...flags, "--plain");
    expect([plain.code, plain.out]).toEqual([4, expect.stringMatching(new RegExp(`^${code} {2}`, "m"))]);
    expect(plain.out).toMatch(
      /^ {2}--choose statement=(\d+) {3}# 2026-11-21 \d\d:\d\d:\d\dZ {2}DELETE {2}20 rows {2}xid \1 \[largest\]; public\.orders 10, public\.lines 10$/m,
    );
    expect(plain.out).toMatch(/ It takes transaction ids .* as well\./);
    const goesOn = plain.out.trimEnd().split("\n").at(-1);
    expect(goesOn).toContain("--choose path=recommended --yes-sandbox");
    expect(goesOn, "the wish that was refused is not offered again").not.toContain("statement=");
  },
);

test("--json gives the fault that ended it with the choices that there are, by value and label", async () => {
  const here = place("sandbox");
  const { out } = await here.run(
    ...rescue,
    "--choose",
    "statement=999999",
    "--yes-sandbox",
    "--json",
    ...journal(here),
  );
  const last = JSON.parse(out.trim().split("\n").at(-1) ?? "") as unknown;
  expect(last).toMatchObject({
    event: {
      kind: "run.paused",
      fault: {
        code: "HF-CHOICE-INVALID",
        exit: "needs-person",
        next: [expect.stringMatching(/^--choose statement=\d+$/)],
        choices: {
          step: "statement",
          open: [{ value: expect.stringMatching(/^\d+$/), label: expect.stringContaining("DELETE  20 rows") }],
        },
      },
    },
  });
});

test("a dry run is listed as one, however it ended, never as given up", async () => {
  const here = place("sandbox");
  await here.run(...rescue, "--dry-run", ...chosen, ...journal(here));
  await here.run(...rescue, "--dry-run", "--choose", "statement=999999", ...journal(here));
  const { out } = await here.run("journal", "list", ...journal(here));
  expect(out).toMatch(/ {2}dry run done {2}/);
  expect(out).toMatch(/ {2}dry run ended early {2}/);
  expect(out).not.toContain("given up");
  const [, id = ""] = /^ {6}(\S+)$/m.exec(out) ?? [];
  expect((await here.run("resume", id, ...journal(here))).out).toMatch(/^The run was a dry run: nothing is left/);
});
