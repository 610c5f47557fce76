import { existsSync, rmSync } from "node:fs";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import type { Secret } from "../../src/core/secret.ts";
import { debian } from "./dirtyread.ts";

const programs = [`${debian.bin}/postgres`, `${debian.bin}/pg_dump`, `${debian.bin}/pg_restore`];
const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",").includes("dump");

/** npm's server has no client programs: Debian's has. Skipped loudly where it is not there; fails where HOLDFAST_REQUIRE names dump. */
export function withDump(suite: (programs: typeof debian) => void): void {
  const missing = programs.some((program) => !existsSync(program));
  if (missing) console.warn("SKIPPED: Debian's PostgreSQL 15 with pg_dump is not there (scripts/test-needs.sh)");
  if (missing && required)
    test("pg_dump", () => {
      expect(missing, "HOLDFAST_REQUIRE names dump, and pg_dump is not there").toBe(false);
    });
  else describe.skipIf(missing)("a dump by Debian's pg_dump 15", () => suite(debian));
}

/** Made anew where one is there. */
export async function dumped(
  bin: string,
  url: Secret,
  to: string,
  format: "custom" | "directory" | "plain",
  words: readonly string[] = [],
): Promise<string> {
  rmSync(to, { recursive: true, force: true });
  await execa(`${bin}/pg_dump`, [`--format=${format}`, "--file", to, ...words, url.reveal()]);
  return to;
}
