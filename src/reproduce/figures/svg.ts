// The one place that draws: a Vega specification to SVG text, without a browser.
import { parse, type Spec, View, Warn } from "vega";
import { CONFIG } from "./style.ts";

export async function renderSvg(spec: Spec): Promise<string> {
  const view = new View(parse(spec, CONFIG), { renderer: "none", logLevel: Warn });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
