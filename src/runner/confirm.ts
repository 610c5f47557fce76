import type { Action } from "../actions/action.ts";
import { type Effect, effects, type Environment } from "../core/effect.ts";
import { Fault } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { PlannedStep } from "../core/plan.ts";
import { type Answer, type Answered, type ConfirmQuestion, mostMisses } from "../core/question.ts";
import type { Preview } from "../core/step.ts";
import { answered, ask, questionId } from "./ask.ts";
import { actionOf, type Confirmed, type Driver, isDryRun, Paused } from "./driver.ts";
import { isWanted, paramsOf, scopeOf } from "./binding.ts";
import { readContext } from "./context.ts";

const confirmationLapsesMs = 120_000;

type Way = ConfirmQuestion["way"];
type Previews = ConfirmQuestion["previews"];

/**
 * Before an effect: shows what it will do and waits for the operator's `g` or typed phrase; returns only when it may begin. Neighbours of
 * one group are confirmed with it. The answer holds while the effect's counts stay within the step's tolerance.
 */
export async function confirm(driver: Driver, step: PlannedStep, action: Action, preview: Preview): Promise<void> {
  const target = driver.log.state.plan.targets[Object.values(step.on)[0] ?? "main"];
  if (!target) throw new Error(`step ${step.key} has no target`);
  if (isDryRun(driver) || action.confirmed !== undefined || step.effect === "read") return;
  const before = driver.confirmed.get(step.key);
  if (before && isFresh(driver, before) && withinTolerance(before.preview, preview, step.tolerance)) return;
  const database = driver.log.state.identities[Object.values(step.on)[0] ?? "main"]?.database ?? target.database;
  const phrase = preview.phrase ?? driver.parts.phrase(target, database);
  const wayFor = (previews: Previews): Way => {
    const gravest = gravestOf(driver, previews);
    return confirmationWay(gravest.step.effect, target.environment, gravest.step, phrase);
  };
  const previews = await untilConfirmed(driver, step, action, wayFor, preview);
  const at = driver.parts.clock.monotonic();
  for (const one of previews) driver.confirmed.set(one.step, { preview: one.preview, at });
}

/** A confirmation holds for two minutes in which nothing is done with it; a step of its group that went well begins them anew. */
export function refreshConfirmed(driver: Driver): void {
  const at = driver.parts.clock.monotonic();
  for (const [step, { preview }] of driver.confirmed) driver.confirmed.set(step, { preview, at });
}

function isFresh(driver: Driver, { at }: Confirmed): boolean {
  return driver.parts.clock.monotonic() - at <= confirmationLapsesMs;
}

/** Design rule 6: hold `g` everywhere; write `g`, the verb, the name; destroy the name everywhere. */
export function confirmationWay(effect: Effect, environment: Environment, step: PlannedStep, phrase: string): Way {
  if (effect === "destroy") return { kind: "type", phrase };
  if (effect !== "write" || environment === "sandbox") return { kind: "go" };
  return { kind: "type", phrase: environment === "staging" ? (step.action.split("-")[0] ?? step.action) : phrase };
}

export function withinTolerance(before: Preview, now: Preview, tolerance: number): boolean {
  const names = new Set([...Object.keys(before.counts), ...Object.keys(now.counts)]);
  return [...names].every((name) => {
    const [was, is] = [before.counts[name] ?? 0, now.counts[name] ?? 0];
    if (is < was && now.mayShrink?.includes(name)) return true;
    return Math.abs(is - was) <= was * tolerance;
  });
}

/** Why this text is not the phrase, in words that name no part of what was typed. */
export function typedDiffers(answer: Extract<Answer, { kind: "typed" }>, phrase: string): string | null {
  if (answer.pasted) return "it was pasted; it has to be typed";
  if (answer.text === phrase) return null;
  if (answer.text.trim() === "") return "nothing was typed";
  if (answer.text.trim() === phrase) return "there are blanks around it";
  if (answer.text.toLowerCase() === phrase.toLowerCase()) return "upper and lower case differ";
  if (phrase.endsWith(`/${answer.text}`)) return "the environment in front is missing";
  return "it is another name";
}

/** Asks until it is confirmed, put aside or missed too often; what lapsed is looked at anew before it is asked again. */
async function untilConfirmed(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  wayFor: (previews: Previews) => Way,
  first: Preview,
): Promise<Previews> {
  let previews = await withNeighbours(driver, step, first);
  for (let missed = 0; missed < mostMisses;) {
    const question = confirmQuestion(driver, step, action, wayFor(previews), previews);
    const heard = await hear(driver, question);
    answered(driver, question, heard, driver.yesSandbox ? "--yes-sandbox" : driver.parts.person.operator);
    if (heard.kind === "confirmed") return previews;
    if (heard.kind === "declined")
      throw new Paused(`the confirmation of ${step.key} was declined; nothing was begun in it`);
    if (heard.kind === "mistyped") missed += 1;
    else previews = await lookedAtAgain(driver, step, action);
  }
  throw new Paused(`the confirmation of ${step.key} was missed ${mostMisses} times; nothing was begun in it`);
}

type Heard = Exclude<Answered, { kind: "chosen" | "acted" }>;

async function hear(driver: Driver, question: ConfirmQuestion): Promise<Heard> {
  if (driver.yesSandbox && isSandbox(driver)) {
    driver.log.append({ kind: "question.asked", question });
    return { kind: "confirmed" };
  }
  if (!driver.interactive) throw needsPerson(driver, question);
  const answer = await ask(driver, question);
  if (answer === "lapsed") return { kind: "lapsed", why: "two minutes went by" };
  if (answer.kind === "decline") return { kind: "declined" };
  const differs = differsFrom(question.way, answer);
  if (differs !== null) return { kind: "mistyped", differs };
  if (await stillHolds(driver, question.previews).catch(unseen(driver, question))) return { kind: "confirmed" };
  return { kind: "lapsed", why: "the counts are not those that were shown" };
}

