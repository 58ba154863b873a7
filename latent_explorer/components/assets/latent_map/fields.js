// What the server computes under the points, painted by the kind of its layer: a scale of colours,
// the classes' probabilities, outlines of Gaussians.

import { penOf } from "../shared/elements.js";
import { toCss } from "../shared/theme.js";
import { fixed } from "../shared/numbers.js";
import { quantile } from "./geometry.js";
import { gradientCss, scaleColours } from "./theme.js";
import { holds } from "./vocabulary.js";

/** @import {Bytes, FieldsPayload, Floats, Layer, Legend, MapTheme, Outline, PaintView, Pen, Point, Region, Turn} from "./types.d.ts" */
/** @typedef {PaintView & { turn: Turn | null }} TurnedView of a plane that was turned after all was computed */
/** @typedef {{ name: string, canvas: OffscreenCanvas, legend: Legend }} FieldImage */
/** @typedef {{ pixels: Uint8ClampedArray<ArrayBuffer>, legend: Omit<Legend, "said"> }} Painted */

const CLASS_OPACITY = 0.5; // where the class is certain
const SURE = 0.5; // probability from which a place belongs to a class's region
const SIGMAS = [1, 2, 3];
const MIXED_SIGMAS = [1, 2]; // of many Gaussians
const RING_STEPS = 180; // chords of an outline
/** @type {Record<string, (layer: Layer, fields: FieldsPayload, theme: MapTheme) => Painted>} */
const PAINTERS = { classes: classPixels, scale: scalePixels }; // of images

// Paints fields as small images, kept until the payload or the theme changes.
export class Fields {
  constructor() {
    /** @type {Map<string, FieldImage>} */
    this.images = new Map(); // by layer
  }

  // { canvas, legend } of a layer, null if it is no image or this checkpoint has none.
  /** @param {Layer} layer @param {FieldsPayload} fields @param {MapTheme} theme */
  imageOf(layer, fields, theme) {
    const name = `${fields.id}/${theme.name}`;
    const known = this.images.get(layer.name);
    if (known?.name === name) return known;
    const paint = PAINTERS[layer.kind];
    if (!paint || !holds(fields, layer)) return null;
    const [height, width] = fields.shape;
    const { pixels, legend } = paint(layer, fields, theme);
    const canvas = new OffscreenCanvas(width, height);
    penOf(canvas).putImageData(new ImageData(pixels, width, height), 0, 0);
    const made = { name, canvas, legend: { ...legend, said: fields.said[layer.name] ?? "" } };
    this.images.set(layer.name, made);
    return made;
  }

  /** @param {Pen} pen @param {Layer} layer @param {FieldsPayload} fields @param {TurnedView} view */
  paint(pen, layer, fields, { ratio, camera, theme, turn }) {
    const image = this.imageOf(layer, fields, theme);
    if (!image) return;
    const [x0, x1, y0, y1] = fields.extent;
    const [left, top] = camera.toPx([x0, y1]);
    const [right, bottom] = camera.toPx([x1, y0]);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (turn) turnAbout(pen, camera.toPx([0, 0]), turn);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(image.canvas, left, top, right - left, bottom - top);
  }
}

// Turns what is painted next as (x, y) @ turn turns the plane; on screen y points down.
/** @param {Pen} pen @param {Point} about @param {Turn} turn */
function turnAbout(pen, [x, y], [[a, b], [c, d]]) {
  pen.transform(a, -b, -c, d, x - a * x + c * y, y + b * x - d * y);
}

// Where a place of the plane goes.
/** @param {Point} place @param {Turn | null} turn @returns {Point} */
export function turned([x, y], turn) {
  if (!turn) return [x, y];
  const [[a, b], [c, d]] = turn;
  return [x * a + y * c, x * b + y * d];
}

// The image's first row is the top, the field's the bottom.
/** @param {[number, number]} shape @param {(cell: number, at: number) => void} visit */
function eachCell([height, width], visit) {
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      visit((height - 1 - row) * width + column, 4 * (row * width + column));
    }
  }
}

/** @param {Layer} layer @param {FieldsPayload} fields @param {MapTheme} theme @returns {Painted} */
function classPixels({ name, legend }, { shape, sections }, theme) {
  const size = shape[0] * shape[1];
  const pixels = new Uint8ClampedArray(4 * size);
  eachCell(shape, (cell, at) => {
    const { label, share } = likeliest(sections[name], size, cell);
    const strength = Math.max(0, (share - 0.2) / 0.8);
    pixels.set([...theme.digits[label], 255 * CLASS_OPACITY * strength], at);
  });
  const items = theme.digits.map((colour, label) => ({ colour, text: theme.classes[label] }));
  return { pixels, legend: { title: legend ?? "", items } };
}

/** @param {Bytes | Floats} classes @param {number} size @param {number} cell */
function likeliest(classes, size, cell) {
  let label = 0;
  for (let k = 1; k * size < classes.length; k++) {
    if (classes[k * size + cell] > classes[label * size + cell]) label = k;
  }
  return { label, share: classes[label * size + cell] / 255 };
}

