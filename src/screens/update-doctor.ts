import { just, type Model, pushed, type Route, routeOf, type Update, withCursor } from "./model.ts";

type DoctorRoute = Extract<Route, { kind: "doctor" }>;

/** From the start, or once more: every target is asked anew, and what was said before is gone. */
export function askDoctor(model: Model): Update {
  const targets = model.bench.targets.map(({ name }) => name);
  const route: DoctorRoute = { kind: "doctor", look: model.now, targets, answers: [], note: "" };
  const isAgain = routeOf(model).kind === "doctor";
  const before = isAgain ? { ...model, routes: model.routes.slice(0, -1) } : model;
  return just(withCursor(pushed(before, route), 0), { do: "doctor", look: route.look, targets });
}

/** Whoever no longer looks needs no answer. */
export function leaveDoctor(model: Model): Update {
  return just({ ...model, routes: model.routes.slice(0, -1), fault: null }, { do: "stop-doctor" });
}

/** Changes the look that is on the screen, or behind its help; what another one says comes too late. */
export function withDoctor(model: Model, look: number, change: (at: DoctorRoute) => Partial<DoctorRoute>): Model {
  const changed = (route: Route): Route =>
    route.kind === "doctor" && route.look === look ? { ...route, ...change(route) } : route;
  return { ...model, routes: model.routes.map(changed) };
}
