import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { Marker } from "../../src/engines/marker.ts";
import { type Bench, claimOf, keysOf, type MakeBench, offered } from "./bench.ts";

export function markerContract(name: string, makeBench: MakeBench): void {
  describe(`${name}: the marker`, () => {
    let bench: Bench;
    let engine: Engine;
    let marker: Marker;
    beforeEach(async () => {
      bench = await makeBench();
      engine = await bench.connect();
      marker = offered(engine.capabilities.marker);
    });
    afterEach(async () => {
      await engine.close();
      await bench.close();
    });
    const ready = async () => {
      await offered(engine.capabilities.lock).acquire();
      await marker.create();
    };

    test("is absent on a fresh server, and reading it there finds nothing", async () => {
      expect(await marker.state()).toEqual({ kind: "absent" });
      expect(await marker.read(bench.run, "merge")).toEqual([]);
    });

    test("is made once, however often it is asked for", async () => {
      await marker.create();
      await marker.create();
      expect(await marker.state()).toEqual({ kind: "present" });
    });

    test("opens no writing transaction without the target lock", async () => {
      await marker.create();
      let worked = 0;
      const attempt = marker.once(claimOf(bench.run, "merge"), async () => (worked += 1));
      await expect(attempt).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST" } });
      expect(worked).toBe(0);
    });

    test("runs the work once and gives its result ever after, to another session too", async () => {
      await ready();
      let worked = 0;
      const work = async () => ({ rows: (worked += 1) });
      expect(await marker.once(claimOf(bench.run, "copy:a"), work)).toEqual({ rows: 1 });
      expect(await marker.once(claimOf(bench.run, "copy:a"), work)).toEqual({ rows: 1 });
      await engine.close();
      engine = await bench.connect();
      marker = offered(engine.capabilities.marker);
      await offered(engine.capabilities.lock).acquire();
      expect(await marker.once({ ...claimOf(bench.run, "copy:a"), intentDigest: "c".repeat(64) }, work)).toEqual({
        rows: 1,
      });
      expect(worked).toBe(1);
    });

    test("keeps nothing of work that failed", async () => {
      await ready();
      const failing = marker.once(claimOf(bench.run, "copy"), async () => {
        throw new Fault("HF-TEST", "no");
      });
      await expect(failing).rejects.toMatchObject({ record: { code: "HF-TEST" } });
      expect(await marker.read(bench.run, "copy")).toEqual([]);
      expect(await marker.once(claimOf(bench.run, "copy"), async () => "second")).toBe("second");
    });

    test("keeps nothing of work that made a table and failed, the marker least of all", async () => {
      await ready();
      const failing = marker.once(claimOf(bench.run, "copy"), async (tx) => {
        await bench.defineTable?.(tx);
        throw new Fault("HF-TEST", "no");
      });
      await expect(failing).rejects.toBeInstanceOf(Fault);
      expect(await marker.read(bench.run, "copy")).toEqual([]);
      expect(await marker.once(claimOf(bench.run, "copy"), async () => "second")).toBe("second");
    });

    test("writes nothing more once the session that held the target lock is gone", async () => {
      await ready();
      await marker.once(claimOf(bench.run, "copy:a"), async () => 1);
      await bench.endLockSession();
      let worked = 0;
      const next = marker.once(claimOf(bench.run, "copy:b"), async () => (worked += 1));
      await expect(next).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST" } });
      expect([worked, keysOf(await marker.read(bench.run, "copy"))]).toEqual([0, ["copy:a"]]);
    });

    test("takes two keys that a collation would confuse for two", async () => {
      await ready();
      const keys = ["merge:shop.Order", "merge:shop.order", "merge:shop.\u00f6rder", "merge:shop.order "];
      for (const key of keys) expect(await marker.once(claimOf(bench.run, key), async () => key)).toBe(key);
      expect(keysOf(await marker.read(bench.run, "merge"))).toEqual(keys.toSorted());
    });

    test("refuses the same key of another plan, and does nothing", async () => {
      await ready();
      await marker.once(claimOf(bench.run, "copy"), async () => 1);
      let worked = 0;
      const foreign = { ...claimOf(bench.run, "copy"), planDigest: "f".repeat(64) };
      await expect(marker.once(foreign, async () => (worked += 1))).rejects.toMatchObject({
        record: { code: "HF-MARKER-FOREIGN" },
      });
      expect(worked).toBe(0);
    });

    test("tells runs apart, and reads a step with its items but no neighbour of a similar name", async () => {
      await ready();
      for (const key of ["merge", "merge:a", "merge:b", "merge-2"])
        await marker.once(claimOf(bench.run, key), async () => key);
      await marker.once(claimOf(bench.otherRun, "merge:c"), async () => 1);
      expect(keysOf(await marker.read(bench.run, "merge"))).toEqual(["merge", "merge:a", "merge:b"]);
      expect(keysOf(await marker.read(bench.otherRun, "merge"))).toEqual(["merge:c"]);
    });

    test("hands each batch the cursor and sums of the one before, across sessions", async () => {
      await ready();
      const claim = claimOf(bench.run, "merge:a");
      const first = await marker.advance(claim, async (_tx, before) => {
        expect(before).toBeNull();
        return { cursor: 10, done: false, result: { inserted: 10 } };
      });
      expect(first).toEqual({ cursor: 10, done: false, result: { inserted: 10 } });
      await engine.close();
      engine = await bench.connect();
      marker = offered(engine.capabilities.marker);
      await offered(engine.capabilities.lock).acquire();
      await marker.advance(claim, async (_tx, before) => {
        expect(before).toMatchObject({ cursor: 10, result: { inserted: 10 } });
        return { cursor: 20, done: true, result: { inserted: 15 } };
      });
      let worked = 0;
      const again = await marker.advance(claim, async () => ({ cursor: (worked += 1), done: true, result: null }));
      expect(again).toMatchObject({ cursor: 20, done: true, result: { inserted: 15 } });
      expect(worked).toBe(0);
    });

    test("leaves the cursor where it was when a batch fails", async () => {
      await ready();
      const claim = claimOf(bench.run, "merge:a");
      await marker.advance(claim, async () => ({ cursor: 10, done: false, result: 1 }));
      const failing = marker.advance(claim, async () => {
        throw new Fault("HF-TEST", "no");
      });
      await expect(failing).rejects.toBeInstanceOf(Fault);
      const [row] = await marker.read(bench.run, "merge:a");
      expect(row).toMatchObject({ cursor: 10, done: false, result: 1 });
    });
  });
}
