import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../support/source.ts";

const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(path.join(root, "src", name), "utf8"));

/** Written out in the sources, alone or before the words of a finding, or put together in one file from `HF-AREA-` and the rest. */
export function emittedCode(code: string): boolean {
  const [, area = "", rest = ""] = /^HF-([A-Z0-9]+)-(.+)$/.exec(code) ?? [];
  return sources.some(
    (text) =>
      text.includes(`"${code}"`) ||
      text.includes(`\`${code}: `) ||
      text.includes(`${code}  `) ||
      (text.includes(`HF-${area}-\${`) && text.includes(`"${rest}"`)),
  );
}
