import { describe, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Effect, Environment } from "../../src/core/effect.ts";
import type { RunEvent } from "../../src/core/event.ts";
import { changeTicket } from "../../src/guards/change-ticket.ts";
import { freeDisk } from "../../src/guards/free-disk.ts";
import type { GuardPolicy, GuardView } from "../../src/guards/guard.ts";
import { guards } from "../../src/guards/index.ts";
import { stopFile } from "../../src/guards/stop-file.ts";
import { targetConfirmed } from "../../src/guards/target-confirmed.ts";
import { targetLock } from "../../src/guards/target-lock.ts";
import { aPlan, aStep, opened, stamp } from "../support/runs.ts";

interface Seen {
  readonly effect?: Effect;
  readonly action?: string;
  readonly environment?: Environment;
  readonly policy?: Partial<GuardPolicy>;
  readonly view?: Partial<GuardView>;
  readonly events?: readonly RunEvent[];
  readonly ticket?: string;
}

function viewOf({
  effect = "write",
  action = "merge-rows",
  environment = "production",
  policy,
  view,
  events = [],
  ticket,
}: Seen): GuardView {
  const step = aStep("merge", { action, effect });
  const target = { name: "shop", engine: "memory", environment, database: "shop" };
  const plan = aPlan([step], { targets: { main: target }, inputs: ticket === undefined ? {} : { ticket } });
  return {
    state: foldRun(stamp([opened(plan), ...events])),
    step,
    clock: systemClock,
    policy: { stopFile: "/tmp/STOP", folders: ["/journal", "/scratch"], minFreeDisk: 0.1, ticket: "none", ...policy },
    freeDisk: async () => ({ share: 0.5, bytes: 5e9 }),
    readText: async () => null,
    lockHeld: async () => true,
    ...view,
  };
}

describe("the stop file", () => {
  const withFile = (text: string) =>
    viewOf({ view: { readText: async (file) => (file === "/tmp/STOP" ? text : null) } });

  test("stops nothing while it is not there", async () => {
    expect(await stopFile.judge(viewOf({}))).toEqual({ verdict: "allow", reason: "no stop file at /tmp/STOP" });
  });

  test("denies and says what it says", async () => {
    const verdict = await stopFile.judge(withFile("ana: replica is broken\n"));
    expect(verdict).toMatchObject({
      verdict: "deny",
      reason: "emergency stop: /tmp/STOP says: ana: replica is broken",
    });
    expect(verdict.hint).toContain("remove the file");
  });

  test("denies when it is empty", async () => {
    expect(await stopFile.judge(withFile(""))).toMatchObject({
      verdict: "deny",
      reason: expect.stringContaining("says nothing"),
    });
  });

  test("puts nothing on the screen that could steer a terminal", async () => {
    const { reason } = await stopFile.judge(withFile(`\u001b[2Jfake\u202e ${"x".repeat(5000)}`));
    expect(reason).toMatch(/^[\x20-\x7e]+$/);
    expect(reason.length).toBeLessThan(300);
  });

  test("is looked at before every effect, in a sandbox too, and while a step runs", () => {
    expect([stopFile.before, stopFile.sandbox, stopFile.watched]).toEqual([
      ["read", "hold", "write", "destroy"],
      "asked",
      true,
    ]);
  });
});

