import { expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import { sha256 } from "../../src/core/ids.ts";
import type { PlannedTarget } from "../../src/core/target.ts";
import { planRunbook } from "../../src/runbooks/plan-runbook.ts";
import { actions, changed, loaded } from "./runbook-text.ts";

const main: PlannedTarget = { name: "shop", engine: "memory", environment: "sandbox", database: "shop" };
const parts = {
  inputs: { table: "public.orders" },
  targets: { main },
  actions,
  keeps: { main: ["transactional", "cursor", "idempotent", "probe", "manual"] as const },
};

test("a plan freezes the text, the inputs, the targets and every step", () => {
  const runbook = loaded();
  const plan = planRunbook(runbook, parts);
  expect(plan.runbook).toEqual({
    id: "demo",
    title: "A demonstration",
    text: runbook.text,
    digest: sha256(runbook.text),
  });
  expect(plan.steps[0]).toEqual({
    key: "find",
    title: "Find rows",
    why: "",
    action: "find-rows",
    effect: "read",
    recovery: "idempotent",
    on: { main: "main" },
    with: { table: "${inputs.table}", since: "${inputs.since}" },
    choose: "one",
    tolerance: 0,
  });
  expect(plan.steps[1]).toMatchObject({
    title: "Put them back",
    recovery: "transactional",
    on: { into: "main" },
    when: "${steps.find.result.any}",
    group: "writes",
    tolerance: 0.01,
  });
});

test("the digest follows the text, the inputs and the targets, and nothing else", () => {
  const digest = (text?: string, change: object = {}) => planRunbook(loaded(text), { ...parts, ...change }).digest;
  expect(digest()).toBe(digest());
  expect(digest(changed("A demonstration", "Another"))).not.toBe(digest());
  expect(digest(undefined, { inputs: { table: "public.other" } })).not.toBe(digest());
  expect(digest(undefined, { targets: { main: { ...main, database: "shop2" } } })).not.toBe(digest());
});

test("the strongest contract that the target keeps is frozen", () => {
  const plan = planRunbook(loaded(), { ...parts, keeps: { main: ["manual", "probe"] } });
  expect(plan.steps[1]?.recovery).toBe("probe");
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Fault ? `${error.record.code} ${error.record.exit}` : String(error);
  }
  return "nothing was thrown";
}

test("a write that the target can't settle after a kill is not planned", () => {
  expect(codeOf(() => planRunbook(loaded(), { ...parts, keeps: { main: ["manual"] } }))).toBe("HF-PLAN-RECOVERY input");
  expect(codeOf(() => planRunbook(loaded(), { ...parts, keeps: {} }))).toBe("HF-PLAN-RECOVERY input");
});

test("a runbook that lint refuses is not planned", () => {
  const text = changed("    why: They are missing.\n", "");
  expect(codeOf(() => planRunbook(loaded(text), parts))).toBe("HF-RUNBOOK-MISSING input");
});

test("every role needs a target, and all are of one environment", () => {
  const two = changed("[evidence, merge] }", "[evidence, merge], standby: [evidence] }");
  expect(codeOf(() => planRunbook(loaded(two), parts))).toBe("HF-PLAN-TARGET input");
  const mixed = { main, standby: { ...main, environment: "production" as const } };
  expect(codeOf(() => planRunbook(loaded(two), { ...parts, targets: mixed }))).toBe("HF-PLAN-ENVIRONMENTS input");
});
