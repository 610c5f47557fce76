import { expect, test } from "vitest";
import { closedReady } from "../../../src/engines/postgres/evidence/closed.ts";
import { withReasons } from "../../../src/engines/postgres/evidence/ready/reasons.ts";

const base = { path: "clone", label: "A clone", needs: [], rescues: true };
const config = { kind: "config", text: "backup: FOLDER", restart: false, fromNowOn: true } as const;
const own = closedReady(base, { why: "No backup is named.", opensWith: "A backup.", change: config });
const grants = (...statements: string[]) => ({
  why: `${statements.length} rights.`,
  opensWith: statements.join(" "),
  statements,
});

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

test("a name that holds SQL stays within its quotes, and nothing is ever cut out of a hint to be typed", () => {
  const evil = `GRANT SELECT ON a."x;y; ALTER ROLE evil SUPERUSER; GRANT z" TO r;`;
  const twin = `GRANT SELECT ON a."x;y; GRANT z" TO r;`;
  expect(withReasons(own, [grants(evil)], [grants(twin, evil)]).changes[0]?.text).toBe(`${evil} ${twin}`);
  const hinted = withReasons(own, [{ why: "No.", opensWith: `The DBA may run: ${evil}` }], []);
  expect(hinted.changes).toEqual([config]);
});
