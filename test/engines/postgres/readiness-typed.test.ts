import { expect, test } from "vitest";
import { closedReady } from "../../../src/engines/postgres/evidence/closed.ts";
import { typed as typedOf, withReasons } from "../../../src/engines/postgres/evidence/ready/reasons.ts";

const typed = (opensWith: string) => typedOf({ why: "It is closed.", opensWith }).changes[0]?.text ?? null;

test.each([
  [
    "The DBA may run: GRANT CREATE ON DATABASE shop TO r; GRANT SELECT, INSERT ON a.b TO r;",
    "GRANT CREATE ON DATABASE shop TO r; GRANT SELECT, INSERT ON a.b TO r;",
  ],
  [
    "ALTER TABLE a.b NO FORCE ROW LEVEL SECURITY; for the while (r owns it), or a superuser runs ALTER ROLE r BYPASSRLS;",
    "ALTER ROLE r BYPASSRLS;",
  ],
  ["Connect as a superuser, or name a backup.", null],
  ["ALTER TABLE .. DISABLE RULE for the while, and begin again.", null],
])("of what opens a path only whole statements are given to be typed: %s", (opensWith, text) => {
  expect(typed(opensWith)).toBe(text);
});

test("a change that is known already stays", () => {
  const change = { kind: "config", text: "backup:", restart: false, fromNowOn: true } as const;
  expect(typedOf({ why: "", opensWith: "ALTER SYSTEM;", change }).changes).toEqual([change]);
});

const base = { path: "clone", label: "A clone", needs: [], rescues: true };
const config = { kind: "config", text: "backup: FOLDER", restart: false, fromNowOn: true } as const;
const own = closedReady(base, { why: "No backup is named.", opensWith: "A backup.", change: config });
const grants = (...words: string[]) => ({ why: `${words.length} rights.`, opensWith: words.join(" ") });

test("all that closes a path is told at once, and what opens it together, each statement once", () => {
  const first = grants("GRANT SELECT ON a.b TO r;");
  const last = grants("GRANT SELECT ON a.b TO r;", "GRANT SELECT ON a.c TO r;");
  expect(withReasons(own, [first], [last])).toMatchObject({
    open: false,
    why: "1 rights. No backup is named. 2 rights.",
    opensWith: "A backup.",
    changes: [
      { kind: "sql", text: "GRANT SELECT ON a.b TO r; GRANT SELECT ON a.c TO r;" },
      { kind: "config", text: "backup: FOLDER" },
    ],
  });
});

test("where only another connection helps, that alone is told to be done", () => {
  const url = { ...config, text: "url: env:NAME   # the URL of a superuser" };
  const blind = closedReady(base, { why: "Pages can't be read.", opensWith: "A superuser.", change: url });
  expect(withReasons(blind, [grants("GRANT SELECT ON a.b TO r;")], [])).toMatchObject({
    why: "1 rights. Pages can't be read.",
    opensWith: "A superuser.",
    changes: [url],
  });
});

test("a path that nothing stands in the way of is told as it is", () => {
  expect(withReasons(own, [], [])).toBe(own);
});
