import { mkdirSync, rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";

/** What the proxy does once, at the nth statement of its kind. */
export interface Cut {
  readonly kind: "cut-before" | "cut-after" | "orphan";
  readonly nth: number;
}

/** Stands between the program and the server's socket. */
export interface Proxy {
  /** What takes the place of the server's socket folder in a URL. */
  readonly folder: string;
  /** Calls back once it has struck; for an orphan nothing has been delivered then. */
  arm(cut: Cut, struck: () => void): void;
  disarm(): void;
  /** A COMMIT is held back: whoever comes next waits for it on the server. */
  holdsCommit(): boolean;
  /** Delivers what an orphan's session was about to hear. */
  deliver(): void;
  end(): Promise<void>;
}

interface Armed {
  readonly cut: Cut;
  readonly struck: () => void;
  passed: number;
}

const socketName = ".s.PGSQL.5432";

export async function startProxy(folder: string, serverFolder: () => string): Promise<Proxy> {
  mkdirSync(folder, { mode: 0o700 });
  let armed: Armed | null = null;
  let held: { readonly server: net.Socket; readonly bytes: Buffer; readonly sql: string } | null = null;
  const open = new Set<net.Socket>();

  const strikes = (sql: string | null): Armed | null => {
    if (armed === null || sql === null || !isMeant(armed.cut, sql)) return null;
    armed.passed += 1;
    if (armed.passed !== armed.cut.nth) return null;
    const now = armed;
    armed = null;
    return now;
  };

  const join = (client: net.Socket) => {
    const server = net.connect(path.join(serverFolder(), socketName));
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", () => undefined).on("close", () => open.delete(socket));
    }
    let orphaned = false;
    let cutsAnswer: Armed | null = null;
    client.on("data", (bytes) => {
      const strike = strikes(statementIn(bytes));
      if (strike === null) return void server.write(bytes);
      if (strike.cut.kind === "cut-after") {
        cutsAnswer = strike;
        return void server.write(bytes);
      }
      if (strike.cut.kind === "orphan") {
        orphaned = true;
        held = { server, bytes, sql: statementIn(bytes) ?? "" };
      } else {
        client.destroy();
        server.destroy();
      }
      strike.struck();
    });
    server.on("data", (bytes) => {
      if (cutsAnswer === null) return orphaned || void client.write(bytes);
      client.destroy();
      server.destroy();
      cutsAnswer.struck();
    });
    client.on("close", () => orphaned || server.end());
    server.on("close", () => client.destroy());
  };

  const listening = net.createServer(join);
  await new Promise<void>((resolve) => listening.listen(path.join(folder, socketName), resolve));
  return {
    folder,
    arm: (cut, struck) => (armed = { cut, struck, passed: 0 }),
    disarm: () => (armed = null),
    holdsCommit: () => held !== null && /^\s*commit/i.test(held.sql),
    deliver: () => {
      if (held !== null && !held.server.destroyed) held.server.write(held.bytes);
      held = null;
    },
    end: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listening.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isMeant({ kind }: Cut, sql: string): boolean {
  return kind === "orphan"
    ? /^\s*(commit|alter|create|drop|insert|update|select pg_(create|drop))/i.test(sql)
    : /^\s*commit\b/i.test(sql);
}

/** The statement that a message of the client begins (Query or Parse); the driver writes each in one piece. */
function statementIn(bytes: Buffer): string | null {
  const kind = String.fromCharCode(bytes[0] ?? 0);
  if (kind !== "Q" && kind !== "P") return null;
  const from = kind === "Q" ? 5 : bytes.indexOf(0, 5) + 1;
  return bytes.toString("utf8", from, bytes.indexOf(0, from));
}
