import type { ConnectRequest } from "../engine.ts";
import { connect, type Connection, type Settings } from "./connection.ts";

/** One connected server, as the parts of this engine share it. */
export interface MysqlTarget {
  readonly request: ConnectRequest;
  /** `holdfast:<run id without dashes>:<operator>@<host>`: in each of our statements. */
  readonly tag: string;
  /** The shared session for catalogues and statistics. Opened anew when it broke. */
  catalogue(): Promise<Connection>;
  /** A session of its own; the caller closes it. */
  open(effect: "reading" | "writing", settings?: Settings): Promise<Connection>;
  /** The server's numbers of the sessions that are open now: what an orphan is not. */
  ids(): readonly number[];
  close(): Promise<void>;
}

export function mysqlTarget(request: ConnectRequest): MysqlTarget {
  const { url, session } = request;
  const tag = `${tagPrefix(session.run)}${session.person}`.slice(0, 120);
  const opened = new Set<Connection>();
  const open: MysqlTarget["open"] = async (effect, settings = {}) => {
    const connection = await connect({ url, tag, effect, settings });
    const tracked = { ...connection, close: () => (opened.delete(tracked), connection.close()) };
    opened.add(tracked);
    return tracked;
  };
  let shared: { connection: Connection; alive: boolean } | null = null;
  return {
    request,
    tag,
    open,
    ids: () => [...opened].map((connection) => connection.id),
    catalogue: async () => {
      if (shared?.alive) return shared.connection;
      const fresh = { connection: await open("reading"), alive: true };
      fresh.connection.onEnd(() => (fresh.alive = false));
      shared = fresh;
      return fresh.connection;
    },
    close: async () => {
      await Promise.all([...opened].map((connection) => connection.close()));
    },
  };
}

/** What every statement of this run is marked with; how orphans of an earlier process are found. */
export function tagPrefix(run: string): string {
  return `holdfast:${run.replaceAll("-", "")}:`;
}
