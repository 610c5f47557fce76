import { afterAll, beforeAll, expect, test } from "vitest";
import { type ArchivingServer, startArchivingServer, takeBackup } from "../support/backup.ts";
import { onEachMajor } from "../support/majors.ts";
import { aScene, isBack, type Scene, type Shape, wordsOf } from "./shapes.ts";

/** Of the rows that went, one was made again, and one was made again and removed again: in the truth both are as others left them. */
const kinds: readonly Shape[] = [
  {
    is: "a bigint key with children",
    made: `create table public.t (id bigint primary key, note text);
      create table public.c (id int primary key, t bigint references t on delete cascade);
      insert into t select n, 'n' || n from generate_series(1, 200) n; insert into c select n, 1 + n % 200 from generate_series(1, 400) n`,
    bad: "delete from public.t where id <= 100",
    since: `insert into public.t values (3, 'again') on conflict (id) do update set note = 'again';
      insert into public.t values (4, 'again') on conflict (id) do update set note = 'again'; delete from public.t where id = 4`,
    input: "public.t",
    tables: ["public.t", "public.c"],
    choices: { keep: "drop" },
  },
  {
    is: "a key of a uuid and a text",
    made: `create table public.t (note text, id uuid, part text, primary key (part, id));
      insert into t select 'n' || n, md5(n::text)::uuid, 'ä' || n % 7 from generate_series(1, 200) n`,
    bad: "delete from public.t where part < 'ä4'",
    since: `insert into public.t values ('again', md5('7')::uuid, 'ä0') on conflict (part, id) do update set note = 'again';
      insert into public.t values ('again', md5('8')::uuid, 'ä1') on conflict (part, id) do update set note = 'again';
      delete from public.t where id = md5('8')::uuid`,
    input: "public.t",
    tables: ["public.t"],
    choices: { keep: "drop" },
  },
];

const decided = { "conflicts:remade": "overwrite", "conflicts:removed-since": "insert" };

/** As it was before the statement, and before what others did since. */
async function isAsBefore(scene: Scene, before: unknown, path: Parameters<Scene["run"]>[0]): Promise<void> {
  const end = await scene.run({ ...path, choices: decided });
  expect([end.exit, end.fault?.message], wordsOf(end.state)).toEqual(["ok", undefined]);
  expect(await scene.content()).toEqual(before);
}

onEachMajor([14, 18], (major) => {
  let from: ArchivingServer;
  beforeAll(async () => {
    from = await startArchivingServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => from.end());

  async function scenes(shape: Shape) {
    let base = "";
    let before: unknown = null;
    const scene = await aScene(from.server, shape, {
      between: async () => void (base = await takeBackup(from, `b${Date.now()}`)),
    });
    const untouched = await aScene(from.server, { ...shape, bad: "select 1", since: "select 1" });
    before = await untouched.content();
    const clone = { path: "clone", backup: { base, log: { kind: "folder", folder: from.archive } } } as const;
    return { scene, before, clone };
  }

  test.each(kinds)("$is: what others made again stays theirs, by the pages", async (shape) => {
    const { scene, before } = await scenes(shape);
    expect(await scene.content()).not.toEqual(before);
    const end = await scene.run();
    expect(wordsOf(end.state)).toMatch(/made again since under their old key, and removed again by others/);
    await isBack(scene, end);
  });

  test.each(kinds)("$is: decided otherwise, all is as it was before, by the pages and from a clone", async (shape) => {
    const one = await scenes(shape);
    await isAsBefore(one.scene, one.before, {});
    const two = await scenes(shape);
    await isAsBefore(two.scene, two.before, two.clone);
  });
});
