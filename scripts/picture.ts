// Takes the README's pictures from a real run: the demo in a pseudo-terminal, its cells as SVG. `npm run picture`, after a build.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../test/support/source.ts";
import { svgOf } from "./picture/svg.ts";
import { takePictures } from "./picture/take.ts";

for (const picture of await takePictures(20_000)) {
  const file = path.join("docs", `look-${picture.name}.svg`);
  writeFileSync(path.join(root, file), svgOf(picture));
  process.stdout.write(`wrote ${file}\n`);
}
