import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** Debian's PostgreSQL 15 has packages of extensions; npm's has contrib only. scripts/test-needs.sh installs this one. */
export const debian = { major: 15, bin: "/usr/lib/postgresql/15/bin" } as const;

const parts = [`${debian.bin}/postgres`, "/usr/share/postgresql/15/extension/pg_dirtyread.control"];
const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",").includes("dirtyread");

/** Skipped loudly where the extension is not there; fails where HOLDFAST_REQUIRE names dirtyread. */
export function withDirtyread(suite: () => void): void {
  const missing = parts.some((part) => !existsSync(part));
  if (missing) console.warn("SKIPPED: Debian's PostgreSQL 15 with pg_dirtyread is not there (scripts/test-needs.sh)");
  if (missing && required)
    test("pg_dirtyread", () => {
      expect(missing, "HOLDFAST_REQUIRE names dirtyread, and pg_dirtyread is not there").toBe(false);
    });
  else describe.skipIf(missing)("pg_dirtyread on Debian's PostgreSQL 15", suite);
}
