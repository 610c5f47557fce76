import { expect, test } from "vitest";
import { readyLines, readyText } from "../../src/words/readiness.ts";
import { wrapWords } from "../../src/words/format.ts";
import { readyTarget } from "../screens/support/fake-workbench.ts";

const target = readyTarget();
const found = target.found!;
const text = (of = target) => readyLines(of).map(readyText);

test("an open path says how long, what it loses and what must stay so; a closed one why, and the change as it is typed", () => {
  expect(text()).toEqual([
    "!! PRODUCTION !!  shop  shop_orders @ db-prod-1:5432, PostgreSQL 18.4, primary",
    "connected as postgres",
    "  [!] track_commit_timestamp = off: nobody can tell when a statement committed: only its order is known.",
    "      in SQL: ALTER SYSTEM SET track_commit_timestamp = on;",
    "      (needs a restart; from now on only)",
    "[x] public.orders  1 of 2 paths open  (about 1,123,000 rows, 412 MB with public.order_lines)",
    "    [x] page-transplant: Dead rows off their pages (page transplant), about 1:01 if every row were lost",
    "        open while nothing prunes the rows: vacuum and plain reads remove them until the hold stands.",
    "        Deleted rows stay on their pages for a while.",
    "        loses: what is cleaned up before the hold.",
    "    [-] clone: closed. The config names no base backup for this target.",
    "        opens with: backup: { base, archive } of the target in holdfast.yaml.",
    "        in holdfast.yaml: backup: { base: FOLDER, archive: FOLDER }",
    "        (from now on only)",
    "[x] READY: the table has an open path.",
  ]);
});

test("a table that no path is open for is said on its own line and at the end", () => {
  const [table] = found.tables;
  const closed = { ...table!, open: false, paths: table!.paths.filter(({ open }) => !open) };
  const lines = text({ ...target, ready: false, found: { ...found, tables: [table!, closed] } });
  expect(lines).toContainEqual(expect.stringMatching(/^\[!\] public\.orders {2}NO PATH IS OPEN {2}\(/));
  expect(lines.at(-1)).toBe("[!] NOT READY: 1 of 2 tables has no open path.");
});

test("paths that the same closes are told in one breath, and all that opens them is typed below", () => {
  const [table] = found.tables;
  const [, clone] = table!.paths;
  const grant = { kind: "sql", text: "GRANT SELECT ON a.b TO r;", restart: false, fromNowOn: false } as const;
  const closed = (path: string, words: string) => ({ ...clone!, path, opensWith: words, changes: [grant] });
  const paths = [closed("page-transplant", ""), clone!, closed("wal", "")];
  expect(text({ ...target, found: { ...found, tables: [{ ...table!, paths }] } }).slice(6, 13)).toEqual([
    "    [-] page-transplant, wal: closed. The config names no base backup for this target.",
    "        opens with all of this:",
    "        in SQL: GRANT SELECT ON a.b TO r;",
    "    [-] clone: closed. The config names no base backup for this target.",
    "        opens with: backup: { base, archive } of the target in holdfast.yaml.",
    "        in holdfast.yaml: backup: { base: FOLDER, archive: FOLDER }",
    "        (from now on only)",
  ]);
});

test("a table that is not there, and many that lose rows with one, are told in one line each", () => {
  const [table] = found.tables;
  const names = ["a.a", "a.b", "a.c", "a.d", "a.e"];
  const gone = { ...table!, table: "public.ordres", open: false, unknown: "there is no table", paths: [] };
  const lines = text({ ...target, ready: false, found: { ...found, tables: [{ ...table!, with: names }, gone] } });
  expect(lines).toContainEqual(expect.stringContaining("with a.a, a.b, a.c and 2 more)"));
  expect(lines).toContain("[!] public.ordres: there is no table.");
  const grant = "The DBA may run: GRANT USAGE ON SCHEMA a TO r;";
  const barred = text({ ...target, ready: false, found: { ...found, tables: [{ ...gone, unknown: grant }] } });
  expect(barred).toContain(`[!] public.ordres: ${grant}`);
});

test("a target that could not be reached says why, and nothing of tables", () => {
  const fault = { code: "HF-CONNECT-REFUSED", message: "nobody listens there", exit: "unreachable", hint: "Start it." };
  expect(text({ ...target, ready: false, found: null, fault })).toEqual([
    "!! PRODUCTION !!  shop",
    "[!] HF-CONNECT-REFUSED  nobody listens there.",
    "    Start it.",
  ]);
});

test("what is to be typed is never broken in two by a narrow window", () => {
  const typed = readyLines(target).filter((line) => line.typed);
  expect(typed.length).toBeGreaterThan(1);
  for (const line of typed) expect(wrapWords(readyText(line), 30)).toEqual([readyText(line)]);
});