describe("free disk", () => {
  const withShares = (shares: Record<string, number>, action = "merge-rows") =>
    viewOf({ action, view: { freeDisk: async (folder) => ({ share: shares[folder] ?? 1, bytes: 4.2e9 }) } });

  test("allows at the least share that is asked for", async () => {
    expect(await freeDisk.judge(withShares({ "/journal": 0.1 }))).toMatchObject({ verdict: "allow" });
  });

  test("denies by the fullest folder, with numbers", async () => {
    expect(await freeDisk.judge(withShares({ "/journal": 0.5, "/scratch": 0.0996 }))).toMatchObject({
      verdict: "deny",
      reason: "9.9 % (4.2 GB) free at /scratch, at least 10.0 % asked for",
    });
  });

  test("lets pass what only gives space back", async () => {
    expect(await freeDisk.judge(withShares({ "/scratch": 0.01 }, "release-leases"))).toMatchObject({
      verdict: "skipped",
    });
  });

  test("does not allow what it can't measure", async () => {
    await expect(freeDisk.judge(viewOf({ policy: { folders: [] } }))).rejects.toThrow();
    const broken = viewOf({ view: { freeDisk: async () => Promise.reject(new Error("no such folder")) } });
    await expect(freeDisk.judge(broken)).rejects.toThrow("no such folder");
  });

  test("stands before every effect and is watched", () => {
    expect([freeDisk.before, freeDisk.sandbox, freeDisk.watched]).toEqual([
      ["hold", "write", "destroy"],
      "asked",
      true,
    ]);
  });
});

describe("the target lock", () => {
  test("allows only while this run holds it", async () => {
    expect(await targetLock.judge(viewOf({}))).toMatchObject({ verdict: "allow" });
    expect(await targetLock.judge(viewOf({ view: { lockHeld: async () => false } }))).toMatchObject({
      verdict: "deny",
    });
  });

  test("stands before every effect, in a sandbox too", () => {
    expect([targetLock.before, targetLock.sandbox]).toEqual([["hold", "write", "destroy"], "asked"]);
  });
});

describe("target confirmed", () => {
  test.each([
    ["production", "write", "allow", "database's name"],
    ["staging", "write", "allow", "verb"],
    ["sandbox", "write", "skipped", "key g"],
    ["production", "destroy", "allow", "database's name"],
    ["sandbox", "destroy", "allow", "database's name"],
  ] as const)("on %s, before a %s: %s", async (environment, effect, verdict, words) => {
    const judged = await targetConfirmed.judge(viewOf({ environment, effect }));
    expect(judged).toMatchObject({ verdict, reason: expect.stringContaining(words) });
  });

  test("throws, and so denies, for a target that the plan has not", async () => {
    const view = viewOf({});
    await expect(targetConfirmed.judge({ ...view, step: { ...view.step, on: { main: "clone" } } })).rejects.toThrow(
      "clone",
    );
  });
});

describe("the change ticket", () => {
  const note = (text: string): RunEvent => ({ kind: "note.added", text, by: "ops" });

  test("is skipped, and said, where there is no ticket system", async () => {
    expect(await changeTicket.judge(viewOf({}))).toMatchObject({
      verdict: "skipped",
      reason: expect.stringContaining("no ticket system"),
    });
    expect(changeTicket.sandbox).toBe("skipped");
  });

  test("denies without one where the policy asks for it, and says how to give it", async () => {
    const verdict = await changeTicket.judge(viewOf({ policy: { ticket: "required" } }));
    expect(verdict).toMatchObject({ verdict: "deny", hint: expect.stringContaining("ticket: CHG-1234") });
  });

  test("takes it from a note or from the runbook's input", async () => {
    const policy = { ticket: "required" } as const;
    const noted = viewOf({ policy, events: [note("hello"), note("Ticket: CHG-77, see there")] });
    expect(await changeTicket.judge(noted)).toEqual({ verdict: "allow", reason: "ticket CHG-77" });
    expect(await changeTicket.judge(viewOf({ policy, ticket: "OPS-1" }))).toEqual({
      verdict: "allow",
      reason: "ticket OPS-1",
    });
    expect(await changeTicket.judge(viewOf({ policy, ticket: "  " }))).toMatchObject({ verdict: "deny" });
  });

  test("is skipped, and said, where it is optional and none was given", async () => {
    expect(await changeTicket.judge(viewOf({ policy: { ticket: "optional" } }))).toMatchObject({ verdict: "skipped" });
  });
});

test("guards have names of their own, and the stop file is asked first", () => {
  expect(new Set(guards.map((guard) => guard.name)).size).toBe(guards.length);
  expect(guards[0]).toBe(stopFile);
  expect(guards).toHaveLength(5);
});
