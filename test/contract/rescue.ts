import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LeaseState } from "../../src/core/run-state.ts";
import type { Engine, HoldPart } from "../../src/engines/engine.ts";
import type { Statement } from "../../src/engines/evidence.ts";
import type { ConflictKind } from "../../src/engines/rescue-area.ts";
import { type Bench, claimOf, type Incident, type MakeBench, offered, unwatched } from "./bench.ts";

/** A rescue by hand, one capability after the other, as an engine without a runner must allow it. */
interface Rescue {
  readonly leases: readonly LeaseState[];
  readonly statement: Statement;
  readonly path: string;
  readonly tables: readonly string[];
}

export function rescueContract(name: string, makeBench: MakeBench): void {
  describe(`${name}: evidence, rescue area and merge`, () => {
    let bench: Bench;
    let engine: Engine;
    beforeEach(async () => {
      bench = await makeBench();
      engine = await bench.connect();
    });
    afterEach(async () => {
      await engine.close();
      await bench.close();
    });
    const evidence = () => offered(engine.capabilities.evidence);
    const area = () => offered(engine.capabilities.rescueArea);
    const merge = () => offered(engine.capabilities.merge);
    const marker = () => offered(engine.capabilities.marker);

    test("finds the table and what its foreign keys reach", async () => {
      const { table, child } = await bench.incident({ rows: 5, taken: 2 });
      const { tables } = await evidence().examine(table);
      expect(tables[0]?.table).toBe(table);
      expect(tables.map((one) => one.table)).toContain(child);
      expect(tables.every((one) => one.why !== "")).toBe(true);
    });

    test("holds the rows against a vacuum, and says so", async () => {
      const incident = await bench.incident({ rows: 20, taken: 8 });
      const leases = await frozen(incident);
      await incident.vacuum();
      expect((await evidence().held(leases)).some((finding) => finding.level === "stop")).toBe(false);
      const { statements } = await search(incident);
      expect(Math.max(...statements.map((one) => one.rows))).toBe(incident.taken);
    });

    test("says that a lease which was given back no longer holds", async () => {
      const leases = await frozen(await bench.incident({ rows: 5, taken: 2 }));
      for (const lease of leases) await release(lease);
      expect((await evidence().held(leases)).some((finding) => finding.level === "stop")).toBe(true);
    });

    test("takes each part of the freeze twice as if once, and finds and releases it by its name alone", async () => {
      const { table } = await bench.incident({ rows: 5, taken: 2 });
      for (const part of await evidence().freeze(table, { run: bench.run, lockTable: false })) {
        await part.take();
        const lease = leaseOf(part, await part.take());
        const keeper = offered(engine.keepers[lease.lease.kind]);
        expect(await keeper.find(lease.lease)).toBe("present");
        await keeper.release({ ...lease.lease, facts: lease.facts });
        expect(await keeper.find(lease.lease)).toBe("absent");
        await keeper.release({ ...lease.lease, facts: lease.facts });
      }
    });

    test("narrows the hold to the oldest candidate without losing a row", async () => {
      const incident = await bench.incident({ rows: 20, taken: 8 });
      const leases = await frozen(incident);
      const changed = await evidence().narrow(leases, await search(incident));
      expect(changed.every((one) => leases.some(({ lease }) => lease.id === one.lease))).toBe(true);
      await incident.vacuum();
      const { statements } = await search(incident);
      expect(Math.max(...statements.map((one) => one.rows))).toBe(incident.taken);
    });

    test("tells what became of a transaction from the server, and names the oldest that took rows", async () => {
      const incident = await bench.incident({ rows: 5, taken: 2 });
      await frozen(incident);
      const found = await search(incident);
      const statement = offered(found.statements[0]);
      expect(await evidence().fate(statement)).toBe("committed");
      expect(await evidence().fate({ ...statement, kind: "open" })).toBe("committed");
      expect(found.oldest).toBe(statement.transactions[0]);
    });

    test("finds nothing in a span of time in which nothing was deleted", async () => {
      const incident = await bench.incident({ rows: 5, taken: 2 });
      await frozen(incident);
      const { table } = incident;
      const found = await evidence().search({ table, tables: [table], until: "2001-01-01T00:00:00Z" }, unwatched());
      expect(found.statements).toEqual([]);
    });

    test("counts beforehand exactly what it then hands out, in key order, as often as asked", async () => {
      const incident = await bench.incident({ rows: 30, taken: 12 });
      const { statement, path } = await surveyed(incident);
      const counted = await evidence().count(statement, path, unwatched());
      const scratch = await taken(await evidence().recoveryParts(statement, path, bench.run));
      const recovered = await evidence().recover(statement, path, bench.run, unwatched());
      const sums = (tables: typeof counted) =>
        Object.fromEntries(tables.map(({ table, rows, own, updated }) => [table, { rows, own, updated }]));
      expect(sums(recovered.tables)).toEqual(sums(counted));
      const once = await textOf(await recovered.rows(incident.table));
      expect(once.split("\n").filter((line) => line !== "")).toHaveLength(12);
      expect(await textOf(await recovered.rows(incident.table))).toBe(once);
      await recovered.close();
      for (const lease of scratch.toReversed()) await release(lease);
    });

    test("brings back every row, equal to the digit, and nothing else", async () => {
      const incident = await bench.incident({ rows: 40, taken: 15 });
      const rescue = await rescued(incident);
      const checked = await area().check(bench.run, rescue.tables, unwatched());
      expect(checked.reduce((sum, one) => sum + one.willInsert, 0)).toBe(incident.taken);
      expect(await mergedAll(rescue, 4)).toBe(incident.taken);
      expect(await incident.content()).toEqual(incident.before);
      for (const one of await merge().verify(bench.run, rescue.tables, unwatched())) {
        expect(one).toMatchObject({ equal: one.rescued, different: 0, absent: 0 });
      }
    });

    test("leaves a row that was made again as it is, and counts it", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      const rescue = await rescued(incident);
      await incident.remake(2);
      const remade = (await incident.content()).find((line) => !incident.before.includes(line));
      const checked = await area().check(bench.run, rescue.tables, unwatched());
      expect(checked.find((one) => one.table === incident.table)).toMatchObject({ rows: 4, remade: 1, willInsert: 3 });
      await mergedAll(rescue, 100);
      expect(await incident.content()).toContain(remade);
      const verified = await merge().verify(bench.run, rescue.tables, unwatched());
      expect(verified.find((one) => one.table === incident.table)).toMatchObject({
        equal: 3,
        different: 1,
        remade: 1,
        absent: 0,
      });
      expect(verified.find((one) => one.table !== incident.table)).toMatchObject({ different: 0, remade: 0 });
    });

    test("overwrites a row that was made again where that was decided, while it is as the safety copy has it", async () => {
      const incident = await bench.incident({ rows: 12, taken: 6 });
      const rescue = await rescued(incident);
      await incident.remake(2);
      const decided = ["remade"] as const;
      const copy = await marker().once(claimOf(bench.run, "safety"), async (tx) => ({
        ...(await area().safetyCopy(tx, bench.run, incident.table, decided)),
      }));
      expect(copy).toMatchObject({ keys: 5, overwritten: 1 });
      await incident.remake(3);
      expect(await mergedAll(rescue, 4, decided)).toBe(incident.taken - 1);
      const verified = await merge().verify(bench.run, rescue.tables, unwatched());
      expect(verified.find((one) => one.table === incident.table)).toMatchObject({ equal: 5, different: 1, remade: 1 });
    });

    test("what was made again and removed again since stays out with what hangs on it, unless that was decided", async () => {
      const incident = await bench.incident({ rows: 12, taken: 6 });
      const rescue = await rescued(incident);
      await incident.remake(2);
      await incident.remake(4);
      await incident.remove(4);
      await incident.remake(9_000);
      await incident.remove(9_000);
      const keys = (await evidence().removedSince?.(rescue.statement, incident.table, unwatched())) ?? [];
      expect(keys.toSorted(([a = ""], [b = ""]) => a.localeCompare(b))).toEqual([["4"], ["9000"]]);
      const noted = await marker().once(claimOf(bench.run, "removed"), async (tx) => ({
        rows: await area().noteRemoved(tx, bench.run, incident.table, keys),
      }));
      expect(noted).toEqual({ rows: 1 });
      const [parents, children] = await area().check(bench.run, rescue.tables, unwatched());
      expect(parents).toMatchObject({ removedSince: 1, remade: 1, willInsert: 4 });
      const told = await area().check(bench.run, rescue.tables, unwatched(), ["removed-since"]);
      expect(told[0]).toMatchObject({ removedSince: 0, willInsert: 5 });
      expect([children?.willInsert, told[1]?.willInsert]).toEqual([5, 6]);
      const listed = await area().sample(bench.run, incident.table, 9, "removed-since");
      expect(listed.map(({ rescued: { id }, present }) => [id, present])).toEqual([["4", null]]);
      await mergedAll(rescue, 3);
      const verified = await merge().verify(bench.run, rescue.tables, unwatched());
      expect(verified[0]).toMatchObject({ equal: 4, remade: 1, absent: 1 });
      expect(verified[0]?.findings.some(({ level }) => level === "stop")).toBe(false);
    });

    test("what was left alone and is removed before the merge stays out, told with a reason", async () => {
      const incident = await bench.incident({ rows: 12, taken: 6 });
      const rescue = await rescued(incident);
      await incident.remake(2);
      await marker().once(claimOf(bench.run, "safety"), async (tx) => ({
        ...(await area().safetyCopy(tx, bench.run, incident.table)),
      }));
      await incident.remove(2);
      await mergedAll(rescue, 4);
      const [verified] = await merge().verify(bench.run, rescue.tables, unwatched());
      expect(verified).toMatchObject({ equal: 5, absent: 1 });
      expect(verified?.findings.map(({ level }) => level)).not.toContain("stop");
    });

    test("what was removed again since is put in where that was decided", async () => {
      const incident = await bench.incident({ rows: 12, taken: 6 });
      const rescue = await rescued(incident);
      await marker().once(claimOf(bench.run, "removed"), async (tx) => ({
        rows: await area().noteRemoved(tx, bench.run, incident.table, [["4"], ["5"]]),
      }));
      const decided = ["removed-since"] as const;
      const copy = await marker().once(claimOf(bench.run, "safety"), async (tx) => ({
        ...(await area().safetyCopy(tx, bench.run, incident.table, decided)),
      }));
      expect(copy).toMatchObject({ keys: 6, overwritten: 0 });
      expect(await mergedAll(rescue, 4, decided)).toBe(incident.taken);
      expect(await incident.content()).toEqual(incident.before);
    });

    test("lists rows in conflict by their kind, each with what stands against it", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      await rescued(incident);
      await incident.remake(2);
      const rows = await area().sample(bench.run, incident.table, 9, "remade");
      expect(rows.map(({ rescued: { id }, present }) => [id, present?.["note"]])).toEqual([["2", "made again"]]);
      expect(await area().sample(bench.run, incident.table, 9, "gone")).toEqual([]);
    });

    test("says what is absent before the merge, and never that it is there", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      const rescue = await rescued(incident);
      const verified = await merge().verify(bench.run, rescue.tables, unwatched());
      expect(verified.find((one) => one.table === incident.table)).toMatchObject({ rescued: 4, equal: 0, absent: 4 });
    });

    test("keeps nothing in the rescue area of a transaction that failed", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      const rescue = await rescued(incident, async () => {
        throw new Error("broken after the fill");
      });
      const checked = await area().check(bench.run, rescue.tables, unwatched());
      expect(checked.map((one) => one.rows)).toEqual(rescue.tables.map(() => 0));
    });

    test("adds what is not there, once, behind what is; keeps its own of what both have, and counts where they differ", async () => {
      const incident = await bench.incident({ rows: 30, taken: 12 });
      const { tables, first, all } = await halfRescued(incident);
      const more = (lines: readonly string[], key: string, differing: "stays" | "gives-way" = "stays") =>
        marker().once(claimOf(bench.run, key), async (tx) => ({
          ...(await area().add(tx, bench.run, incident.table, all.columns, streamOf(lines), differing)),
        }));
      const added = await more(all.lines, "rest");
      expect(added).toMatchObject({ rows: 12, added: 12 - first, there: first, differing: 0 });
      expect(await more(all.lines, "rest")).toEqual(added);
      const again = await more(
        all.lines.map((line, at) => (at === 0 ? changed(line) : line)),
        "again",
      );
      expect(again).toMatchObject({ rows: 12, added: 0, there: 12, differing: 1, digest: added.digest });
      await mergedAll({ tables }, 5);
      const newer = await more([changed(all.lines[0] ?? "")], "newer", "gives-way");
      expect(newer).toMatchObject({ rows: 12, added: 0, there: 1, differing: 1 });
      expect(newer.digest).not.toBe(added.digest);
      expect(await more(all.lines, "back", "gives-way")).toMatchObject({ differing: 1, digest: added.digest });
      const orders = (lines: readonly string[]) => lines.filter((line) => line.startsWith(incident.table));
      expect(orders(await incident.content())).toEqual(orders(incident.before));
    });

    test("makes a place for a table that the area lacks, and keeps nothing of an addition that failed", async () => {
      const incident = await bench.incident({ rows: 30, taken: 12 });
      const { tables, child } = await halfRescued(incident);
      const add = (key: string, after: () => void) =>
        marker().once(claimOf(bench.run, key), async (tx) => {
          const one = await area().add(tx, bench.run, incident.child, child.columns, streamOf(child.lines), "stays");
          after();
          return { ...one };
        });
      const broken = () => {
        throw new Error("broken after the addition");
      };
      await expect(add("broken", broken)).rejects.toThrow();
      expect((await area().check(bench.run, tables, unwatched())).map(({ table }) => table)).toEqual([incident.table]);
      expect(await add("rest", () => undefined)).toMatchObject({ rows: 12, added: 12, there: 0, differing: 0 });
      const checked = await area().check(bench.run, [...tables, incident.child], unwatched());
      expect(checked.map(({ rows }) => rows)).toEqual([6, 12]);
    });

    test("notes the keys that are missing as the safety copy", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      await rescued(incident);
      await incident.remake(1);
      const copy = await marker().once(claimOf(bench.run, "safety"), async (tx) => ({
        ...(await area().safetyCopy(tx, bench.run, incident.table)),
      }));
      expect(copy).toMatchObject({ keys: 3 });
    });

    test("shows a rescued row with today's beside it", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      await rescued(incident);
      await incident.remake(1);
      const rows = await area().sample(bench.run, incident.table, 2);
      expect(rows).toHaveLength(2);
      expect(rows.filter((row) => row.present !== null)).toHaveLength(1);
    });

    test("orders parents before children, whichever way they are named", async () => {
      const { table, child } = await bench.incident({ rows: 3, taken: 1 });
      expect(await merge().order([child, table])).toEqual([table, child]);
      expect(await merge().order([table, child])).toEqual([table, child]);
    });

    test("drops the rescue area by its lease", async () => {
      const incident = await bench.incident({ rows: 10, taken: 4 });
      const { leases } = await rescued(incident);
      const own = leases.find(({ lease }) => lease.keepable);
      await release(offered(own));
      expect(await offered(engine.keepers[offered(own).lease.kind]).find(offered(own).lease)).toBe("absent");
    });

    function leaseOf(part: HoldPart, facts: LeaseState["facts"]): LeaseState {
      return {
        lease: { ...part.lease, id: `L-${part.lease.kind}-${part.lease.name}`, step: "test" },
        status: "taken",
        facts,
      };
    }

    async function taken(parts: readonly HoldPart[]): Promise<LeaseState[]> {
      const leases: LeaseState[] = [];
      for (const part of parts) leases.push(leaseOf(part, await part.take()));
      return leases;
    }

    async function release({ lease, facts }: LeaseState): Promise<void> {
      await offered(engine.keepers[lease.kind]).release({ ...lease, facts });
    }

    async function frozen({ table }: Incident): Promise<LeaseState[]> {
      return taken(await evidence().freeze(table, { run: bench.run, lockTable: false }));
    }

    async function search({ table }: Incident) {
      const tables = (await evidence().examine(table)).tables.map((one) => one.table);
      return evidence().search({ table, tables }, unwatched());
    }

    async function surveyed(incident: Incident): Promise<Omit<Rescue, "tables">> {
      const leases = await frozen(incident);
      const { statements } = await search(incident);
      const statement = offered(statements.toSorted((a, b) => b.rows - a.rows)[0]);
      const paths = await evidence().paths(statement, unwatched());
      return { leases, statement, path: offered(paths.find((one) => one.feasible && one.rescues)).path };
    }

    /** Up to rows that are durable in the rescue area; `after` runs in the same transaction as each fill. */
    async function rescued(incident: Incident, after?: () => Promise<void>): Promise<Rescue> {
      const { leases, statement, path } = await surveyed(incident);
      await offered(engine.capabilities.lock).acquire();
      await marker().create();
      const scratch = await taken(await evidence().recoveryParts(statement, path, bench.run));
      const recovered = await evidence().recover(statement, path, bench.run, unwatched());
      const own = await taken([area().part(bench.run, recovered.tables)]);
      for (const { table, columns, rows } of recovered.tables) {
        const filling = marker().once(claimOf(bench.run, `rescue:${table}`), async (tx) => {
          const filled = await area().fill(tx, bench.run, table, columns, await recovered.rows(table));
          expect(filled.rows).toBe(rows);
          await after?.();
          return { rows: filled.rows };
        });
        await (after === undefined ? filling : filling.catch(() => undefined));
      }
      await recovered.close();
      for (const lease of scratch.toReversed()) await release(lease);
      return { leases: [...leases, ...own], statement, path, tables: recovered.tables.map((one) => one.table) };
    }

    /** An area that has the first half of the parents' rows, and knows nothing of the children's. */
    async function halfRescued(incident: Incident) {
      const { statement, path } = await surveyed(incident);
      await offered(engine.capabilities.lock).acquire();
      await marker().create();
      const scratch = await taken(await evidence().recoveryParts(statement, path, bench.run));
      const recovered = await evidence().recover(statement, path, bench.run, unwatched());
      const of = async (name: string) => {
        const { columns } = offered(recovered.tables.find(({ table }) => table === name));
        return { columns, lines: (await textOf(await recovered.rows(name))).split("\n").slice(0, -1) };
      };
      const [all, child] = [await of(incident.table), await of(incident.child)];
      await recovered.close();
      for (const lease of scratch.toReversed()) await release(lease);
      const first = all.lines.length / 2;
      await taken([area().part(bench.run, [{ table: incident.table, columns: all.columns }])]);
      await marker().once(claimOf(bench.run, "rescue"), async (tx) => ({
        ...(await area().fill(tx, bench.run, incident.table, all.columns, streamOf(all.lines.slice(0, first)))),
      }));
      return { tables: [incident.table], first, all, child };
    }

    async function mergedAll(
      { tables }: Pick<Rescue, "tables">,
      size: number,
      decided?: readonly ConflictKind[],
    ): Promise<number> {
      let inserted = 0;
      for (const table of await merge().order(tables)) {
        const request = { run: bench.run, table, triggers: "fire" as const, ...(decided ? { decided } : {}) };
        for (let after = 0, done = false; !done;) {
          const key = claimOf(bench.run, `merge:${table}`);
          const batch = await marker().advance(
            key,
            async (tx) => {
              const one = await merge().batch(tx, request, after, size);
              inserted += one.inserted;
              return { cursor: one.upTo, done: one.done, result: null };
            },
            merge().prepare("fire"),
          );
          after = Number(batch.cursor);
          done = batch.done;
        }
      }
      return inserted;
    }
  });
}

function streamOf(lines: readonly string[]): NodeJS.ReadableStream {
  return Readable.from(lines.map((line) => Buffer.from(`${line}\n`)));
}

/** The same row, with another note. */
function changed(line: string): string {
  return line.replace(/\t[^\t]*$/, "\tanother note");
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}
