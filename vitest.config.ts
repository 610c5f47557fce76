import { defineConfig } from "vitest/config";

const servers = [
  "test/engines/postgres/**/*.test.ts",
  "test/engines/mysql/**/*.test.ts",
  "test/contract/**/*.test.ts",
  "test/runbooks/**/*.test.ts",
  "test/cli-on-postgres/**/*.test.ts",
];
const shared = { pool: "forks" as const, restoreMocks: true, globalSetup: ["test/support/in-memory.ts"] };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          include: ["test/**/*.test.{ts,tsx}"],
          exclude: [...servers, "test/crash/**", "test/e2e/**"],
          testTimeout: 20_000,
        },
      },
      { test: { ...shared, name: "engines", include: servers, testTimeout: 120_000, hookTimeout: 120_000 } },
      {
        test: {
          ...shared,
          name: "crash",
          include: ["test/crash/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