/** @param {Layer} layer @param {FieldsPayload} fields @param {MapTheme} theme @returns {Painted} */
function scalePixels({ name, title, unit, scale }, { shape, sections }, theme) {
  if (!scale) throw new Error(`the layer ${name} has no scale.`);
  const values = sections[name];
  let [low, high] = scale.range.map((share) => quantile(values, share));
  if (scale.depth) low = Math.max(low, high - scale.depth);
  const colours = scaleColours(scale, theme);
  const pixels = new Uint8ClampedArray(4 * values.length);
  eachCell(shape, (cell, at) => {
    const share = Math.min(1, Math.max(0, (values[cell] - low) / (high - low || 1)));
    // as the paper at its low end, so that the grid shows through
    pixels.set([...colours[Math.round(255 * share)], 255 * Math.min(1, 4 * share)], at);
  });
  const legend = {
    title: unit ? `${title}, ${unit}` : title,
    gradient: gradientCss(colours),
    colours,
    low: `\u2264 ${fixed(low, 1)}`,
    high: fixed(high, 1),
  };
  return { pixels, legend };
}

// One place inside each large region of a class: [label, x, y, radius], all on the plane.
/** @param {FieldsPayload} fields @param {Layer} layer */
export function classRegions(fields, { name }) {
  fields.regions ??= {};
  fields.regions[name] ??= findRegions(fields, fields.sections[name]);
  return fields.regions[name];
}

/** @param {FieldsPayload} fields @param {Bytes | Floats} classes */
function findRegions({ shape: [height, width], extent: [x0, x1, y0, y1] }, classes) {
  const size = height * width;
  const labels = new Int8Array(size);
  for (let cell = 0; cell < size; cell++) {
    const { label, share } = likeliest(classes, size, cell);
    labels[cell] = share >= SURE ? label : -1;
  }
  const depth = depths(labels, height, width);
  const cellSize = (x1 - x0) / width;
  const seen = new Uint8Array(size);
  /** @type {Region[]} */
  const regions = [];
  for (let start = 0; start < size; start++) {
    if (seen[start] || labels[start] < 0) continue;
    seen[start] = 1;
    const stack = [start];
    let deepest = start;
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      if (depth[cell] > depth[deepest]) deepest = cell;
      const column = cell % width;
      const next = [
        column > 0 ? cell - 1 : -1,
        column < width - 1 ? cell + 1 : -1,
        cell - width,
        cell + width,
      ];
      for (const other of next) {
        if (other < 0 || other >= size || seen[other] || labels[other] !== labels[cell]) continue;
        seen[other] = 1;
        stack.push(other);
      }
    }
    const [column, row] = [deepest % width, Math.floor(deepest / width)];
    const x = x0 + (column + 0.5) * cellSize;
    const y = y0 + ((row + 0.5) * (y1 - y0)) / height;
    regions.push([labels[start], x, y, depth[deepest] * cellSize]);
  }
  return regions.sort((a, b) => b[3] - a[3]);
}

// Cells to the nearest of another class or to the border, in steps: two sweeps.
/** @param {Int8Array} labels @param {number} height @param {number} width */
function depths(labels, height, width) {
  const depth = new Uint16Array(labels.length);
  /** @param {number} row @param {number} column @param {number} cell */
  const at = (row, column, cell) => {
    const isOut = row < 0 || column < 0 || row >= height || column >= width;
    const other = row * width + column;
    return isOut || labels[other] !== labels[cell] ? 0 : depth[other];
  };
  for (let cell = 0; cell < labels.length; cell++) {
    const [row, column] = [Math.floor(cell / width), cell % width];
    depth[cell] = 1 + Math.min(at(row - 1, column, cell), at(row, column - 1, cell));
  }
  for (let cell = labels.length - 1; cell >= 0; cell--) {
    const [row, column] = [Math.floor(cell / width), cell % width];
    const near = Math.min(at(row + 1, column, cell), at(row, column + 1, cell));
    depth[cell] = Math.min(depth[cell], 1 + near);
  }
  return depth;
}

// The legend of a layer of outlines; it has no scale of colours.
/** @param {Layer} layer @param {FieldsPayload} fields @returns {Legend} */
export function outlinesLegend({ name, legend, legend_of_many: ofMany }, { outlines, said }) {
  const n = outlines[name].length;
  const title = n === 1 ? legend : ofMany?.replace("{n}", String(n));
  return { title: title ?? "", said: said[name] ?? "" };
}

// Outlines of Gaussians on the plane, [mean, Cholesky factor by rows] each; those of a single one
// with the mass inside, 1 - exp(-r^2 / 2).
/** @param {Pen} pen @param {Outline[]} gaussians @param {TurnedView} view */
export function paintOutlines(pen, gaussians, { ratio, camera, theme, turn }) {
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.setLineDash([6, 5]);
  pen.lineWidth = 1.5;
  pen.strokeStyle = toCss(theme.ink, 0.6);
  const isOne = gaussians.length === 1;
  /** @type {{ text: string, at: Point }[]} */
  const labels = [];
  for (const [x, y, a, b, c, d] of gaussians) {
    for (const sigmas of isOne ? SIGMAS : MIXED_SIGMAS) {
      pen.beginPath();
      for (let i = 0; i <= RING_STEPS; i++) {
        const angle = (2 * Math.PI * i) / RING_STEPS;
        const [u, v] = [sigmas * Math.cos(angle), sigmas * Math.sin(angle)];
        pen.lineTo(...camera.toPx(turned([x + a * u + b * v, y + c * u + d * v], turn)));
      }
      pen.stroke();
      const inside = fixed(100 * (1 - Math.exp((-sigmas * sigmas) / 2)), 1);
      const text = `${sigmas}\u03c3 \u00b7 ${inside} %`;
      if (isOne) labels.push({ text, at: camera.toPx([x, y + d * sigmas]) });
    }
  }
  pen.setLineDash([]);
  return labels;
}
