import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DemoParts, runDemo } from "../../../src/cli/demo.ts";
import { operate } from "../../../src/cli/rehearsal/scripted-operator.ts";
import { assemble } from "../../../src/compose.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { connect } from "../../../src/engines/postgres/connection.ts";
import { postgresRehearsals } from "../../../src/engines/postgres/rehearse/rehearsals.ts";
import type { Rehearsal } from "../../../src/engines/rehearse.ts";
import type { Workbench } from "../../../src/runner/workbench.ts";
import { limitsWith } from "../../support/limits.ts";

let base: string;
let said: string[];
let stage: Rehearsal;
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "hf-d-"));
  chmodSync(base, 0o711);
  said = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const folder = () => path.join(base, "demo");
const workbenchOver = (rehearsal: Rehearsal, name: string): Workbench =>
  assemble({
    targets: [
      {
        target: { name, engine: rehearsal.engine, environment: "production", database: rehearsal.database },
        url: () => Promise.resolve(rehearsal.url()),
        ...(rehearsal.backup === undefined ? {} : { backup: rehearsal.backup }),
      },
    ],
    journalFolder: path.join(base, "journal"),
    scratch: base,
    serverBinaries: {},
    limits: limitsWith({ batchRows: 500, lockTimeoutMs: 2000 }),
    policy: { stopFile: path.join(base, "stop"), ticket: "none" },
    person: { operator: "ops_k", host: "bastion" },
    version: "0",
    secrets: [],
  });

function partsWith(
  openScreens: DemoParts["openScreens"] = () => Promise.reject(new Error("no screens here")),
): DemoParts {
  return {
    rehearsals: postgresRehearsals({ scratch: base, name: "demo", serverBinaries: {}, clock: systemClock }),
    workbenchFor: (rehearsal, name) => {
      stage = rehearsal;
      return Promise.resolve(workbenchOver(rehearsal, name));
    },
    openScreens,
    show: () => () => undefined,
    say: (line) => said.push(line),
    listCommand: (folder) => `holdfast journal list --journal ${folder}`,
    again: "npm run demo",
  };
}

const wishes = { auto: true, rows: 2000, fresh: false, incident: null } as const;
const options = {
  purpose: "demo",
  wishes: { choices: {}, keepRescue: false },
  interactive: true,
  yesSandbox: false,
} as const;
const notesOf = (run: string) => {
  const workbench = workbenchOver(stage, "shop");
  const notes = workbench.timeline(run).flatMap(({ event }) => (event.kind === "note.added" ? [event.text] : []));
  void workbench.close();
  return notes;
};
const runs = () => {
  const workbench = workbenchOver(stage, "shop");
  const found = workbench.runs();
  void workbench.close();
  return found;
};

/** Opens the plan, lets it come to its first question, and leaves it there. */
const leavesEarly: DemoParts["openScreens"] = async (workbench, at) => {
  if (!("plan" in at)) throw new Error("a fresh run was expected");
  const session = workbench.open(at.plan, options);
  const asked = () => session.state.question !== null;
  await new Promise<void>((resolve) => session.subscribe(() => asked() && resolve()));
  session.pause("enough for today");
  return (await session.ended).exit;
};

/** A whole recovery, and then somebody loses a payment. */
const spoils: DemoParts["openScreens"] = async (workbench, at) => {
  if (!("plan" in at)) throw new Error("a fresh run was expected");
  const session = workbench.open(at.plan, options);
  operate(session, "delete");
  const { exit } = await session.ended;
  const clumsy = await connect({ url: stage.url(), application: "t", effect: "writing" });
  await clumsy.run("spoiling", "delete from public.payments where id = (select min(id) from public.payments)");
  await clumsy.close();
  return exit;
};

