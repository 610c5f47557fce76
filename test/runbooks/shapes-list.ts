import type { Shape } from "./shapes.ts";

/** 63 bytes, 61 of them one letter each: as long as a name may be. */
const longest = `Z${"z".repeat(62)}`;
const odd = `"Sch.em""a 🦊"`;
const oddTable = `${odd}."Or'der ""1"". 😀"`;

export const shapes: readonly Shape[] = [
  {
    is: "a key of several columns in another order than the table's, one of them text",
    made: `create table public.t (note text, region text collate "C", no int, primary key (no, region));
      insert into t select 'n' || n, (array['a','B','ä'])[1 + n % 3], n / 3 from generate_series(3, 302) n`,
    bad: "delete from public.t where no % 2 = 0",
    since:
      "insert into public.t values ('new', 'q', 4); update public.t set note = 'u' where no = 5; delete from public.t where no = 7",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "a text key under a collation that ignores case",
    made: `create collation public.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table public.t (id text collate public.nocase primary key, n int); insert into t select 'Key' || n, n from generate_series(1, 200) n`,
    bad: "delete from public.t where n <= 100",
    since: "insert into public.t values ('other', 1)",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "a uuid key with a child",
    made: `create table public.t (id uuid primary key, n int);
      create table public.c (id uuid primary key, t uuid not null references t on delete cascade);
      insert into t select md5(n::text)::uuid, n from generate_series(1, 200) n;
      insert into c select md5('c' || n)::uuid, md5((1 + n % 200)::text)::uuid from generate_series(1, 400) n`,
    bad: "delete from public.t where n % 4 = 0",
    input: "public.t",
    tables: ["public.t", "public.c"],
  },
  {
    is: "a table without a key, with equal rows and NULLs",
    made: `create table public.t (a int, b text, c json);
      insert into t select n % 50, case when n % 3 = 0 then null else 'x' end, '{"a": 1}' from generate_series(1, 300) n`,
    bad: "delete from public.t where a < 20 or a is null",
    since:
      "insert into public.t values (99, 'new', null); update public.t set b = 'u' where a = 30; delete from public.t where a = 31",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "a keyless child of a keyed parent",
    made: `create table public.t (id int primary key, n int);
      create table public.c (t int references t on delete cascade, what text);
      insert into t select n, n from generate_series(1, 200) n;
      insert into c select 1 + n % 200, 'line ' || n % 7 from generate_series(1, 600) n`,
    bad: "delete from public.t where n % 4 = 0",
    since: "insert into public.c values (1, 'more')",
    input: "public.t",
    tables: ["public.t", "public.c"],
  },
  {
    is: "a key that may be NULL, so that it holds for some rows only",
    made: `create table public.t (id int unique, n int);
      insert into t select nullif(n % 101, 100), n from generate_series(1, 100) n; insert into t select null, n / 2 from generate_series(1, 50) n`,
    bad: "delete from public.t where n < 30",
    input: "public.t",
    tables: ["public.t"],
  },
  ...["root", "eu", "eu_2"].map((named): Shape => ({
    is: `a table partitioned twice, named by ${named}`,
    made: `create table public.root (id int, region text, at date, n int, primary key (id, region, at)) partition by list (region);
        create table public.eu partition of root for values in ('eu') partition by range (at);
        create table public.eu_1 partition of eu for values from ('2026-01-01') to ('2026-07-01');
        create table public.eu_2 partition of eu for values from ('2026-07-01') to ('2027-01-01');
        create table public.us (n int, at date not null, region text not null, gone text, id int not null);
        alter table public.us drop column gone; alter table root attach partition public.us for values in ('us');
        create table public.rest partition of root default;
        insert into root select n, (array['eu','us','asia'])[1 + n % 3], date '2026-01-01' + n, n from generate_series(1, 360) n`,
    bad: `delete from public.${named} where n % 5 = 0`,
    since: "insert into public.root values (9999, 'eu', '2026-08-08', 1); update public.root set n = 0 where id = 7",
    input: `public.${named}`,
    tables: ["public.eu_1", "public.eu_2", "public.us", "public.rest"],
  })),
  {
    is: "a partitioned table without a key",
    made: `create table public.root (a int, b text) partition by hash (a);
      create table public.p0 partition of root for values with (modulus 2, remainder 0);
      create table public.p1 partition of root for values with (modulus 2, remainder 1);
      insert into root select n % 40, 'x' from generate_series(1, 200) n`,
    bad: "delete from public.root where a < 10",
    input: "public.root",
    tables: ["public.p0", "public.p1"],
  },
  ...[
    ["with its children", "delete from public.t where n % 3 = 0"],
    ["alone", "delete from only public.t where n % 3 = 0"],
  ].map(([how, bad]): Shape => ({
    is: `a parent that others inherit from, ${how}`,
    made: `create table public.t (id int primary key, n int); create table public.kid (more text, primary key (id)) inherits (t);
        create table public.grandkid () inherits (kid);
        insert into t select n, n from generate_series(1, 100) n; insert into kid select n, n, 'k' from generate_series(1, 100) n;
        insert into grandkid select n, n, 'g' from generate_series(1, 100) n`,
    bad: bad ?? "",
    since: "insert into public.kid values (500, 1, 'new')",
    input: "public.t",
    tables: ["public.t", "public.kid", "public.grandkid"],
  })),
  ...["", "deferrable initially deferred", "deferrable"].map((how): Shape => ({
    is: `two tables that refer to each other, ${how === "" ? "not deferrable" : how}`,
    made: `create table public.a (id int primary key, b int); create table public.b (id int primary key, a int references a on delete cascade ${how});
        insert into a select n, n from generate_series(1, 100) n; insert into b select n, n from generate_series(1, 100) n;
        alter table a add foreign key (b) references b on delete cascade ${how}`,
    bad: "delete from public.a where id <= 40",
    input: "public.a",
    tables: ["public.a", "public.b"],
    choices: { triggers: "skip" },
  })),
  {
    is: "row security, enabled and forced, for a superuser",
    made: `create table public.t (id int primary key, who text); insert into t select n, 'x' from generate_series(1, 100) n;
      create policy own on t using (who = current_user) with check (false); alter table t enable row level security; alter table t force row level security`,
    bad: "delete from public.t where id <= 50",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "a table that refers to itself",
    made: `create table public.t (id int primary key, parent int references t on delete cascade);
      insert into t select n, nullif(n / 2, 0) from generate_series(1, 200) n`,
    bad: "delete from public.t where id = 3",
    since: "insert into public.t values (999, 2)",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "generated columns, stored and virtual",
    made: `create table public.t (id int primary key, n int, s int generated always as (n * 2) stored, v int generated always as (n * 3) virtual, last text);
      insert into t (id, n, last) select n, n, 'l' || n from generate_series(1, 100) n`,
    bad: "delete from public.t where n <= 50",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "identity columns, always and by default, and a serial",
    made: `create table public.t (id int generated always as identity primary key, d int generated by default as identity, s serial, n int);
      insert into t (n) select n from generate_series(1, 100) n`,
    bad: "delete from public.t where n > 50",
    since: "insert into public.t (n) values (7)",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "an exclusion constraint",
    made: `create extension btree_gist; create table public.t (id int primary key, room int, during int4range, exclude using gist (room with =, during with &&));
      insert into t select n, n % 5, int4range(n * 10, n * 10 + 10) from generate_series(1, 100) n`,
    bad: "delete from public.t where id <= 50",
    since: "insert into public.t values (500, 1, '[5000,5001)')",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "an exclusion constraint in place of a key",
    made: `create table public.t (during int4range, n int, exclude using gist (during with &&));
      insert into t select int4range(n * 10, n * 10 + 10), n from generate_series(1, 100) n`,
    bad: "delete from public.t where n <= 50",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "an unlogged table",
    made: `create unlogged table public.t (id int primary key, long text); alter table t alter long set storage external;
      insert into t select n, repeat(md5(n::text), 90) from generate_series(1, 100) n`,
    bad: "delete from public.t where id <= 50",
    input: "public.t",
    tables: ["public.t"],
  },
  {
    is: "names with capitals, quotes, spaces, dots and emoji",
    made: `create schema ${odd}; create table ${oddTable} ("I d" int, "from" text, "na""me's. é😀" text unique, constraint "p k ""1"". 😀" primary key ("I d"));
      create table ${odd}."child of" (id int primary key, "Re f" int, constraint "f k ""x"" 😀" foreign key ("Re f") references ${oddTable} on delete cascade);
      insert into ${oddTable} select n, 'f', 'n' || n from generate_series(1, 100) n; insert into ${odd}."child of" select n, n from generate_series(1, 100) n`,
    bad: `delete from ${oddTable} where "I d" <= 50`,
    input: oddTable,
    tables: [oddTable, `${odd}."child of"`],
  },
  {
    is: "names of 63 bytes",
    made: `create schema "${longest}"; create table "${longest}"."${longest}" ("${longest}" int, holdfast_n int, constraint "${longest.toLowerCase()}" primary key ("${longest}"));
      insert into "${longest}"."${longest}" select n, n from generate_series(1, 100) n`,
    bad: `delete from "${longest}"."${longest}" where holdfast_n <= 50`,
    input: `"${longest}"."${longest}"`,
    tables: [`"${longest}"."${longest}"`],
  },
];
