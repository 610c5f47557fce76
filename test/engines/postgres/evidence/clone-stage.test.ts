import { execSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { faultRecord } from "../../../../src/core/errors.ts";
import { readBackup } from "../../../../src/engines/postgres/evidence/clone/backup.ts";
import { cloneKeeper } from "../../../../src/engines/postgres/evidence/clone/folder.ts";
import { stageBackup } from "../../../../src/engines/postgres/evidence/clone/stage.ts";
import { watch } from "./scene.ts";

interface Ground {
  readonly root: string;
  /** Files of production. */
  readonly prod: string;
  /** What is going to be the backup. */
  readonly source: string;
  readonly backup: string;
  readonly clone: string;
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function ground(): Ground {
  const root = mkdtempSync(path.join(os.tmpdir(), "hf-stage-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const at = (name: string) => path.join(root, name);
  const made = { root, prod: at("prod"), source: at("source"), backup: at("backup"), clone: at("clone") };
  for (const file of ["base/1/1259", "16400/PG_18_202506291/5/1234"])
    write(path.join(made.prod, file), "of production");
  write(path.join(made.source, "base/1/1259"), "of the backup");
  const label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nSTART TIMELINE: 1\nSTART TIME: x\n";
  write(path.join(made.source, "backup_label"), label);
  write(path.join(made.source, "PG_VERSION"), "18\n");
  mkdirSync(made.backup);
  mkdirSync(path.join(made.clone, "data"), { recursive: true });
  return made;
}

function tree(place: string): string {
  return execSync(`find . -printf '%p %y %s %l %T@\\n' | sort`, { cwd: place }).toString();
}

const pack = ({ source, backup }: Ground, words = "-C SOURCE .") =>
  execSync(`tar -P -cf ${backup}/base.tar ${words.replaceAll("SOURCE", source)}`);
const packSpace = ({ prod, backup }: Ground, id: string) =>
  execSync(`tar -cf ${backup}/${id}.tar -C ${path.join(prod, id)} .`);

async function staged({ clone }: Ground, from: string): Promise<readonly string[]> {
  const [data, spaces] = [path.join(clone, "data"), path.join(clone, "spaces")];
  return stageBackup({ backup: await readBackup(from), data, spaces, watch });
}

test("a backup whose file goes away while it is copied is a coded fault that names it and says to keep the backup", async () => {
  const made = ground();
  write(path.join(made.source, "A"), "copied first");
  const backup = await readBackup(made.source);
  const rotated = { ...watch, progress: () => rmSync(path.join(made.source, "PG_VERSION"), { force: true }) };
  const [data, spaces] = [path.join(made.clone, "data"), path.join(made.clone, "spaces")];
  await expect(stageBackup({ backup, data, spaces, watch: rotated })).rejects.toMatchObject({
    record: {
      code: "HF-CLONE-BACKUP-READ",
      exit: "environment",
      message: expect.stringContaining(`went away meanwhile: ${path.join(made.source, "PG_VERSION")}`),
      hint: expect.stringContaining("Keep the backup"),
    },
  });
});

test("a backup whose folder is not there is said to be so, with the path that the config's was taken as", async () => {
  const { root, source } = ground();
  const refused = (folder: string) => readBackup(folder).catch((error: unknown) => faultRecord(error));
  const nowhere = path.join(root, "nowhere");
  expect(await refused(nowhere)).toMatchObject({
    code: "HF-CLONE-BACKUP-READ",
    exit: "environment",
    message: `the folder of the base backup is not there: ${nowhere}`,
    hint: expect.stringMatching(
      /^That is what backup\.base in holdfast\.yaml was taken as: a relative path counts from/,
    ),
  });
  expect(await refused(nowhere)).toMatchObject({ hint: expect.not.stringMatching(/Keep the backup|~/) });
  const home = path.join(root, "~/backups/base");
  expect(await refused(home)).toMatchObject({
    message: expect.stringContaining(home),
    hint: expect.stringContaining("A ~ is no home there: write the path in full."),
  });
  const file = path.join(source, "PG_VERSION");
  expect(await refused(file)).toMatchObject({ message: `the folder of the base backup is no folder: ${file}` });
});

/** As a lease would name it. */
function renamed({ root, clone }: Ground): string {
  const to = path.join(root, "clone-x");
  renameSync(clone, to);
  return to;
}

const strange = { record: { code: "HF-CLONE-STRANGE-FILE", exit: "refused" } };
const noSpace = { record: { code: "HF-CLONE-TABLESPACE", exit: "refused" } };

const hostile: readonly (readonly [string, (made: Ground) => void, object])[] = [
  [
    "a link in place of the tablespaces' folder",
    ({ source, prod }) => symlinkSync(path.join(prod, "base"), path.join(source, "pg_tblspc")),
    strange,
  ],
  [
    "a tablespace's link that goes through another link",
    ({ source, prod }) => {
      symlinkSync(prod, path.join(source, "pg_foo"));
      mkdirSync(path.join(source, "pg_tblspc"));
      symlinkSync("../pg_foo/16400", path.join(source, "pg_tblspc/16400"));
    },
    strange,
  ],
  [
    "a tablespace's link that leads out",
    ({ source, prod }) => {
      mkdirSync(path.join(source, "pg_tblspc"));
      symlinkSync(path.join(prod, "16400"), path.join(source, "pg_tblspc/16400"));
    },
    noSpace,
  ],
  [
    "a link in place of the data",
    ({ source, prod }) => {
      rmSync(path.join(source, "base"), { recursive: true });
      symlinkSync(path.join(prod, "base"), path.join(source, "base"));
    },
    strange,
  ],
  [
    "a link far down",
    ({ source, prod }) => symlinkSync(path.join(prod, "base/1/1259"), path.join(source, "base/1/2"), "file"),
    strange,
  ],
  [
    "a link within a tablespace",
    ({ source, prod }) => {
      mkdirSync(path.join(source, "pg_tblspc/16400/PG_18_202506291"), { recursive: true });
      symlinkSync(path.join(prod, "16400/PG_18_202506291/5"), path.join(source, "pg_tblspc/16400/PG_18_202506291/5"));
    },
    strange,
  ],
  ["a pipe", ({ source }) => execSync(`mkfifo ${path.join(source, "base/1/3")}`), strange],
];

describe.each(["tar", "folder"])("in a backup that is a %s,", (form) => {
  test.each(hostile)("%s is refused before anything is taken", async (_what, make, fault) => {
    const made = ground();
    make(made);
    if (form === "tar") pack(made);
    const from = form === "tar" ? made.backup : made.source;
    const before = [tree(made.prod), tree(from)];
    await expect(staged(made, from)).rejects.toMatchObject(fault);
    expect([tree(made.prod), tree(from)]).toEqual(before);
    expect(readdirSync(path.join(made.clone, "data"))).toEqual([]);
    const lease = { name: "clone-x", facts: { folder: renamed(made) } } as never;
    await cloneKeeper({ request: { machine: { scratch: made.root } } } as never).release(lease);
    expect(existsSync(path.join(made.root, "clone-x"))).toBe(false);
    expect(tree(made.prod)).toBe(before[0]);
  });
});

describe("in an archive", () => {
  test.each(["packed-spaces", "foo"])("a link beside the data named %s is refused", async (name) => {
    const made = ground();
    symlinkSync(path.join(made.prod, "base"), path.join(made.source, name));
    pack(made);
    const before = tree(made.prod);
    await expect(staged(made, made.backup)).rejects.toMatchObject(strange);
    expect(tree(made.prod)).toBe(before);
  });

  test("two names of one file are refused", async () => {
    const made = ground();
    linkSync(path.join(made.source, "base/1/1259"), path.join(made.source, "base/1/1260"));
    pack(made);
    await expect(staged(made, made.backup)).rejects.toMatchObject(strange);
  });

  test.each([
    ["is absolute", `-C SOURCE . ROOT/evil`],
    ["goes up", `-C SOURCE . ../evil`],
  ])("a name that %s is refused, and nothing is written there", async (_what, words) => {
    const made = ground();
    const evil = path.join(made.root, "evil");
    write(evil, "evil");
    pack(made, words.replace("ROOT", made.root));
    rmSync(evil);
    await expect(staged(made, made.backup)).rejects.toMatchObject(strange);
    expect(existsSync(evil)).toBe(false);
  });

  test("a name that lies below a link of the same archive is not written through it", async () => {
    const made = ground();
    const other = path.join(made.root, "other");
    write(path.join(other, "base/1/evil"), "evil");
    symlinkSync(made.prod, path.join(made.source, "way"));
    execSync(`tar -cf ${made.backup}/base.tar -C ${made.source} .`);
    execSync(`tar -rf ${made.backup}/base.tar -C ${other} --transform 's,^,way/,' base/1/evil`);
    const before = tree(made.prod);
    await expect(staged(made, made.backup)).rejects.toMatchObject({
      record: { code: expect.stringMatching(/^HF-CLONE-(STRANGE-FILE|UNPACK)$/) },
    });
    expect(tree(made.prod)).toBe(before);
    expect(readdirSync(path.join(made.clone, "data"))).toEqual([]);
  });

  test("each tablespace's files come into its own folder, once", async () => {
    const made = ground();
    mkdirSync(path.join(made.source, "pg_tblspc"));
    symlinkSync("/nowhere", path.join(made.source, "pg_tblspc/16400"));
    write(path.join(made.source, "tablespace_map"), "16400 /nowhere\n");
    pack(made);
    packSpace(made, "16400");
    expect(await staged(made, made.backup)).toEqual(["16400"]);
    expect(readdirSync(path.join(made.clone, "spaces/16400/PG_18_202506291/5"))).toEqual(["1234"]);
    expect(existsSync(path.join(made.clone, "data/base/1/1259"))).toBe(true);
    expect(readdirSync(path.join(made.clone, "data")).filter((name) => !name.startsWith("pg_"))).toEqual(
      expect.not.arrayContaining(["packed-spaces", "spaces"]),
    );
    expect(readdirSync(made.clone).toSorted()).toEqual(["data", "spaces"]);
  });

  test.each([
    ["that only the map names", () => undefined],
    [
      "whose archive is empty",
      ({ backup, root }: Ground) => execSync(`mkdir ${root}/e && tar -cf ${backup}/16400.tar -C ${root}/e .`),
    ],
    [
      "with files of another version",
      ({ backup, root }: Ground) =>
        execSync(`mkdir -p ${root}/e/PG_17_1 && tar -cf ${backup}/16400.tar -C ${root}/e .`),
    ],
  ])("a tablespace %s is refused: its tables would come out empty", async (_what, make) => {
    const made = ground();
    write(path.join(made.source, "tablespace_map"), "16400 /nowhere\n");
    pack(made);
    make(made);
    await expect(staged(made, made.backup)).rejects.toMatchObject(noSpace);
  });
});

test("a folder of the backup that one of its tablespaces names is taken as that alone", async () => {
  const made = ground();
  mkdirSync(path.join(made.source, "pg_tblspc"));
  write(path.join(made.source, "spaces/fast/PG_18_202506291/5/1234"), "rows");
  symlinkSync("../spaces/fast", path.join(made.source, "pg_tblspc/16400"));
  symlinkSync("/etc/passwd", path.join(made.source, "server.crt"));
  expect(await staged(made, made.source)).toEqual(["16400"]);
  expect(existsSync(path.join(made.clone, "spaces/16400/PG_18_202506291/5/1234"))).toBe(true);
  expect(existsSync(path.join(made.clone, "data/spaces/fast"))).toBe(false);
  expect(existsSync(path.join(made.clone, "data/server.crt"))).toBe(false);
});

test("giving the clone back takes away a link to its folder, and never what that leads to", async () => {
  const made = ground();
  const folder = path.join(made.root, "clone-link");
  symlinkSync(made.prod, folder);
  const before = tree(made.prod);
  await cloneKeeper({ request: { machine: { scratch: made.root } } } as never).release({
    name: "clone-link",
    facts: { folder },
  } as never);
  expect([existsSync(folder), tree(made.prod)]).toEqual([false, before]);
});
