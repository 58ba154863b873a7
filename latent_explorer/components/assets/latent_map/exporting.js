// Pictures to keep: the map drawn anew at a larger scale with its legends, and the lens.

import { penOf } from "../shared/elements.js";
import { toCss } from "../shared/theme.js";

/** @import {Legend, PaintView, Pen} from "./types.d.ts" */

const LENS_SIDE = 560;
const DIAMOND = [
  [0, -6],
  [6, 0],
  [0, 6],
  [-6, 0],
]; // of a legend
const STRIP = { margin: 14, row: 34, bar: 160 }; // css px of the legends under the map

// `paint` draws the map; resolves to a PNG.
/**
 * @param {(pen: Pen, overlayPen: Pen) => void} paint @param {PaintView} view
 * @param {Legend[]} legends
 */
export async function mapPicture(paint, view, legends) {
  const { width, height, ratio, theme } = view;
  const strip = legends.length ? legends.length * STRIP.row + STRIP.margin : 0;
  const make = (/** @type {number} */ high) =>
    new OffscreenCanvas(Math.round(width * ratio), Math.round(high * ratio));
  const [base, overlay] = [make(height + strip), make(height)];
  const pen = penOf(base);
  pen.fillStyle = toCss(theme.paper);
  pen.fillRect(0, 0, base.width, base.height);
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, base.width, Math.round(height * ratio));
  pen.clip();
  paint(pen, penOf(overlay));
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(overlay, 0, 0);
  pen.restore();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  legends.forEach((legend, i) => {
    paintLegend(pen, legend, height + STRIP.margin + i * STRIP.row, view);
  });
  return base.convertToBlob({ type: "image/png" });
}

/** @param {Pen} pen @param {Legend} legend @param {number} top @param {PaintView} view */
function paintLegend(
  pen,
  { title, colours, low = "", high = "", items, said },
  top,
  { width, theme },
) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = toCss(theme.ink);
  pen.font = `600 12px ${theme.font}`;
  const left = STRIP.margin;
  pen.fillText(title, left, top + 4, width / 2);
  pen.font = `11px ${theme.font}`;
  if (said) pen.fillText(said, left, top + 20, width - 2 * STRIP.margin);
  let x = left + Math.min(width / 2, pen.measureText(title).width * 1.2) + 16;
  if (colours) {
    pen.fillText(low, x, top + 4);
    x += pen.measureText(low).width + 6;
    colours.forEach((colour, i) => {
      pen.fillStyle = toCss(colour);
      pen.fillRect(x + (i * STRIP.bar) / 256, top - 1, STRIP.bar / 256 + 0.7, 10);
    });
    pen.fillStyle = toCss(theme.ink);
    pen.fillText(high, x + STRIP.bar + 6, top + 4);
  }
  for (const { colour, text, isDiamond } of items ?? []) {
    if (colour) {
      pen.fillStyle = toCss(colour);
      pen.beginPath();
      if (isDiamond) for (const [dx, dy] of DIAMOND) pen.lineTo(x + 5 + dx, top + 4 + dy);
      else pen.arc(x + 5, top + 4, 5, 0, 2 * Math.PI);
      pen.fill();
      x += 14;
    }
    pen.fillStyle = toCss(theme.ink);
    pen.fillText(text, x, top + 4);
    x += pen.measureText(text).width + 12;
  }
}

// 28 x 28 pixels as large squares, never blurred.
/** @param {HTMLCanvasElement} canvas */
export function lensPicture(canvas) {
  const large = new OffscreenCanvas(LENS_SIDE, LENS_SIDE);
  const pen = penOf(large);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(canvas, 0, 0, LENS_SIDE, LENS_SIDE);
  return large.convertToBlob({ type: "image/png" });
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
