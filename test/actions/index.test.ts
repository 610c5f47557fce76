import { expect, test } from "vitest";
import { actions } from "../../src/actions/index.ts";

test("every action has a name of its own, verb first", () => {
  expect(new Set(actions.map((action) => action.name)).size).toBe(actions.length);
  for (const { name } of actions) expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
});

test("every effect says how it is settled after a kill, and how or whether it can be taken back", () => {
  for (const { name, effect, recovery, undo } of actions) {
    expect(recovery, name).not.toEqual([]);
    if (effect !== "read") expect(undo, name).toBeDefined();
  }
});

test("what is settled by a probe has one", () => {
  const without = actions.filter((action) => action.recovery.includes("probe") && action.probe === undefined);
  expect(without.map((action) => action.name)).toEqual([]);
});

test("there is one write that puts rows back and one that ends a transaction, and nothing destroys", () => {
  const by = (effect: string) => actions.filter((action) => action.effect === effect).map((action) => action.name);
  expect(by("write")).toEqual(["cancel-open-transaction", "merge-rows"]);
  expect(by("destroy")).toEqual([]);
});
