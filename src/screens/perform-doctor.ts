import { faultRecord } from "../core/errors.ts";
import type { Workbench } from "../runner/workbench.ts";
import type { Command, Message } from "./model.ts";

export interface Doctor {
  /** One target after the other; a look that is under way is ended. */
  ask(command: Extract<Command, { do: "doctor" }>): void;
  stop(): void;
}

export function doctor(workbench: Workbench, dispatch: (message: Message) => void): Doctor {
  let asking = new AbortController();
  return {
    ask: (command) => {
      asking.abort();
      asking = new AbortController();
      void askEach(workbench, dispatch, command, asking.signal);
    },
    stop: () => asking.abort(),
  };
}

async function askEach(
  workbench: Workbench,
  dispatch: (message: Message) => void,
  { look, targets }: Extract<Command, { do: "doctor" }>,
  signal: AbortSignal,
): Promise<void> {
  const tell = (note: string) => {
    if (!signal.aborted) dispatch({ kind: "doctor-looks", look, note });
  };
  try {
    for (const target of targets) {
      const answer = await workbench.doctor(target, { tables: [], signal, tell });
      if (signal.aborted) return;
      dispatch({ kind: "doctor-said", look, answer });
    }
  } catch (error) {
    if (!signal.aborted) dispatch({ kind: "went-wrong", fault: faultRecord(error) });
  }
}
