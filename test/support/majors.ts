import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { testBinaries, usualMajor } from "./postgres.ts";

const all = [14, 15, 16, 17, 18];
const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",").includes("postgres");

/** HOLDFAST_POSTGRES=15: only that one. HOLDFAST_VERSIONS=all: each. Else the sample, which keeps an ordinary run short. */
export function majors(...sample: readonly number[]): readonly number[] {
  if (process.env.HOLDFAST_POSTGRES !== undefined) return [usualMajor];
  return process.env.HOLDFAST_VERSIONS === "all" ? all : sample;
}

/** The suite on each of these versions. One that is not on this machine is skipped loudly, and fails where HOLDFAST_REQUIRE names postgres. */
export function onEachMajor(versions: readonly number[], suite: (major: number) => void): void {
  for (const major of versions) {
    const missing = major !== 18 && !existsSync(path.join(testBinaries()[String(major)] ?? "", "postgres"));
    if (missing)
      console.warn(`SKIPPED: PostgreSQL ${major} is not there (npm install brings it); nothing is proved on it here`);
    if (missing && required)
      test(`PostgreSQL ${major}`, () => {
        expect(missing, `HOLDFAST_REQUIRE names postgres, and PostgreSQL ${major} is not there`).toBe(false);
      });
    else describe.skipIf(missing)(`PostgreSQL ${major}`, () => suite(major));
  }
}

/** The same SQL without the words that the version does not know yet; where a test is about one of them, it says what comes instead. */
export function inWordsOf(major: number, sql: string): string {
  const from18 = major >= 18 ? sql : sql.replace(/\bvirtual\b/gi, "stored").replace(/ not enforced\b/gi, "");
  return major >= 15 ? from18 : from18.replace(/ nulls not distinct\b/gi, "");
}
