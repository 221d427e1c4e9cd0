// The one place that draws: a Vega specification to SVG text, without a browser.
import * as vega from "vega";
import { CONFIG, FONT } from "./style.ts";
import { textWidth } from "./text-width.ts";

/** What Vega exports and its types leave out: how it measures text. */
interface TextMetrics {
  width: (item: { readonly fontSize?: number; readonly text?: unknown }, text?: unknown) => number;
}
const { textMetrics } = vega as unknown as { readonly textMetrics: TextMetrics };

const DEFAULT_SIZE = 11;

export async function renderSvg(spec: vega.Spec): Promise<string> {
  textMetrics.width = (item, text = item.text) => textWidth(String(text), item.fontSize ?? DEFAULT_SIZE);
  const view = new vega.View(vega.parse(spec, CONFIG), { renderer: "none", logLevel: vega.Warn });
  try {
    return `${shorter(await view.toSVG(), String(spec.description ?? ""))}\n`;
  } finally {
    view.finalize();
  }
}

/**
 * The same drawing in half the bytes: one font and one description for the whole, no attribute that says what is so anyway,
 * and coordinates to a hundredth of a pixel.
 */
function shorter(svg: string, description: string): string {
  const label = description.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return svg
    .replace(/ (?:role|aria-\w+)="[^"]*"/g, "")
    .replaceAll(` font-family="${FONT}"`, "")
    .replaceAll(' opacity="1"', "")
    .replace(/^<svg /, `<svg role="img" aria-label="${label}" font-family="${FONT}" `)
    .replace(/ (?:d|transform)="[^"]*"/g, (attribute) =>
      attribute.replace(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
    );
}
