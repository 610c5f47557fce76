import Database from "better-sqlite3";
import type { Seams } from "../../src/compose.ts";
import type { RunEvent } from "../../src/core/event.ts";
import type { ConnectRequest, Engine, EngineFactory } from "../../src/engines/engine.ts";
import { connect } from "../../src/engines/postgres/connection.ts";
import type { Lock } from "../../src/engines/lock.ts";
import type { Claim, Marker } from "../../src/engines/marker.ts";
import type { Journal, RunJournal } from "../../src/journal/journal.ts";

/** A product with one guard broken; the harness must notice each. */
export const mutants = [
  "marker-off-once",
  "marker-off-batches",
  "markers-forgotten",
  "fence-off",
  "synchronous-normal",
  "outcome-before-effect",
] as const;
export type Mutant = (typeof mutants)[number];

export function mutated(seams: Seams, mutant: Mutant | undefined): Seams {
  switch (mutant) {
    case "marker-off-once":
      return withEngines(seams, (engine) => withMarker(engine, forgetfulOnce));
    case "marker-off-batches":
      return withEngines(seams, (engine) => withMarker(engine, forgetfulBatches));
    case "markers-forgotten":
      return withEngines(seams, (engine, request) => withoutEarlierMarkers(engine, request));
    case "fence-off":
      return withEngines(seams, withoutFence);
    case "synchronous-normal":
      return unsynced(seams);
    case "outcome-before-effect":
      return { ...seams, journal: hasty };
    case undefined:
      return seams;
  }
}

type Breaking = (engine: Engine, request: ConnectRequest) => Engine | Promise<Engine>;

function withEngines(seams: Seams, broken: Breaking): Seams {
  const breaking = (factory: EngineFactory): EngineFactory => ({
    ...factory,
    connect: async (request) => broken(await factory.connect(request), request),
  });
  return { ...seams, engines: (seams.engines ?? []).map(breaking) };
}

function withMarker(engine: Engine, broken: (marker: Marker) => Marker): Engine {
  const { marker } = engine.capabilities;
  return marker ? { ...engine, capabilities: { ...engine.capabilities, marker: broken(marker) } } : engine;
}

/** Each process claims under a name of its own, so that no marker of an earlier one ever says that a thing was done. */
const forgetful = (claim: Claim): Claim => ({ ...claim, key: `${claim.key}/${process.pid}` });

const forgetfulOnce = (marker: Marker): Marker => ({
  ...marker,
  once: (claim, work, prepare) => marker.once(forgetful(claim), work, prepare),
});

const forgetfulBatches = (marker: Marker): Marker => ({
  ...marker,
  advance: (claim, work, prepare) => marker.advance(forgetful(claim), work, prepare),
});

/** The names are all right, but a process that connects finds nothing of what earlier ones of its run have proved: it does everything again. */
async function withoutEarlierMarkers(engine: Engine, { url, session }: ConnectRequest): Promise<Engine> {
  if (engine.capabilities.marker === undefined || !url.reveal().startsWith("postgres")) return engine;
  const sql = await connect({ url, application: "mutant", effect: "writing" });
  const { there } = await sql.row("looking", "select to_regclass('holdfast.effect') is not null as there");
  if (there === "t") await sql.run("forgetting", "delete from holdfast.effect where run_id = $1", [session.run]);
  await sql.close();
  return engine;
}

/** What an earlier process left running on the server is never seen, and never waited for. */
function withoutFence(engine: Engine): Engine {
  const { lock } = engine.capabilities;
  if (!lock) return engine;
  const blind: Lock = { ...lock, orphans: async () => [], endOrphans: async () => 0 };
  return { ...engine, capabilities: { ...engine.capabilities, lock: blind } };
}

/** The journal's driver never hears that it has to sync each commit. */
function unsynced(seams: Seams): Seams {
  const prototype = Database.prototype as { pragma: Database.Database["pragma"] };
  const honest = prototype.pragma;
  prototype.pragma = function lax(this: Database.Database, source, options) {
    return honest.call(this, source === "synchronous = FULL" ? "synchronous = NORMAL" : source, options);
  };
  return seams;
}

/** The outcome of the merge is journaled with its intent, before anything was done, and never again. */
function hasty(journal: Journal): Journal {
  const hurried = (run: RunJournal): RunJournal => ({
    ...run,
    append: (events, how) => run.append(events.flatMap(early), how),
  });
  return { ...journal, open: (opened) => hurried(journal.open(opened)), take: (run) => hurried(journal.take(run)) };
}

function early(event: RunEvent): RunEvent[] {
  if (event.kind === "step.ended" && event.step === "merge") return [];
  if (event.kind !== "step.intended" || event.step !== "merge") return [event];
  const result = { tables: [], inserted: 0, left: 0 };
  return [event, { kind: "step.ended", step: event.step, attempt: event.attempt, outcome: "done", result, took: 0 }];
}
