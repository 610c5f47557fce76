import { Fault } from "../../core/errors.ts";
import { randomUUID } from "node:crypto";
import type { ConnectRequest } from "../engine.ts";
import type { MemoryServer } from "./server.ts";
import type { MemoryState } from "./state.ts";

/** One session on the server, until it is closed, ended by another, or its process dies. */
export interface Connection {
  readonly id: string;
  readonly server: MemoryServer;
  readonly request: ConnectRequest;
  /** Fault where the session is gone; every call begins with it. */
  readonly assertAlive: () => void;
  close(): void;
}

export function connectTo(server: MemoryServer, request: ConnectRequest): Connection {
  if (server.down) throw unreachable(server);
  const id = randomUUID();
  const { run, person } = request.session;
  server.change((state) => {
    forgetDead(state);
    const since = new Date(request.clock.now()).toISOString();
    state.sessions[id] = { pid: process.pid, run, person, doing: "idle", since };
  });
  return {
    id,
    server,
    request,
    assertAlive: () => {
      if (server.down || !server.read((state) => id in state.sessions)) throw cutOff();
    },
    close: () => server.change((state) => endSession(state, id)),
  };
}

/** A session and what it held: a server drops both together. */
export function endSession(state: MemoryState, id: string): void {
  delete state.sessions[id];
  if (state.lock?.session === id) state.lock = null;
}

/** Sessions whose process is gone: a real server sees their sockets close. */
export function forgetDead(state: MemoryState): void {
  for (const [id, { pid }] of Object.entries(state.sessions)) if (!isAlive(pid)) endSession(state, id);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function unreachable(server: MemoryServer): Fault {
  return new Fault("HF-MEMORY-UNREACHABLE", `No server answers at ${server.place}.`, {
    exit: "unreachable",
    hint: "Start it, then resume.",
  });
}

function cutOff(): Fault {
  return new Fault("HF-MEMORY-CONN-LOST", "The session on the server is gone.", {
    exit: "unreachable",
    after: "unknown",
    hint: "Resume: what is unknown is settled first.",
  });
}
