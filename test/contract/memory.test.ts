import { memoryBench } from "../support/memory-bench.ts";
import { inspectContract } from "./inspect.ts";
import { lockContract } from "./lock.ts";
import { markerContract } from "./marker.ts";
import { readinessContract } from "./readiness.ts";
import { rescueContract } from "./rescue.ts";

inspectContract("memory", () => memoryBench());
lockContract("memory", () => memoryBench());
markerContract("memory", () => memoryBench());
readinessContract("memory", () => memoryBench());
rescueContract("memory", () => memoryBench());
