import type { EngineFactory } from "../engine.ts";

/** MySQL and MariaDB. The driver, and all else that needs it, is imported by the first `connect`. */
export const mysql: EngineFactory = {
  engine: "mysql",
  offers: ["inspect", "lock", "marker"],
  keeps: ["transactional", "cursor", "idempotent", "probe", "manual"],
  connect: async (request) => {
    const { connectMysql } = await import("./join.ts");
    return connectMysql(request);
  },
};
