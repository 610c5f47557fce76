import { first } from "./001-first.ts";

/** In order; `user_version` is how many of them a file has had. A migration that was shipped is never edited. */
export const migrations: readonly string[] = [first];
