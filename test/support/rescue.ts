import { checkRescuedRows } from "../../src/actions/check-rescued-rows.ts";
import { findBadStatement } from "../../src/actions/find-bad-statement.ts";
import { freezeEvidence } from "../../src/actions/freeze-evidence.ts";
import { prepareTarget } from "../../src/actions/prepare-target.ts";
import { rescueRows } from "../../src/actions/rescue-rows.ts";
import type { CheckedRescue, ChosenPath, Rescue, Search, Statement } from "../../src/actions/shapes.ts";
import { surveyRecoveryPaths } from "../../src/actions/survey-recovery-paths.ts";
import type { Choice } from "../../src/core/step.ts";
import { memoryServer, type MemoryServer } from "../../src/engines/memory/server.ts";
import type { Incident } from "../contract/bench.ts";
import { offered } from "../contract/bench.ts";
import { type HandMade, handMade, type Making, runAction } from "./action-context.ts";
import { badDelete, memoryBench } from "./memory-bench.ts";

/** A bad DELETE on a server in memory, and the actions of its rescue, each on the results of those before. */
export interface Story {
  readonly server: MemoryServer;
  readonly incident: Incident;
  readonly ctx: HandMade;
}

export async function aStory(making: Partial<Making> = {}, size = { rows: 10, taken: 7 }): Promise<Story> {
  const server = memoryServer();
  const incident = badDelete(server, size);
  const bench = await memoryBench(server);
  const ctx = await handMade({ engine: await bench.connect(), run: bench.run, ...making });
  return { server, incident, ctx };
}

export function tagged(choices: readonly Choice[] | undefined, tag: string): Choice {
  return offered(choices?.find((choice) => choice.value === tag || choice.tags.includes(tag)));
}

export function frozen({ ctx, incident }: Story): Promise<{ table: string; tables: string[]; leases: number }> {
  return runAction(freezeEvidence, ctx.at("freeze"), { table: incident.table });
}

export async function found(story: Story): Promise<Statement> {
  const { table, tables } = await frozen(story);
  const search = await runAction<Search>(findBadStatement, story.ctx.at("statement"), { table, tables });
  return tagged(findBadStatement.choices?.(search), "largest").data as Statement;
}

export async function surveyed(story: Story): Promise<{ statement: Statement; path: ChosenPath }> {
  const statement = await found(story);
  const survey = await runAction<any>(surveyRecoveryPaths, story.ctx.at("path"), { statement });
  return {
    statement,
    path: tagged(surveyRecoveryPaths.choices?.(survey), "recommended").data as unknown as ChosenPath,
  };
}

export async function rescued(story: Story): Promise<Rescue> {
  const chosen = await surveyed(story);
  await runAction(prepareTarget, story.ctx.at("prepare"), {});
  return runAction<Rescue>(rescueRows, story.ctx.at("rescue"), chosen);
}

export async function checked(story: Story): Promise<{ rescue: Rescue; checked: CheckedRescue }> {
  const rescue = await rescued(story);
  return { rescue, checked: await runAction<CheckedRescue>(checkRescuedRows, story.ctx.at("check"), { rescue }) };
}
