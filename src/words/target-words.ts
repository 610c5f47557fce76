import type { Environment } from "../core/effect.ts";
import { environmentBanner } from "./format.ts";

/** Which target of the config, and which database behind it: `!! PRODUCTION !! target shop, database shop_orders`. */
export function placeWords(target: {
  readonly environment: Environment;
  readonly name: string;
  readonly database: string;
}): string {
  const { environment, name, database } = target;
  const which = name === database ? `target and database ${name}` : `target ${name}, database ${database}`;
  return `${environmentBanner(environment)} ${which}`;
}
