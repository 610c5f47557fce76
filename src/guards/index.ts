import { changeTicket } from "./change-ticket.ts";
import { freeDisk } from "./free-disk.ts";
import type { Guard } from "./guard.ts";
import { stopFile } from "./stop-file.ts";
import { targetConfirmed } from "./target-confirmed.ts";
import { targetLock } from "./target-lock.ts";

/** In the order in which they are asked. */
export const guards: readonly Guard[] = [stopFile, freeDisk, targetLock, changeTicket, targetConfirmed];
