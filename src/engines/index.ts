import type { EngineFactory } from "./engine.ts";
import { memory } from "./memory/memory.ts";
import { postgres } from "./postgres/postgres.ts";

/** Every engine that a target may name; a driver is loaded when its engine connects, never before. */
export const engines: readonly EngineFactory[] = [postgres, memory()];
