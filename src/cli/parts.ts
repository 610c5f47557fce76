import type { Config } from "../config/load-config.ts";
import type { Clock } from "../core/clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { KnownAction } from "../runbooks/lint.ts";
import type { Workbench } from "../runner/workbench.ts";
import type { StageParts } from "./rehearsal/stage.ts";

/** What a command says when it asks for a workbench. */
export interface WorkbenchOptions {
  readonly config: Config;
  /** Absolute. */
  readonly journalFolder: string;
  /** Who drives the run; the account's name when not given. */
  readonly operator?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

export type DrillOptions = Omit<WorkbenchOptions, "config"> & { readonly config: Config | null };

/** The parts that main.ts brings. Each is loaded when it is called: a command pays only for what it needs. */
export interface CliParts {
  readonly version: string;
  workbench(options: WorkbenchOptions): Promise<Workbench>;
  journal(folder: string, clock: Clock): Promise<Journal>;
  actions(): Promise<readonly KnownAction[]>;
  demo(io: Io): Promise<Pick<StageParts, "rehearsals" | "workbenchFor">>;
  /** Over the journal of the user; the config, where there is one, says what holds on this machine. */
  drill(options: DrillOptions): Promise<Pick<StageParts, "rehearsals" | "workbenchFor">>;
}

/** The world outside, as one argument. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly clock: Clock;
  /** The program's own file, as it was started. */
  readonly script: string;
  /** Leaves at once, whatever is under way. */
  readonly exit: (code: number) => void;
}
