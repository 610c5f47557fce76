import { test } from "vitest";
import { majors, onEachMajor } from "../../../support/majors.ts";

/** The suite on each version whose log can be read page by page; in an ordinary run on the sample. */
export function onEachWithLog(sample: readonly number[], suite: (major: number) => void): void {
  const able = majors(...sample).filter((major) => major >= 16);
  if (able.length === 0) test.skip("the log's pages can be read on 16 and newer only");
  onEachMajor(able, suite);
}
