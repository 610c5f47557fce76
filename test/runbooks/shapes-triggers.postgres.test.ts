import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { aScene, isBack, type Shape, wordsOf } from "./shapes.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off", track_commit_timestamp: "on" } });
});
afterAll(() => server.end());

const fires = `create table public.fired (name text);
  create function public.note() returns trigger language plpgsql as $$begin insert into public.fired values (tg_name); return new; end$$;
  create function public.change() returns trigger language plpgsql as $$begin new.n := -1; insert into public.fired values (tg_name); return new; end$$;`;

/** Each kind once. What they note is compared apart: the content is that of the table. */
const shape: Shape = {
  is: "triggers and a rule of every kind",
  made: `${fires}
    create table public.t (id int primary key, n int);
    insert into t select n, n from generate_series(1, 20) n;
    create trigger before_row before insert on t for each row when (new.id = 2) execute function change();
    create trigger before_statement before insert on t for each statement execute function note();
    create trigger after_row after insert or update on t for each row execute function note();
    create trigger after_statement after insert on t for each statement execute function note();
    create constraint trigger deferred after insert on t deferrable initially deferred for each row execute function note();
    create trigger always after insert on t for each row execute function note(); alter table t enable always trigger always;
    create trigger replica after insert on t for each row execute function note(); alter table t enable replica trigger replica;
    create trigger off after insert on t for each row execute function note(); alter table t disable trigger off;
    create trigger of_another after delete on t for each row execute function note(); alter table t disable trigger of_another;
    create rule as_well as on insert to t do also insert into public.fired values ('as_well')`,
  bad: "delete from public.t where id <= 4",
  input: "public.t",
  tables: ["public.t"],
};

const listed = [
  "after_row, AFTER INSERT, for each row, calls public.note()",
  "after_statement, AFTER INSERT, for each statement, calls public.note()",
  "always, AFTER INSERT, for each row, calls public.note(); fires with skip too (ENABLE ALWAYS)",
  "before_row, BEFORE INSERT, for each row, calls public.change()",
  "before_statement, BEFORE INSERT, for each statement, calls public.note()",
  "deferred, AFTER INSERT, for each row, calls public.note()",
  "replica, AFTER INSERT, for each row, calls public.note(); fires with skip only (ENABLE REPLICA)",
  "as_well, rule ON INSERT DO ALSO",
];

test("each is listed by name and none is decided for the operator: nothing is merged before", async () => {
  const scene = await aScene(server, shape);
  const before = await scene.content();
  const end = await scene.run();
  expect([end.exit, end.fault?.code]).toEqual(["needs-person", "HF-NEEDS-CHOICE"]);
  const told = wordsOf(end.state)
    .split("\n")
    .filter((line) => line.startsWith("triggers note: "))
    .map((line) => line.trimEnd());
  expect(told).toEqual(listed.map((words) => `triggers note: public.t: ${words}`));
  expect(await scene.content()).toEqual(before);
  expect(await scene.session.rows("looking", "select * from public.fired")).toEqual([]);
});

const counted = "select name, count(*)::text as n from public.fired group by name order by name";

test("skipped, the rows come back as they were; what is enabled always or for replicas ran, as was said", async () => {
  const scene = await aScene(server, shape);
  await isBack(scene, await scene.run({ choices: { triggers: "skip" } }));
  expect(await scene.session.rows("counting", counted)).toEqual([
    { name: "always", n: "4" },
    { name: "replica", n: "4" },
  ]);
});

test("fired, each ran as for any INSERT, and what one of them changed is told", async () => {
  const scene = await aScene(server, shape);
  const end = await scene.run({ choices: { triggers: "fire" } });
  expect(end.exit, wordsOf(end.state)).toBe("ok");
  expect(await scene.session.rows("counting", counted)).toEqual([
    { name: "after_row", n: "4" },
    { name: "after_statement", n: "1" },
    { name: "always", n: "4" },
    { name: "as_well", n: "4" },
    { name: "before_row", n: "1" },
    { name: "before_statement", n: "1" },
    { name: "deferred", n: "4" },
  ]);
  expect(wordsOf(end.state)).toMatch(/verify warn: public\.t: 1 row came back, and has other values by now/);
  const told = (await scene.content()) as Record<string, readonly string[]>;
  expect(told["public.t"]).toContain("(2,-1)");
  expect(told["public.t"]).toHaveLength(20);
});

test("skipped, a child whose parent went for good stays out, is counted, and its rescue area is kept", async () => {
  const scene = await aScene(server, {
    is: "children whose parent is gone",
    made: `${fires} create table public.p (id int primary key); create table public.c (id int primary key, p int references p);
      insert into p select generate_series(1, 10); insert into c select n, 1 + n % 10 from generate_series(1, 40) n;
      create trigger noted after insert on c for each row execute function note()`,
    bad: "delete from public.c where p in (3, 4)",
    since: "delete from public.p where id = 3 and not exists (select from public.c where p = 3)",
    input: "public.c",
    tables: ["public.c"],
    choices: { triggers: "skip", keep: "keep" },
  });
  const end = await scene.run();
  expect(end.exit, wordsOf(end.state)).toBe("ok");
  expect(wordsOf(end.state)).toMatch(/public\.c: 4 of 8 rows are back.*4 not there/);
  const [{ orphans } = {}] = await scene.session.rows(
    "looking",
    "select count(*)::text as orphans from public.c where p not in (select id from public.p)",
  );
  expect(orphans).toBe("0");
  expect(end.state.leases.filter(({ status }) => status === "kept").map(({ lease }) => lease.kind)).toEqual([
    "rescue-area",
  ]);
});

test("a rule that would run in place of the INSERT leaves one way, and it is not taken unasked", async () => {
  const instead: Shape = {
    is: "a rule DO INSTEAD",
    made: `create table public.t (id int primary key); create table public.elsewhere (id int);
      insert into t select generate_series(1, 20);
      create rule "Else where" as on insert to t do instead insert into public.elsewhere values (new.id)`,
    bad: "delete from public.t where id <= 10",
    input: "public.t",
    tables: ["public.t", "public.elsewhere"],
  };
  const unasked = await aScene(server, instead);
  const end = await unasked.run({ choices: { triggers: "fire" } });
  expect(end.exit).toBe("needs-person");
  expect(JSON.stringify(end.fault)).toContain("Else where on public.t would run in place of our INSERT");
  expect((await unasked.content()) as object).toMatchObject({ "public.elsewhere": [] });
  const scene = await aScene(server, instead);
  await isBack(scene, await scene.run({ choices: { triggers: "skip" } }));
});
