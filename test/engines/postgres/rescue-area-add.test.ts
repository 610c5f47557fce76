import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Added } from "../../../src/engines/rescue-area.ts";
import { type Ground, type Lost, quiet, startGround } from "./rescue-area-ground.ts";

let grounds: Awaited<ReturnType<typeof startGround>>;
beforeAll(async () => {
  grounds = await startGround();
});
afterAll(() => grounds.end());

const byText = (a: string | null | undefined, b: string | null | undefined) => ((a ?? "") < (b ?? "") ? -1 : 1);
const lines = ({ text }: Lost) => text.trimEnd().split("\n");
const streamOf = (some: readonly string[]) => Readable.from(some.map((line) => `${line}\n`));

function add(
  g: Ground,
  { table, columns }: Pick<Lost, "table" | "columns">,
  some: readonly string[],
  differing: "stays" | "gives-way" = "stays",
): Promise<Added> {
  return g.marked((tx) => g.area.add(tx, g.run, table, columns, streamOf(some), differing));
}

const place = (g: Ground, name: string) => `${g.area.name(g.run)}.${name}`;
const fileOf = (g: Ground, name: string) => path.join(g.area.folder?.(g.run) ?? "", `${name}.copy`);

test("new rows stand behind those that are there, without a gap, in key order; area, digest and file are as if all had come at once", async () => {
  const tables = `create table t (id bigint primary key, at timestamptz, d float8, j jsonb, b bytea, note text);
    insert into t select n, timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '1.000001 s', n / 3.0, jsonb_build_object('n', n), decode(md5(n::text), 'hex'),
      case n % 5 when 0 then null when 1 then '' when 2 then E'tab\\there' when 3 then E'line\\nend' else '\\N' end from generate_series(1, 60) n`;
  const [whole, parts] = [await grounds.fresh(tables), await grounds.fresh(tables)];
  const all = await whole.lose("public.t", "true", "id");
  await whole.rescue(all);
  const lost = await parts.lose("public.t", "true", "id");
  const part = lines(lost).filter((_, at) => at % 3 === 0);
  await parts.rescue({ ...lost, text: `${part.join("\n")}\n`, stream: () => streamOf(part) });
  const added = await add(parts, lost, lines(lost).toReversed());
  expect(added).toMatchObject({ rows: 60, added: 40, there: 20, differing: 0, bytes: Buffer.byteLength(lost.text) });
  const contentOf = async (g: Ground) =>
    (await g.content(place(g, "t1"))).map((row) => row?.replace(/^\(\d+,/, "(")).toSorted(byText);
  expect(await contentOf(parts)).toEqual(await contentOf(whole));
  const order = `select string_agg(id::text, ' ' order by holdfast_n) as ids, max(holdfast_n)::text as last from ${place(parts, "t1")}`;
  const { ids, last } = await parts.sql.row("", order);
  const missing = lines(lost).flatMap((line, at) => (at % 3 === 0 ? [] : [line.split("\t")[0]]));
  expect([ids?.split(" ").slice(20), last]).toEqual([missing, "60"]);
  expect(readFileSync(fileOf(parts, "t1"), "utf8").split("\n").toSorted()).toEqual(lost.text.split("\n").toSorted());
  expect(statSync(fileOf(parts, "t1")).mode & 0o777).toBe(0o600);
  const note = (g: Ground) =>
    g.sql.row("", "select obj_description(to_regclass($1), 'pg_class') as note", [place(g, "t1")]);
  const [one, other] = [await note(whole), await note(parts)].map(({ note: text }) => JSON.parse(text ?? "").filled);
  expect(other).toEqual(one);
  expect(await parts.mergeAll("public.t", "fire", 7)).toMatchObject({ inserted: 60, left: 0 });
});

test("the key decides by the index's own words; values that read otherwise are kept as they are, or give way", async () => {
  const g =
    await grounds.fresh(`create collation lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create table t (code text collate lax primary key, n numeric); insert into t values ('a', 1.0), ('b', 2.0)`);
  const lost = await g.lose("public.t", "true", "code");
  await g.rescue(lost);
  const came = ["A\t1.0", "b\t2.00", "c\t3.0"];
  expect(await add(g, lost, came)).toMatchObject({ rows: 3, added: 1, there: 2, differing: 2 });
  expect(await g.content(place(g, "t1"))).toEqual(["(1,a,1.0)", "(2,b,2.0)", "(3,c,3.0)"]);
  expect(await add(g, lost, came, "gives-way")).toMatchObject({ rows: 3, added: 0, there: 3, differing: 2 });
  expect((await g.content(place(g, "t1"))).toSorted(byText)).toEqual(["(1,A,1.0)", "(2,b,2.00)", "(3,c,3.0)"]);
});

test("without a key each content is there as often as the path that has it most often", async () => {
  const g = await grounds.fresh("create table t (a int, b text); insert into t values (1, 'x'), (1, 'x'), (2, null)");
  const lost = await g.lose("public.t", "true", "a");
  await g.rescue(lost);
  const came = ["1\tx", "1\tx", "1\tx", "2\t\\N", "3\ty"];
  expect(await add(g, lost, came)).toMatchObject({ rows: 5, added: 2, there: 3, differing: 0 });
  expect((await g.content(place(g, "t1"))).map((row) => row?.replace(/^\(\d+,/, "(")).toSorted(byText)).toEqual([
    "(1,x)",
    "(1,x)",
    "(1,x)",
    "(2,)",
    "(3,y)",
  ]);
});

test("an addition that was killed leaves area, list and file as they were, and nothing beside", async () => {
  const g = await grounds.fresh("create table t (id int primary key); insert into t select generate_series(1, 5)");
  const lost = await g.lose("public.t", "true", "id");
  const first = lines(lost).slice(0, 2);
  await g.rescue({ ...lost, stream: () => streamOf(first) });
  const more = { table: "public.u", columns: ["id"] };
  await g.sql.run("", "create table public.u (id int primary key)");
  const killed = g.marked(async (tx) => {
    await g.area.add(tx, g.run, lost.table, lost.columns, lost.stream(), "stays");
    await g.area.add(tx, g.run, more.table, more.columns, streamOf(["7"]), "stays");
    throw new Error("killed");
  });
  await expect(killed).rejects.toThrow("killed");
  expect(await g.content(place(g, "t1"))).toEqual(["(1,1)", "(2,2)"]);
  const names =
    "select string_agg(relname, ' ' order by relname) as names from pg_class where relkind = 'r' and relnamespace = to_regnamespace($1)";
  expect((await g.sql.row("", names, [g.area.name(g.run)])).names).toBe("m1 o1 t1 x1");
  expect(await add(g, lost, lines(lost))).toMatchObject({ rows: 5, added: 3 });
  expect(await add(g, more, ["7"])).toMatchObject({ rows: 1, added: 1, there: 0 });
  expect((await g.area.check(g.run, ["public.t", "public.u"], quiet)).map(({ rows }) => rows)).toEqual([5, 1]);
  const folder = g.area.folder?.(g.run) ?? "";
  expect(readdirSync(folder).toSorted()).toEqual(["t1.copy", "t2.copy", "tables.json"]);
  expect(JSON.parse(readFileSync(path.join(folder, "tables.json"), "utf8"))).toEqual([
    { file: "t1.copy", table: "public.t", columns: ["id"] },
    { file: "t2.copy", table: "public.u", columns: ["id"] },
  ]);
});

test("rows that know fewer or other columns are refused: what they lack would be empty where it had a value", async () => {
  const g = await grounds.fresh("create table t (id int primary key, a text); insert into t values (1, 'x')");
  const lost = await g.lose("public.t", "true", "id");
  await g.rescue(lost);
  await expect(add(g, { ...lost, columns: ["id"] }, ["2"])).rejects.toMatchObject({
    record: { code: "HF-PG-RESCUE-COLUMNS", message: expect.stringContaining("other columns then: a") },
  });
  expect(await add(g, { ...lost, columns: ["a", "id"] }, ["y\t2"])).toMatchObject({ added: 1 });
  expect(await g.content(place(g, "t1"))).toEqual(["(1,1,x)", "(2,2,y)"]);
});

test("a value that the server refuses is in no message", async () => {
  const g = await grounds.fresh("create table t (id int primary key); insert into t values (1)");
  const lost = await g.lose("public.t", "true", "id");
  await g.rescue(lost);
  const error = (await add(g, lost, ["4711secret"]).catch((thrown: unknown) => thrown)) as { record: unknown };
  expect(error.record).toMatchObject({ code: "HF-PG-22P02" });
  expect(JSON.stringify(error.record)).not.toContain("4711secret");
});
