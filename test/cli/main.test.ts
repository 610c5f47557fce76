import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, symlinkSync, cpSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/source.ts";

const main = resolve(root, "src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "holdfast-main-"));
const env = { PATH: process.env.PATH, HOME: folder };

function holdfast(args: readonly string[], node = process.execPath, nodeArgs: readonly string[] = [], entry = main) {
  return spawnSync(node, [...nodeArgs, entry, ...args], { encoding: "utf8", env, cwd: folder });
}

test("--version answers, and loads nothing but Node's own modules", () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) { process.stderr.write(name + "\\n"); return next(name, context); } });`;
  const ran = holdfast(["--version"], process.execPath, [
    "--import",
    `data:text/javascript,${encodeURIComponent(hook)}`,
  ]);
  expect(ran.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const loaded = ran.stderr.trim().split("\n");
  expect(loaded.length).toBeGreaterThan(3);
  expect(loaded.filter((name) => !name.startsWith("node:") && !name.endsWith("/main.ts"))).toEqual([]);
});

test("help is given without a config, and a run without one is refused", () => {
  expect(holdfast(["--help"])).toMatchObject({ status: 0, stdout: expect.stringContaining("Example:") });
  const ran = holdfast(["run", "restore-after-bad-delete", "--target", "shop"]);
  expect([ran.status, ran.stderr.split(" ")[0]]).toEqual([3, "HF-CONFIG-NOT-FOUND"]);
});

test("what is generated is up to date", () => {
  const ran = spawnSync(process.execPath, [resolve(root, "scripts/generate.mjs"), "--check"], { encoding: "utf8" });
  expect(ran.stdout.trim()).toBe("every generated file is up to date");
});

const old = ["/usr/bin/node", "/usr/local/bin/node"].find(
  (node) => existsSync(node) && /^v(18|20|22)\./.test(execFileSync(node, ["--version"], { encoding: "utf8" })),
);
if (old === undefined)
  console.warn("SKIPPED: no Node older than 24 here; the tests of the start on an old one are not run");

/** The bundle alone, as a package lies where it was installed; with the package's own Node, or without. */
function installed(withNode: boolean): string {
  const place = mkdtempSync(join(tmpdir(), "holdfast-installed-"));
  execFileSync(process.execPath, [resolve(root, "scripts/build.mjs"), "--quiet"]);
  cpSync(resolve(root, "dist"), join(place, "dist"), { recursive: true });
  cpSync(resolve(root, "package.json"), join(place, "package.json"));
  mkdirSync(join(place, "node_modules"));
  for (const name of readdirSync(resolve(root, "node_modules")).filter((one) => withNode || one !== "node")) {
    if (!name.startsWith(".")) symlinkSync(resolve(root, "node_modules", name), join(place, "node_modules", name));
  }
  return join(place, "dist", "main.js");
}

test.skipIf(old === undefined)(
  "on an older Node it starts itself again on the package's own, with the same exit code",
  () => {
    const entry = installed(true);
    const ran = holdfast(["journal", "list"], old, [], entry);
    expect(ran).toMatchObject({ status: 0, stdout: "The journal has no run yet.\n" });
    expect(holdfast(["journal", "show", "ffff"], old, [], entry).status).toBe(3);
  },
);

test.skipIf(old === undefined)("on an older Node without another it says so with a code, and nothing is begun", () => {
  const ran = holdfast(["journal", "list"], old, [], installed(false));
  expect([ran.status, ran.stderr.split(" ")[0]]).toEqual([15, "HF-NODE-OLD"]);
  expect(ran.stderr).toContain("what to do");
});
