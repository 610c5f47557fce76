import { capabilityNames, type EngineFactory } from "../engine.ts";

/** PostgreSQL. The driver, and all else that needs it, is imported by the first `connect`. */
export const postgres: EngineFactory = {
  engine: "postgres",
  offers: capabilityNames,
  keeps: ["transactional", "cursor", "idempotent", "probe", "manual"],
  connect: async (request) => {
    const { connectPostgres } = await import("./postgres/join.ts");
    return connectPostgres(request);
  },
};
