import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  defaultJournalFolder,
  defaults,
  defaultScratchFolder,
  loadConfig,
  readConfig,
} from "../../src/config/load-config.ts";
import { writeNewConfig } from "../../src/config/new-config.ts";
import { readDuration, readSize, writeDuration, writeSize } from "../../src/config/units.ts";
import { Fault } from "../../src/core/errors.ts";
import { mostWalKept } from "../../src/core/limits.ts";

const good = `targets:
  shop: { engine: postgres, url: "env:DATABASE_URL", environment: sandbox }
  books:
    engine: postgres
    url: { command: [pass, show, books] }
    environment: production
    database: books
    tier: critical
scratch: { folder: scratch, servers: { 18: /usr/lib/postgresql/18/bin } }
limits: { batchRows: 500, lockTimeout: 1s, statementTimeout: 2min, heldWal: 10GB, minFreeDisk: 0.2, mergeSessions: 4 }
tickets: required
`;

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));

function fault(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error.record;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("a config is read with units, absolute paths, and defaults for what it does not say", () => {
  const config = readConfig("/etc/holdfast/holdfast.yaml", good);
  expect(config.targets.map((target) => [target.name, target.url.kind, target.database, target.tier])).toEqual([
    ["shop", "env", null, null],
    ["books", "command", "books", "critical"],
  ]);
  expect(config.scratch).toEqual({
    folder: "/etc/holdfast/scratch",
    servers: { "18": "/usr/lib/postgresql/18/bin" },
  });
  expect(config.limits).toEqual({
    batchRows: 500,
    mergeSessions: 4,
    lockTimeoutMs: 1000,
    statementTimeoutMs: 120_000,
    heldWal: 10e9,
    minFreeDisk: 0.2,
  });
  expect(config.stopFile).toBe("/tmp/BACKUP_EMERGENCY_STOP");
  expect(readConfig("/a/b.yaml", "targets: {}").limits.lockTimeoutMs).toBe(2000);
});

test("a backup is read with absolute paths; a command stays as it is written, and none is none", () => {
  const backups = (text: string) =>
    readConfig("/etc/holdfast/holdfast.yaml", target(`url: "env:X", ${text}`)).targets.map(({ backup }) => backup);
  expect(backups("backup: { base: base, archive: /srv/wal }")).toEqual([
    { base: "/etc/holdfast/base", log: { kind: "folder", folder: "/srv/wal" } },
  ]);
  expect(backups('backup: { base: /b, command: [fetch, "%f", "to=%p"] }')).toEqual([
    { base: "/b", log: { kind: "command", argv: ["fetch", "%f", "to=%p"] } },
  ]);
  expect(backups("tier: critical")).toEqual([null]);
  expect(backups("backup: { dump: shop.dump }")).toEqual([null]);
});

test("a dump is read with an absolute path, beside a backup or alone", () => {
  const dumps = (text: string) =>
    readConfig("/etc/holdfast/holdfast.yaml", target(`url: "env:X", ${text}`)).targets.map(({ dump }) => dump);
  expect(dumps("backup: { dump: shop.dump }")).toEqual(["/etc/holdfast/shop.dump"]);
  expect(dumps("backup: { base: /b, archive: /a, dump: /srv/d }")).toEqual(["/srv/d"]);
  expect(dumps("backup: { base: /b, archive: /a }")).toEqual([null]);
});

const target = (text: string) => `targets:\n  shop: { engine: postgres, environment: sandbox, ${text} }\n`;

test.each([
  ["a wrong type", "targets: 5\n", "HF-CONFIG-SHAPE", "1:10"],
  ["no targets", "tickets: none\n", "HF-CONFIG-MISSING", "1:1"],
  ["an unknown key", `${good}colour: red\n`, "HF-CONFIG-UNKNOWN-KEY", "12:1"],
  ["an unknown engine", good.replace("engine: postgres, url", "engine: oracle, url"), "HF-CONFIG-SHAPE", "2:19"],
  ["no environment", good.replace(", environment: sandbox", ""), "HF-CONFIG-MISSING", "2:9"],
  ["an invented environment", good.replace("environment: sandbox", "environment: prod"), "HF-CONFIG-SHAPE", "2:67"],
  ["a target with a slash", good.replace("  shop:", "  sh/op:"), "HF-CONFIG-SHAPE", "2:3"],
  ["a duration without a unit", good.replace("lockTimeout: 1s", "lockTimeout: 5"), "HF-CONFIG-SHAPE", "10:40"],
  ["a share above one", good.replace("0.2", "20"), "HF-CONFIG-SHAPE", "10:96"],
  ["batches of nothing", good.replace("500", "0"), "HF-CONFIG-SHAPE", "10:22"],
  ["a database that SQL reserves", good.replace("database: books", "database: select"), "HF-CONFIG-SHAPE", "7:15"],
  ["an alias", `a: &a 1\n${good}`, "HF-CONFIG-ANCHOR", "1:7"],
  ["a key twice", `${good}tickets: none\n`, "HF-CONFIG-DUPLICATE-KEY", "12:1"],
  ["a shell line as command", target('url: { command: "cat x" }'), "HF-CONFIG-SHAPE", "2:56"],
  ["a bare word as URL", target("url: shop"), "HF-CONFIG-SHAPE", "2:56"],
  ["a backup without WAL", target('url: "env:X", backup: { base: /b }'), "HF-CONFIG-SHAPE", "2:73"],
  [
    "a backup without WAL beside a dump",
    target('url: "env:X", backup: { base: /b, dump: /d }'),
    "HF-CONFIG-SHAPE",
    "2:73",
  ],
  ["WAL without a backup", target('url: "env:X", backup: { archive: /a, dump: /d }'), "HF-CONFIG-SHAPE", "2:73"],
  ["a backup of nothing", target('url: "env:X", backup: {}'), "HF-CONFIG-SHAPE", "2:73"],
  [
    "a backup with WAL twice",
    target('url: "env:X", backup: { base: /b, archive: /a, command: ["f", "%f", "%p"] }'),
    "HF-CONFIG-SHAPE",
    "2:73",
  ],
  [
    "a command that puts WAL nowhere",
    target('url: "env:X", backup: { base: /b, command: [fetch, "%f"] }'),
    "HF-CONFIG-SHAPE",
    "2:94",
  ],
  [
    "a key of a backup that is none",
    target('url: "env:X", backup: { base: /b, archive: /a, wal: /w }'),
    "HF-CONFIG-UNKNOWN-KEY",
    "2:98",
  ],
])("%s is refused with its place", (_what, text, code, place) => {
  const record = fault(() => readConfig("holdfast.yaml", text));
  expect(`${record.code} ${record.message}`).toContain(`${code} holdfast.yaml:${place}:`);
  expect(record.exit).toBe("input");
});

const canary = "canary-7f3k";

test.each([
  target(`url: "postgres://u:${canary}@h/shop"`),
  target(`url: "postgresql://u@h/shop?password=${canary}"`),
  target(`url: "postgres://u:${canary}@h:99999/shop"`),
  target(`url: "mysql://u:${canary}@h/shop"`),
  target(`url: [ "postgres://u:${canary}@h/shop"`),
  target(`url: "postgres://u:${canary}@h/shop`),
  target(`url: &x "postgres://u:${canary}@h/shop"`),
  target(`url: postgres://u:${canary}@h/shop"} {`),
  `- ${canary}`,
  `targets: !e!${canary} x`,
  `targets: |${canary}\n x`,
  `targets: ]${canary}`,
])("a secret in the file is refused and never shown (%#)", (text) => {
  const record = fault(() => readConfig("holdfast.yaml", text));
  expect(record.code).toMatch(/^HF-CONFIG-/);
  expect(JSON.stringify(record)).not.toContain(canary);
});

test("a URL that can hold no password may stand in the file", () => {
  expect(readConfig("f", target('url: "postgres://u@h/shop"')).targets[0]?.url).toEqual({
    kind: "plain",
    text: "postgres://u@h/shop",
  });
});

test("the config is looked for here, then in the account's folder; none is a fault that says how to make one", () => {
  const [cwd, home] = [join(folder, "here"), join(folder, "home")];
  const places = { cwd, env: { HOME: home } };
  mkdirSync(cwd, { recursive: true });
  mkdirSync(join(home, ".config", "holdfast"), { recursive: true });
  const none = fault(() => loadConfig(undefined, places));
  expect([none.code, none.message]).toEqual([
    "HF-CONFIG-NOT-FOUND",
    `there is no holdfast.yaml here, and no ${join(home, ".config/holdfast/holdfast.yaml")}`,
  ]);
  const moved = fault(() => loadConfig(undefined, { cwd, env: { HOME: home, XDG_CONFIG_HOME: "/c" } }));
  expect(moved.message).toContain("no /c/holdfast/holdfast.yaml");
  expect(none.next).toEqual(["holdfast init --url-env DATABASE_URL --target shop --environment sandbox"]);
  writeFileSync(join(home, ".config", "holdfast", "holdfast.yaml"), good);
  expect(loadConfig(undefined, places).file).toBe(join(home, ".config", "holdfast", "holdfast.yaml"));
  writeFileSync(join(cwd, "holdfast.yaml"), good);
  expect(loadConfig(undefined, places).file).toBe(join(cwd, "holdfast.yaml"));
  expect(fault(() => loadConfig("other.yaml", places)).code).toBe("HF-CONFIG-NOT-FOUND");
});

test("the journal's folder follows XDG, and a relative variable counts as unset", () => {
  expect(defaultJournalFolder({ HOME: "/h", XDG_STATE_HOME: "/s" })).toBe("/s/holdfast");
  expect(defaultJournalFolder({ HOME: "/h", XDG_STATE_HOME: "s" })).toBe("/h/.local/state/holdfast");
});

test("a new config loads, is its owner's alone, and never takes the place of another", () => {
  const file = join(folder, "new.yaml");
  writeNewConfig(file, { urlEnv: "DATABASE_URL", target: "shop", environment: "sandbox" }, {});
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(loadConfig(file, { cwd: folder, env: {} }).targets[0]).toMatchObject({
    name: "shop",
    environment: "sandbox",
    url: { kind: "env", name: "DATABASE_URL" },
  });
  const before = readFileSync(file, "utf8");
  const again = fault(() => writeNewConfig(file, { urlEnv: "X", target: "y", environment: "staging" }, {}));
  expect(again.code).toBe("HF-CONFIG-EXISTS");
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("every value in a comment of a new config is what holds without it", () => {
  const file = join(folder, "commented.yaml");
  const env = { HOME: "/home/ops" };
  writeNewConfig(file, { urlEnv: "U", target: "shop", environment: "sandbox" }, env);
  const text = readFileSync(file, "utf8");
  const [targets = "", rest = ""] = text.split("# From here on, ");
  const uncommented = rest.replaceAll(/^# ((?:[a-z][a-zA-Z]*|  [a-zA-Z]+):(?: .*)?)$/gm, "$1");
  const names = [...uncommented.matchAll(/^ *([a-zA-Z]+):/gm)].map(([, name]) => name);
  expect(names).toEqual([
    "scratch",
    "folder",
    "limits",
    ...Object.keys(defaults.limits).map((name) => name.replace(/Ms$/, "")),
    "tickets",
    "stopFile",
    "journal",
  ]);
  const read = readConfig(file, `${targets}# ${uncommented}`);
  expect(read.limits).toEqual({ ...defaults.limits, heldWal: mostWalKept });
  expect([read.tickets, read.stopFile]).toEqual([defaults.tickets, defaults.stopFile]);
  expect([read.scratch.folder, read.journal]).toEqual([defaultScratchFolder(), defaultJournalFolder(env)]);
  const asWritten = readConfig(file, text);
  expect(asWritten).toMatchObject({ limits: defaults.limits, scratch: { folder: null, servers: {} }, journal: null });
  expect(asWritten.targets).toMatchObject([{ database: null, tier: null, backup: null }]);
});

test("the examples of a new config load too", () => {
  const file = join(folder, "examples.yaml");
  writeNewConfig(file, { urlEnv: "U", target: "shop", environment: "sandbox" }, {});
  const text = readFileSync(file, "utf8").replaceAll(
    /^    # ((?:database|tier|backup):.*|  (?:base|archive|dump):.*)$/gm,
    "    $1",
  );
  expect(readConfig(file, text).targets).toMatchObject([
    {
      database: "shop",
      tier: "standard",
      backup: { base: "/var/backups/shop/base", log: { kind: "folder" } },
      dump: "/var/backups/shop.dump",
    },
  ]);
});

test.each([0, 1, 999, 1000, 2000, 60_000, 90_000, 3_600_000])(
  "%d ms and bytes are written as they are read",
  (value) => {
    expect(readDuration(writeDuration(value))).toBe(value);
    expect(readSize(writeSize(value))).toBe(value);
  },
);

test.each([
  [{ urlEnv: "DATABASE URL", target: "shop", environment: "sandbox" }],
  [{ urlEnv: "X\n  y: 1", target: "shop", environment: "sandbox" }],
  [{ urlEnv: "X", target: "Sh op", environment: "sandbox" }],
  [{ urlEnv: "X", target: "shop", environment: "prod" }],
])("what would not load is not written: %j", (wanted) => {
  const file = join(folder, "never.yaml");
  expect(fault(() => writeNewConfig(file, wanted, {})).exit).toBe("input");
  expect(() => statSync(file)).toThrow("ENOENT");
});

test("a config that merely lies here, and that another could have written, is not read until it is named", () => {
  const cwd = mkdtempSync(join(tmpdir(), "holdfast-foreign-"));
  const file = join(cwd, "holdfast.yaml");
  const places = { cwd, env: { HOME: join(cwd, "home") } };
  writeFileSync(file, good);
  expect(loadConfig(undefined, places).file).toBe(file);
  chmodSync(file, 0o646);
  expect(fault(() => loadConfig(undefined, places))).toMatchObject({ code: "HF-CONFIG-FOREIGN", exit: "input" });
  expect(loadConfig("holdfast.yaml", places).file).toBe(file);
  chmodSync(file, 0o664);
  expect(loadConfig(undefined, places).file).toBe(file);
});

test.runIf(process.getuid?.() === 0)(
  "nor is one that belongs to another account, or to which another's link leads",
  () => {
    const cwd = mkdtempSync(join(tmpdir(), "holdfast-foreign-"));
    const places = { cwd, env: { HOME: join(cwd, "home") } };
    const [file, theirs] = [join(cwd, "holdfast.yaml"), join(cwd, "theirs.yaml")];
    writeFileSync(theirs, good);
    symlinkSync(theirs, file);
    expect(loadConfig(undefined, places).file).toBe(file);
    chownSync(theirs, 65_534, 65_534);
    expect(fault(() => loadConfig(undefined, places)).code).toBe("HF-CONFIG-FOREIGN");
    expect(loadConfig(file, places).file).toBe(file);
  },
);
