import { expect, test } from "vitest";
import { withTyped } from "../../../src/engines/postgres/evidence/ready/stops.ts";

const typed = (opensWith: string) => withTyped({ why: "It is closed.", opensWith }).change?.text ?? null;

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
  expect(withTyped({ why: "", opensWith: "ALTER SYSTEM;", change }).change).toBe(change);
});
