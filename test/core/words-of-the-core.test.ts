import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { utc } from "../../src/core/clock.ts";
import { Fault, faultRecord } from "../../src/core/errors.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { newRunId, shortRunId } from "../../src/core/ids.ts";
import { canonicalJson } from "../../src/core/json.ts";
import { redactor } from "../../src/core/redact.ts";
import { Secret } from "../../src/core/secret.ts";
import { compareIdentity, type IdentityFact, type TargetIdentity } from "../../src/core/target.ts";
import { aPlan, aStep } from "../support/runs.ts";

describe("a secret", () => {
  const secret = new Secret("hunter2 &/");
  test("can't be printed in any of the ways that values get printed", () => {
    const ways = [
      String(secret),
      // oxlint-disable-next-line typescript/restrict-template-expressions -- a template is one of the ways
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9 }),
    ];
    expect(ways.filter((way) => way.includes("hunter2"))).toEqual([]);
    expect(secret.reveal()).toBe("hunter2 &/");
  });
  test("is found by the redactor as it stands and percent-encoded, in texts and in nested JSON, the longest first", () => {
    const { text, json } = redactor([secret, new Secret("hunter2 &/ and more"), new Secret("")]);
    expect(text("a hunter2 &/ and more b")).toBe("a [secret] b");
    expect(text("postgres://u:hunter2%20%26%2F@h")).toBe("postgres://u:[secret]@h");
    expect(json({ a: ["x hunter2 &/"], b: { c: 1, d: null } })).toEqual({ a: ["x [secret]"], b: { c: 1, d: null } });
  });
});

describe("a target's identity", () => {
  const fact = (name: string, value: string, kind: "self" | "place"): IdentityFact => ({
    name,
    value,
    kind,
    weight: 1,
  });
  const identity = (...facts: IdentityFact[]): TargetIdentity => ({ facts, words: "w", database: "shop" });
  const before = identity(fact("system", "1", "self"), fact("address", "a:1", "place"));
  test("is the same where every fact is, and where facts were only added", () => {
    expect(compareIdentity(before, before).kind).toBe("same");
    expect(compareIdentity(before, identity(...before.facts, fact("installation", "x", "self"))).kind).toBe("same");
  });
  test("is another server where what it says of itself differs or is gone, and moved where only the place differs", () => {
    expect(compareIdentity(before, identity(fact("system", "2", "self"), fact("address", "a:1", "place")))).toEqual({
      kind: "other",
      differs: ["system"],
    });
    expect(compareIdentity(before, identity(fact("address", "a:1", "place"))).kind).toBe("other");
    expect(compareIdentity(before, identity(fact("system", "1", "self"), fact("address", "b:1", "place")))).toEqual({
      kind: "moved",
      differs: ["address"],
    });
  });
});

describe("ids and digests", () => {
  test("run ids sort by time, are version 7, and shorten to four letters without look-alikes", () => {
    const early = newRunId(1_000_000);
    const late = newRunId(2_000_000_000_000);
    expect(early < late).toBe(true);
    expect(late).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(shortRunId(late)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}$/);
  });
  test("a plan's digest does not depend on the order of keys, and does on every value", () => {
    expect(canonicalJson({ b: 1, a: [true, null, "x"] })).toBe('{"a":[true,null,"x"],"b":1}');
    const plan = aPlan([aStep("one")]);
    expect(plan.digest).not.toBe(aPlan([aStep("one", { tolerance: 1 })]).digest);
    expect(plan.digest).not.toBe(aPlan([aStep("one")], { inputs: { table: "public.other" } }).digest);
  });
});

describe("faults", () => {
  test("anything thrown becomes a record; a bug is named as one and its outcome is unknown", () => {
    expect(faultRecord(new Fault("HF-X", "it broke")).after).toBe("none");
    expect(faultRecord(new TypeError("oops"))).toMatchObject({ code: "HF-BUG", after: "unknown", exit: "bug" });
    expect(faultRecord(new Error("row value 4711")).message).not.toContain("4711");
  });
  test("no two exit names share a code", () => {
    const codes = Object.values(exitCodes).map((exit) => exit.code);
    expect(new Set(codes).size).toBe(codes.length);
  });
  test("times are shown in UTC to the second", () => expect(utc(0)).toBe("1970-01-01T00:00:00Z"));
});
