import type { ConnectRequest } from "../engine.ts";
import { connect, type Connection } from "./connection.ts";

/** One connected PostgreSQL, as the parts of this engine share it. */
export interface PostgresTarget {
  readonly request: ConnectRequest;
  /** `holdfast:<run id without dashes>:<operator>@<host>`: the application_name of all our sessions. */
  readonly application: string;
  /** The shared session for catalogues and statistics: no user table is read through it. Opened anew when it broke. */
  catalogue(): Promise<Connection>;
  /** A session of its own; the caller closes it. */
  open(effect: "reading" | "writing", settings?: Readonly<Record<string, string>>): Promise<Connection>;
  /** Process ids of the sessions that are open now: what an orphan is not. */
  pids(): readonly number[];
  close(): Promise<void>;
}

export function postgresTarget(request: ConnectRequest): PostgresTarget {
  const { url, session } = request;
  const application = applicationName(session.run, session.person);
  const opened = new Set<Connection>();
  const open: PostgresTarget["open"] = async (effect, settings = {}) => {
    const connection = await connect({ url, application, effect, settings });
    const tracked = { ...connection, close: () => (opened.delete(tracked), connection.close()) };
    opened.add(tracked);
    return tracked;
  };
  let shared: { connection: Connection; alive: boolean } | null = null;
  return {
    request,
    application,
    open,
    pids: () => [...opened].map((connection) => connection.pid),
    catalogue: async () => {
      if (shared?.alive) return shared.connection;
      const fresh = { connection: await open("reading"), alive: true };
      fresh.connection.client.once("end", () => (fresh.alive = false));
      shared = fresh;
      return fresh.connection;
    },
    close: async () => {
      await Promise.all([...opened].map((connection) => connection.close()));
    },
  };
}

function applicationName(run: string, person: string): string {
  return `${applicationPrefix(run)}${person}`.slice(0, 63);
}

/** What every session of this run begins with; how orphans of an earlier process are found. */
export function applicationPrefix(run: string): string {
  return `holdfast:${run.replaceAll("-", "")}:`;
}
