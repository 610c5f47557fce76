import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { shapes } from "./shapes-list.ts";
import { aScene, isBack } from "./shapes.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off", track_commit_timestamp: "on" } });
});
afterAll(() => server.end());

test.each(shapes)("$is comes back", async (shape) => {
  const scene = await aScene(server, shape);
  expect(await scene.content()).not.toEqual(scene.truth);
  await isBack(scene, await scene.run());
});
