// Draws the images of a strip. Streamlit calls the default export again when data or theme change.

import { fromBase64 } from "../shared/bytes.js";
import { find, make } from "../shared/elements.js";
import { digitCanvas, paintDigit } from "../shared/ink.js";
import { readTheme } from "../shared/theme.js";

/** @import {Mount, StripData, StripImage, Theme} from "../shared/types.d.ts" */

/** @param {Mount<StripData>} mount */
export default function ({ data, parentElement, setTriggerValue }) {
  const strip = find(parentElement, ".strip", HTMLElement);
  const tag = data.choosable ? "button" : "figure";
  const old = /** @type {HTMLElement[]} */ ([...strip.children]);
  const isReusable =
    old.length === data.images.length && old.every((cell) => cell.localName === tag);
  const cells = isReusable ? old : data.images.map(() => makeCell(tag));
  if (!isReusable) strip.replaceChildren(...cells);
  strip.style.display = data.perRow ? "grid" : "flex";
  strip.style.gridTemplateColumns = `repeat(${data.perRow ?? 1}, minmax(0, ${data.size}px))`;
  const theme = readTheme(strip);
  data.images.forEach((image, i) => {
    const cell = cells[i];
    cell.style.width = data.perRow ? "auto" : `${data.size}px`;
    fill(cell, image, theme);
    if (data.choosable) {
      cell.onclick = () => setTriggerValue("choose", i);
      cell.setAttribute("aria-label", `Choose ${image.title} ${image.caption}`.trim());
    }
  });
}

/** @param {"button" | "figure"} tag */
function makeCell(tag) {
  const cell = make(tag, "digit");
  const canvas = digitCanvas();
  canvas.setAttribute("role", "img");
  cell.append(canvas, make("div", "title"), make("div", "caption"));
  return cell;
}

/** @param {HTMLElement} cell @param {StripImage} image @param {Theme} theme */
function fill(cell, image, theme) {
  const canvas = find(cell, "canvas", HTMLCanvasElement);
  find(cell, ".title", HTMLElement).textContent = image.title;
  find(cell, ".caption", HTMLElement).textContent = image.caption;
  canvas.setAttribute("aria-label", `${image.title} ${image.caption}`.trim());
  canvas.dataset.title = image.title;
  paintDigit(canvas, fromBase64(image.pixels), theme, image.signed);
}
