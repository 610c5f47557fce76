import type { Json } from "./json.ts";

/** What a check or a verification found. `stop` ends the step before its effect, or marks its proof as failed. */
export interface Finding {
  readonly level: "ok" | "note" | "warn" | "stop";
  readonly text: string;
  readonly hint?: string;
  /** It foretells what a write will do: once that is done, what was proved of it says the same of what is. */
  readonly until?: "written";
}

/** What a step is about to do, exactly. `counts` are the effect's own numbers; a confirmation lapses when they leave the step's tolerance. */
export interface Preview {
  readonly summary: string;
  readonly lines: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Of the counts: those that others at work only ever make smaller, since what they touched is left alone. Fewer of them ends no confirmation. */
  readonly mayShrink?: readonly string[];
  readonly statements?: readonly string[];
  readonly bytes?: number;
  /** About how long, in milliseconds. */
  readonly takesMs?: number;
  /** How it can be taken back, in words. */
  readonly undo?: string;
  /** What is typed in place of the database's name, where the runbook has something better. */
  readonly phrase?: string;
  /** Why the preview could not look at everything (a dry run never installs what it lacks). */
  readonly incomplete?: string;
  /** The result that later steps bind to in a dry run. */
  readonly expects?: Json;
}

/** One thing the operator may pick. `data` is what `${steps.x.choice}` stands for; it holds numbers and names, never a row's value. */
export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly details: readonly string[];
  readonly disabled?: string;
  /** What is lost for good by it, in words: no key that opens or moves chooses it. */
  readonly irreversible?: string;
  /** Other words for it: `largest`, `recommended`; `default` is what a headless run takes when nothing was said. */
  readonly tags: readonly string[];
  readonly data: Json;
}

/** Values that are personal or bulky stay outside the journal's events; this is how an event names them. */
export interface PayloadRef {
  readonly digest: string;
  readonly bytes: number;
  readonly what: string;
}

export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
  readonly note?: string;
}

/** What the target itself proves that a step has written, counted while nothing of it was in the air. It stays, whatever becomes of the run. */
export interface Written {
  readonly rows: number;
  /** Rows that were gone through: written, or left out. */
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
  /** Of each table that has some. */
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
}

/** Values for the eye alone: shown, never stored. Beside each recovered row stands today's of the same key, where there is one. */
export interface RevealedRow {
  readonly from: string;
  readonly rescued: Readonly<Record<string, string | null>>;
  readonly present: Readonly<Record<string, string | null>> | null;
}
