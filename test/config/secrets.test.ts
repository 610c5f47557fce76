import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { checkConnectionUrl } from "../../src/config/connection-url.ts";
import { secretsIn } from "../../src/config/resolve-target.ts";
import { resolveSecret, type SecretReference } from "../../src/config/secrets.ts";
import { Fault } from "../../src/core/errors.ts";
import { Secret } from "../../src/core/secret.ts";

const canary = "canary-7f3k";
const folder = mkdtempSync(join(tmpdir(), "holdfast-secret-"));
const url = `postgres://u:${canary}@db.example:5432/shop`;

async function fault(work: () => unknown) {
  try {
    await work();
  } catch (error) {
    expect(`${inspect(error, { depth: 9 })} ${String((error as Error).stack)}`).not.toContain(canary);
    if (error instanceof Fault) return error.record;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("a secret is found in a variable, a file and a command's output, without its line end", async () => {
  const file = join(folder, "url");
  writeFileSync(file, `${url}\n`);
  const references: readonly SecretReference[] = [
    { kind: "env", name: "U" },
    { kind: "file", path: file },
    { kind: "command", argv: [process.execPath, "-e", "console.log(process.env.U)"] },
  ];
  for (const reference of references) {
    expect((await resolveSecret(reference, { U: url, PATH: process.env.PATH })).reveal()).toBe(url);
  }
});

test("a command is run without a shell", async () => {
  const secret = await resolveSecret({ kind: "command", argv: ["/bin/echo", "$(id)", "; id", "`id`"] }, {});
  expect(secret.reveal()).toBe("$(id) ; id `id`");
});

test.each([
  ["a variable that is not set", { kind: "env", name: "NOT_SET" }, "HF-SECRET-MISSING"],
  ["an empty variable", { kind: "env", name: "EMPTY" }, "HF-SECRET-EMPTY"],
  ["a file that is not there", { kind: "file", path: "/nowhere" }, "HF-SECRET-MISSING"],
  ["a folder", { kind: "file", path: "/tmp" }, "HF-SECRET-MISSING"],
  ["no such program", { kind: "command", argv: ["/nowhere", canary] }, "HF-SECRET-COMMAND"],
  [
    "a command that fails",
    { kind: "command", argv: ["/bin/sh", "-c", `echo ${canary} >&2; exit 3`] },
    "HF-SECRET-COMMAND",
  ],
] as const)("%s is a fault that shows no secret", async (_what, reference, code) => {
  const record = await fault(() => resolveSecret(reference, { EMPTY: "" }));
  expect(record.code).toBe(code);
  expect(record.exit).toBe("input");
});

test.each([
  [`postgres://u:${canary}@h:5432/shop`, "shop"],
  ["postgresql:///shop?host=/var/run/postgresql&port=5433", "shop"],
  ["postgres://u@/shop?host=/var/run/postgresql", "shop"],
  ["postgres://u@[::1]:5432/Shop_1", "Shop_1"],
  ["postgres://%2Fvar%2Frun/shop", "shop"],
])("the URL %s leads to the database %s, unchanged", (text, database) => {
  const checked = checkConnectionUrl(new Secret(text));
  expect(checked.database).toBe(database);
  expect(checked.url.reveal()).toBe(text);
});

test("the config's database takes the place of the URL's, and nothing else changes", () => {
  const of = (text: string) => checkConnectionUrl(new Secret(text), "books").url.reveal();
  expect(of(url)).toBe(`postgres://u:${canary}@db.example:5432/books`);
  expect(of("postgres://u@/shop?host=/tmp")).toBe("postgres://u@/books?host=/tmp");
});

test.each([
  ["", "HF-URL-SCHEME"],
  [`mysql://u:${canary}@h/shop`, "HF-URL-SCHEME"],
  [`postgres://u:${canary}@h/shop\nx`, "HF-URL-FORM"],
  [`postgres://u:${canary}@h:99999/shop`, "HF-URL-FORM"],
  [`postgres://u:${canary}#x@h/shop`, "HF-URL-"],
  [`postgres://u:${canary}@h:0/shop`, "HF-URL-PORT"],
  [`postgres://u:${canary}@h/shop?port=70000`, "HF-URL-PORT"],
  [`postgres://u:${canary}@a,b/shop`, "HF-URL-HOST"],
  [`postgres://u:${canary}@/shop`, "HF-URL-HOST"],
  ["postgres:///shop", "HF-URL-HOST"],
  [`postgres://u:${canary}@h`, "HF-URL-DATABASE"],
  [`postgres://u:${canary}@h/sh-op`, "HF-URL-DATABASE"],
  [`postgres://u:${canary}@h/select`, "HF-URL-DATABASE"],
  [`postgres://u:${canary}@h/a/b`, "HF-URL-DATABASE"],
  [`postgres://u:${canary}@h/%ZZ`, "HF-URL-FORM"],
])("a URL that won't do is refused, and no part of it is shown (%#)", async (text, code) => {
  const record = await fault(() => checkConnectionUrl(new Secret(text)));
  expect(record.code).toContain(code);
  expect(record.exit).toBe("input");
});

test("a password is known for redaction as it is written and as it is meant; a very short one is not", () => {
  const values = (text: string) => secretsIn(new Secret(text)).map((secret) => secret.reveal());
  expect(values("postgres://u:p%40ssw@h/d")).toEqual(["postgres://u:p%40ssw@h/d", "p%40ssw", "p@ssw"]);
  expect(values("postgres://u:abc@h/d")).toEqual(["postgres://u:abc@h/d"]);
  expect(values("postgres://u@/d?host=/tmp")).toEqual(["postgres://u@/d?host=/tmp"]);
});
