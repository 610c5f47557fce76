import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { type Bench, type MakeBench, offered } from "./bench.ts";

export function lockContract(name: string, makeBench: MakeBench): void {
  describe(`${name}: the target lock`, () => {
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
    const lockOf = (one: Engine) => offered(one.capabilities.lock);

    test("is held by the first who asks, and asking again changes nothing", async () => {
      expect(await lockOf(engine).acquire()).toEqual({ kind: "held" });
      expect(await lockOf(engine).acquire()).toEqual({ kind: "held" });
      await lockOf(engine).assertHeld();
    });

    test("names its holder to a second run", async () => {
      await lockOf(engine).acquire();
      const other = await bench.connect({ run: bench.otherRun, person: "second@laptop" });
      const answer = await lockOf(other).acquire();
      expect(answer).toMatchObject({ kind: "busy", holder: expect.stringContaining("ops@bastion") });
      await expect(lockOf(other).assertHeld()).rejects.toMatchObject({
        record: { code: "HF-LOCK-LOST", exit: "busy" },
      });
      await other.close();
    });

    test("is free for the next once it is released", async () => {
      await lockOf(engine).acquire();
      await lockOf(engine).release();
      await expect(lockOf(engine).assertHeld()).rejects.toMatchObject({ record: { code: "HF-LOCK-LOST" } });
      const other = await bench.connect({ run: bench.otherRun });
      expect(await lockOf(other).acquire()).toEqual({ kind: "held" });
      await other.close();
    });

    test("goes with the session that held it", async () => {
      const first = await bench.connect({ run: bench.otherRun });
      await lockOf(first).acquire();
      await first.close();
      expect(await lockOf(engine).acquire()).toEqual({ kind: "held" });
    });

    test("finds sessions that an earlier process of the run left, and ends them", async () => {
      const orphan = await bench.connect();
      await lockOf(orphan).acquire();
      const later = await bench.connect();
      expect((await lockOf(later).orphans(bench.run)).length).toBeGreaterThan(0);
      expect(await lockOf(later).endOrphans(bench.run)).toBeGreaterThan(0);
      expect(await lockOf(later).orphans(bench.run)).toEqual([]);
      await expect(lockOf(orphan).assertHeld()).rejects.toMatchObject({
        record: { code: expect.stringMatching(/^HF-/) },
      });
      expect(await lockOf(later).acquire()).toEqual({ kind: "held" });
      await Promise.all([orphan.close(), later.close()]);
    });

    test("takes no session of another run for an orphan", async () => {
      const other = await bench.connect({ run: bench.otherRun });
      await lockOf(other).acquire();
      await lockOf(engine).endOrphans(bench.run);
      await lockOf(other).assertHeld();
      await other.close();
    });
  });
}
