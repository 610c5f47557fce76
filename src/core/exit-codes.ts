/** The one table of exit codes; docs/exit-codes.md is generated from it. A code never changes its meaning. */
export const exitCodes = {
  ok: { code: 0, means: "done, or nothing was left to do" },
  bug: { code: 1, means: "a fault of Holdfast itself; the stack is in the file that the message names" },
  usage: { code: 2, means: "the command line is wrong" },
  input: { code: 3, means: "an input, a runbook or the configuration is invalid; nothing was started" },
  "needs-person": { code: 4, means: "a step needs a person (a confirmation or a choice); the run stays open" },
  paused: { code: 5, means: "the run was paused and can be resumed" },
  failed: { code: 6, means: "a step failed; the run stays open" },
  unknown: { code: 7, means: "the outcome of a step is not known; resume settles it" },
  refused: { code: 8, means: "a guard or a safety rule refused" },
  busy: { code: 9, means: "another run holds the target, or another process drives the run" },
  "wrong-target": { code: 10, means: "the server is not the one that the run began on" },
  unreachable: { code: 11, means: "the target can't be reached" },
  "several-runs": { code: 12, means: "several runs are open: name one" },
  journal: { code: 13, means: "the journal can't be written, read or trusted" },
  incomplete: { code: 14, means: "a dry run could not look at everything" },
  environment: { code: 15, means: "this machine lacks something that Holdfast needs" },
  "not-proved": { code: 16, means: "the result could not be proved equal to what was expected" },
  abandoned: { code: 17, means: "the run was given up; its leases were given back" },
  "not-ready": { code: 18, means: "doctor found a table that no recovery path is open for" },
  interrupted: { code: 130, means: "Ctrl-C three times: left at once, resumable" },
} as const;

export type ExitName = keyof typeof exitCodes;