test("the demo recovers by itself, proves every row, ends its server and keeps its journal", async () => {
  expect(await runDemo(partsWith(), wishes)).toBe("ok");
  expect(said.join("\n")).toContain("DELETE FROM public.orders WHERE status = 'cancelled'");
  expect(said.join("\n")).toContain("Proved: every row is what it was before the DELETE");
  expect(existsSync(folder())).toBe(false);
  expect(runs()).toMatchObject([{ status: "done", purpose: "demo", environment: "production", database: "shop" }]);
  expect(said.every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true);
  const [note = "", ...others] = notesOf(runs()[0]?.run ?? "");
  expect(others).toEqual([]);
  expect(note).toMatch(
    /Somebody ran: DELETE FROM public\.orders .*; and meant: .*\. It took [0-9,]+ rows of public\.orders/,
  );
});

test("rows that are not as they were are said, with an exit of their own", async () => {
  expect(await runDemo(partsWith(spoils), { ...wishes, auto: false })).toBe("not-proved");
  expect(said.join("\n")).toContain("1 row missing");
  expect(said.join("\n")).toContain("NOT PROVED");
  expect(existsSync(folder())).toBe(false);
});

test.each([
  ["cascade", "DELETE FROM public.customers WHERE last_seen", ["page-transplant", "wal"]],
  ["truncate", "TRUNCATE public.orders CASCADE", ["clone"]],
  ["vacuumed", "VACUUM came", ["wal", "clone"]],
] as const)(
  "after %s only the ways that can are open, and the demo recovers and proves every row",
  async (incident, told, ways) => {
    let open: readonly string[] = [];
    const parts = partsWith();
    const show: DemoParts["show"] = (session) =>
      session.subscribe(() => {
        const { question } = session.state;
        if (question?.kind === "choice" && question.choices.some(({ value }) => value === "clone"))
          open = question.choices.filter(({ disabled }) => disabled === undefined).map(({ value }) => value);
      });
    expect(await runDemo({ ...parts, show }, { ...wishes, incident })).toBe("ok");
    expect(said.join("\n")).toContain(told);
    expect(said.join("\n")).toContain(
      `Proved: every row is what it was before the ${incident === "truncate" ? "TRUNCATE" : "DELETE"}`,
    );
    expect(open).toEqual(ways);
    expect(existsSync(folder())).toBe(false);
    expect(said.every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true);
  },
);

test("a demo that is left goes on with the incident that it has, and says so when another was asked for", async () => {
  expect(await runDemo(partsWith(leavesEarly), { ...wishes, auto: false, incident: "truncate" })).toBe("paused");
  said = [];
  expect(await runDemo(partsWith(), { ...wishes, incident: "vacuumed" })).toBe("ok");
  expect(said.slice(0, 2)).toEqual([
    "An earlier demo is not finished: going on with it.",
    "  Its incident is truncate, not vacuumed. To give it up and begin vacuumed: --fresh --incident vacuumed",
  ]);
  expect(said[2]).toContain("Somebody ran:  TRUNCATE public.orders CASCADE");
  expect(said.join("\n")).toContain("Proved: every row is what it was before the TRUNCATE");
});

test("a demo that is left keeps its server's folder; the next one goes on with that run and proves it", async () => {
  expect(await runDemo(partsWith(leavesEarly), { ...wishes, auto: false })).toBe("paused");
  expect(existsSync(folder())).toBe(true);
  expect(said.at(-1)).toContain("Go on with: npm run demo");
  const [left] = runs();
  expect(left).toMatchObject({ status: "paused" });
  said = [];
  expect(await runDemo(partsWith(), wishes)).toBe("ok");
  expect(said[0]).toContain("going on with it");
  expect(runs()).toMatchObject([{ run: left?.run, status: "done" }]);
  expect(existsSync(folder())).toBe(false);
});

test("a fresh demo gives the left run up first, leases and all, and begins its own", async () => {
  expect(await runDemo(partsWith(leavesEarly), { ...wishes, auto: false })).toBe("paused");
  expect(await runDemo(partsWith(), { ...wishes, fresh: true })).toBe("ok");
  expect(
    runs()
      .map((run) => run.status)
      .toSorted(),
  ).toEqual(["abandoned", "done"]);
});
