import type { QuestionId, StepKey } from "./ids.ts";
import type { Json } from "./json.ts";
import type { Choice, Preview } from "./step.ts";

/** Wrong names that may be typed for one confirmation; with the last of them the run pauses. */
export const mostMisses = 3;
/** A key that comes sooner after its question was not meant for it: nobody can have read it. */
export const readingMs = 400;

export type FailureAct = "find-out" | "retry" | "skip" | "undo" | "leave" | "abandon";

/** One way on after a failure; `disabled` says why not. */
export interface FailureOption {
  readonly act: FailureAct;
  readonly label: string;
  readonly disabled?: string;
  readonly recommended?: boolean;
}

interface Asked {
  readonly id: QuestionId;
  readonly step: StepKey;
  readonly asks: string;
  /** What the operator must see beside the question: host, database, counts, undo. */
  readonly facts: readonly { readonly label: string; readonly text: string }[];
}

/** `go`: the key g. `type`: the phrase, by hand. Lapses at `lapsesAt` (UTC ms). `covers`: every step that this one answer lets through. */
export interface ConfirmQuestion extends Asked {
  readonly kind: "confirm";
  readonly way: { readonly kind: "go" } | { readonly kind: "type"; readonly phrase: string };
  readonly covers: readonly StepKey[];
  readonly previews: readonly { readonly step: StepKey; readonly preview: Preview }[];
  readonly lapsesAt: number;
}
export interface ChoiceQuestion extends Asked {
  readonly kind: "choice";
  readonly choices: readonly Choice[];
  /** What may be written by hand in place of one of them, in words; absent where only these can be chosen. */
  readonly byHand?: string;
  /** A closed one may be chosen too: an earlier process found it so, and the step looks once more. Then it is asked again. */
  readonly looksAnew?: true;
}
export interface FailureQuestion extends Asked {
  readonly kind: "failure";
  /** It would not go on, and says why: nothing went wrong. */
  readonly refused?: true;
  readonly known: readonly string[];
  readonly unknown: readonly string[];
  readonly options: readonly FailureOption[];
}
export type Question = ConfirmQuestion | ChoiceQuestion | FailureQuestion;

/** What a face hands to the session. */
export type Answer =
  | { readonly kind: "go" }
  | { readonly kind: "typed"; readonly text: string; readonly pasted: boolean }
  | { readonly kind: "choose"; readonly value: string }
  | { readonly kind: "act"; readonly act: FailureAct }
  | { readonly kind: "decline" };

/** What the journal keeps of it: never the text that was typed (it may be a password in the wrong window). */
export type Answered =
  | { readonly kind: "confirmed" }
  | { readonly kind: "declined" }
  | { readonly kind: "mistyped"; readonly differs: string }
  | { readonly kind: "lapsed"; readonly why: string }
  | { readonly kind: "chosen"; readonly value: string; readonly label: string; readonly data: Json }
  | { readonly kind: "acted"; readonly act: FailureAct };
