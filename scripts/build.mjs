// Bundles src/main.ts into dist/: one entry, lazily loaded chunks. Runs on any Node that rolldown runs on, and on Node 20.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawnSync } from "node:child_process";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, "dist");
const quiet = process.argv.includes("--quiet");
const ownNode = path.join(root, "node_modules/node/bin/node");

// rolldown asks for a newer Node than the machine may have.
if (Number(process.versions.node.split(".")[0]) < 24 && existsSync(ownNode)) {
  const done = spawnSync(ownNode, process.argv.slice(1), { stdio: "inherit" });
  process.exit(done.status ?? 1);
}

const began = Date.now();
const stamp = stampOf(["src", "scripts/build.mjs", "package-lock.json"]);
if (existsSync(path.join(dist, "main.js")) && readIfAny(path.join(dist, ".stamp")) === stamp) {
  if (!quiet) console.log("dist is up to date: nothing of src has changed since it was built");
  process.exit(0);
}
const { rolldown } = await import("rolldown");

const nothing = "\0nothing";
/** Ink asks for it in development only. */
const withoutDevtools = {
  name: "without-devtools",
  resolveId: (id) => (id === "react-devtools-core" ? nothing : null),
  load: (id) => (id === nothing ? "export default {};" : null),
};

/** Yoga's loader fetches its own data URL where there is a fetch, and Node then loads a whole HTTP client: 40 ms before the first frame. */
const withoutFetch = {
  name: "yoga-without-fetch",
  transform: (code, id) => (id.endsWith("/yoga-wasm-base64-esm.js") ? `const fetch = undefined;\n${code}` : null),
};

const warnings = [];
const bundle = await rolldown({
  input: path.join(root, "src/main.ts"),
  platform: "node",
  external: ["better-sqlite3", "pg-native"],
  transform: { define: { "process.env.NODE_ENV": '"production"' } },
  plugins: [withoutDevtools, withoutFetch],
  onwarn: (warning) => warnings.push(warning.message),
});
const made = path.join(root, "node_modules/.cache", `holdfast-dist-${process.pid}`);
await bundle.write({
  dir: made,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
  minify: { compress: true, mangle: false, codegen: false },
});
await bundle.close();
chmodSync(path.join(made, "main.js"), 0o755);
writeFileSync(path.join(made, ".stamp"), stamp);
keepOldChunks();
// Whoever starts the program meanwhile finds the old one or the new one, whole.
if (existsSync(dist)) renameSync(dist, `${made}.old`);
renameSync(made, dist);
rmSync(`${made}.old`, { recursive: true, force: true });

for (const warning of warnings) console.warn(warning);
if (!quiet) {
  const files = readdirSync(dist, { recursive: true }).map((file) => path.join(dist, file));
  const bytes = files.reduce((sum, file) => sum + (statSync(file).isFile() ? statSync(file).size : 0), 0);
  console.log(`dist/main.js and its chunks: ${bytes.toLocaleString("en-US")} bytes in ${Date.now() - began} ms`);
}

/** One text for one state of the sources: names and contents, not times, which a fresh clone makes anew. */
function stampOf(places) {
  const hash = createHash("sha256");
  for (const place of places.flatMap(filesIn).toSorted())
    hash.update(place).update(readFileSync(path.join(root, place)));
  return hash.digest("hex");
}

function filesIn(place) {
  if (!statSync(path.join(root, place)).isDirectory()) return [place];
  return readdirSync(path.join(root, place)).flatMap((name) => filesIn(path.join(place, name)));
}

function readIfAny(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** A program that runs now loads its chunks when it needs them: those of yesterday's builds stay for a day. */
function keepOldChunks() {
  const old = path.join(dist, "chunks");
  if (!existsSync(old)) return;
  const day = 24 * 60 * 60 * 1000;
  for (const name of readdirSync(old)) {
    const [from, to] = [path.join(old, name), path.join(made, "chunks", name)];
    if (existsSync(to) || Date.now() - statSync(from).mtimeMs > day) continue;
    copyFileSync(from, to);
    utimesSync(to, statSync(from).atime, statSync(from).mtime);
  }
}