/** The answer counts for nothing, and the question no longer waits: what went wrong is told next. */
function unseen(driver: Driver, question: ConfirmQuestion): (error: unknown) => never {
  return (error) => {
    answered(driver, question, { kind: "lapsed", why: "the counts could not be looked at again" });
    throw error;
  };
}

async function lookedAtAgain(driver: Driver, step: PlannedStep, action: Action): Promise<Previews> {
  const preview = await action.preview(readContext(driver, step), paramsOf(driver, step, action));
  driver.log.append({ kind: "step.previewed", step: step.key, preview });
  return withNeighbours(driver, step, preview);
}

async function withNeighbours(driver: Driver, step: PlannedStep, preview: Preview): Promise<Previews> {
  return [{ step: step.key, preview }, ...(await neighbours(driver, step, preview))];
}

function differsFrom(way: Way, answer: Answer): string | null {
  if (way.kind === "go") return answer.kind === "go" ? null : "the key g confirms";
  return answer.kind === "typed" ? typedDiffers(answer, way.phrase) : "the phrase has to be typed";
}

/** A write is counted again at the very moment it is confirmed; a hold changes no row, so its words suffice. */
async function stillHolds(driver: Driver, previews: Previews): Promise<boolean> {
  const { step, preview } = gravestOf(driver, previews);
  if (step.effect === "hold") return true;
  const action = actionOf(driver, step);
  const now = await action.preview(readContext(driver, step), paramsOf(driver, step, action));
  return withinTolerance(preview, now, step.tolerance);
}

/** The neighbours of the step's group, previewed on what it expects to leave behind; one that can't be previewed asks for itself later. */
async function neighbours(driver: Driver, step: PlannedStep, preview: Preview): Promise<Previews> {
  if (step.group === undefined) return [];
  const expected: Record<string, Json> = preview.expects === undefined ? {} : { [step.key]: preview.expects };
  const found: { step: string; preview: Preview }[] = [];
  for (const other of groupAfter(driver, step)) {
    const action = actionOf(driver, other);
    const next = await previewOn(driver, other, action, expected).catch(() => null);
    if (next === null) break;
    found.push({ step: other.key, preview: next });
    if (next.expects !== undefined) expected[other.key] = next.expects;
  }
  return found;
}

function groupAfter(driver: Driver, step: PlannedStep): readonly PlannedStep[] {
  const steps = driver.log.state.steps.map((state) => state.step);
  const rest = steps.slice(steps.findIndex((one) => one.key === step.key) + 1);
  const end = rest.findIndex((other) => !isNeighbour(step, other));
  const group = end === -1 ? rest : rest.slice(0, end);
  return group.filter((other) => other.effect !== "read" && isWanted(driver, other));
}

/**
 * Of a template nobody knows yet what it stands for: its steps ask for themselves. So does a neighbour that is not wanted yet, since its
 * `when` hangs on what comes before it.
 */
function isNeighbour(step: PlannedStep, other: PlannedStep): boolean {
  return other.group === step.group && other.each === undefined;
}

async function previewOn(driver: Driver, step: PlannedStep, action: Action, expected: JsonObject): Promise<Preview> {
  return action.preview(readContext(driver, step), paramsOf(driver, step, action, scopeOf(driver.log.state, expected)));
}

/** Of all that one answer lets through, the step that can do most harm: its effect decides how it is asked, its undo is shown. */
function gravestOf(driver: Driver, previews: Previews): { readonly step: PlannedStep; readonly preview: Preview } {
  const found = previews.flatMap(({ step, preview }) => {
    const found = driver.log.state.steps.find((one) => one.step.key === step);
    return found === undefined ? [] : [{ step: found.step, preview }];
  });
  const gravity = (effect: Effect) => effects.indexOf(effect);
  const gravest = found.toSorted((a, b) => gravity(b.step.effect) - gravity(a.step.effect))[0];
  if (gravest) return gravest;
  throw new Error("a confirmation covers at least one step of the plan");
}

function confirmQuestion(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  way: Way,
  previews: Previews,
): ConfirmQuestion {
  const identity = driver.log.state.identities[Object.values(step.on)[0] ?? "main"];
  const undo = gravestOf(driver, previews).preview.undo ?? undoWords(action);
  return {
    kind: "confirm",
    id: questionId(driver),
    step: step.key,
    asks: step.title,
    covers: previews.map((one) => one.step),
    previews,
    way,
    facts: [
      { label: "host", text: identity?.words ?? "not identified" },
      { label: "database", text: identity?.database ?? "not identified" },
      ...(undo === undefined ? [] : [{ label: "undo", text: undo }]),
    ],
    lapsesAt: driver.parts.clock.now() + confirmationLapsesMs,
  };
}

function undoWords({ undo }: Action): string | undefined {
  return undo && ("words" in undo ? undo.words : undo.irreversible);
}

function isSandbox(driver: Driver): boolean {
  return Object.values(driver.log.state.plan.targets).every((target) => target.environment === "sandbox");
}

function needsPerson(driver: Driver, question: ConfirmQuestion): Fault {
  driver.log.append({ kind: "question.asked", question });
  const how = question.way.kind === "go" ? "the key g" : "a name, typed by hand";
  return new Fault("HF-NEEDS-PERSON", `the step ${question.step} needs a person: ${how}`, {
    exit: "needs-person",
    still: "The run is open; nothing was begun in this step.",
    hint: isSandbox(driver) ? "Resume in a terminal, or with --yes-sandbox." : "Resume in a terminal.",
  });
}
