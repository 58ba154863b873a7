// What lies over the points: axes, digits at their medoids, thumbnails, ellipse, marks, pin.

import { penOf } from "../shared/elements.js";
import { inkImage, SIDE } from "../shared/ink.js";
import { toCss } from "../shared/theme.js";
import { clamp, ellipseOf, ticks } from "./geometry.js";
import { pictureOf } from "./store.js";

/** @import {Ellipse, MapTheme, Mark, Pen, PaintView, Pin, Point, Points, Region, Rgb, SizedView} from "./types.d.ts" */
/** @typedef {ReturnType<typeof axesTicks>} Ticks */
/** @typedef {{ font: string, colour: string, halo: number, align?: CanvasTextAlign,
 *   baseline?: CanvasTextBaseline }} TextLook */
/** @typedef {[row: number, left: number, top: number]} Thumbnail */

const PIN_RADIUS = 8; // css px
const TICK_SPACING = 88;
const KEPT_SPRITES = 4000;
export const THUMBNAIL = { side: 28, frame: 1.5, most: 900, crowding: 0.55 }; // css px; share of the area

/** @param {SizedView} view */
export function axesTicks({ camera }) {
  const [x0, x1, y0, y1] = camera.rectangle();
  const spacing = TICK_SPACING * camera.unitsPerPx;
  return { x: ticks(x0, x1, spacing), y: ticks(y0, y1, spacing) };
}

// Lines of the grid, under the points, on whole pixels.
/** @param {Pen} pen @param {PaintView} view @param {Ticks} found */
export function paintGrid(pen, { width, height, ratio, camera, theme }, found) {
  pen.setTransform(1, 0, 0, 1, 0, 0);
  for (const { value, isOrigin } of found.x) {
    pen.fillStyle = isOrigin ? theme.origin : theme.grid;
    pen.fillRect(Math.round(camera.toPx([value, 0])[0] * ratio), 0, 1, height * ratio);
  }
  for (const { value, isOrigin } of found.y) {
    pen.fillStyle = isOrigin ? theme.origin : theme.grid;
    pen.fillRect(0, Math.round(camera.toPx([0, value])[1] * ratio), width * ratio, 1);
  }
}

// Places taken by labels, so that no two overlap.
class Room {
  constructor() {
    /** @type {number[][]} */
    this.taken = [];
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  take(x, y, width, height) {
    const box = [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
    const isFree = this.taken.every(
      ([x0, x1, y0, y1]) => box[1] < x0 || box[0] > x1 || box[3] < y0 || box[2] > y1,
    );
    if (isFree) this.taken.push(box);
    return isFree;
  }
}

export class Overlay {
  /** @param {Pen} pen @param {PaintView} view */
  constructor(pen, view) {
    this.pen = pen;
    this.view = view;
    this.room = new Room();
    const { width, height, ratio } = view;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineJoin = pen.lineCap = "round";
  }

  /** @param {Point} coords */
  toPx(coords) {
    return this.view.camera.toPx(coords);
  }

  /** @param {string} text @param {number} x @param {number} y @param {TextLook} look */
  text(text, x, y, { font, colour, halo, align = "center", baseline = "middle" }) {
    const { pen } = this;
    const { theme } = this.view;
    pen.textAlign = align;
    pen.textBaseline = baseline;
    pen.font = `${font} ${theme.font}`;
    pen.strokeStyle = toCss(theme.paper, 0.85);
    pen.lineWidth = halo;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }

  /** @param {Ticks} found @param {string[]} names */
  axes(found, names) {
    const { width, height, theme } = this.view;
    /** @type {TextLook} */
    const quiet = {
      font: "11px",
      colour: toCss(theme.ink, 0.75),
      halo: 4,
      align: "left",
      baseline: "alphabetic",
    };
    const name = { ...quiet, font: "italic 600 13px" };
    // Beside its line, never on it: a line that ends in a number reads as a minus.
    for (const { value, text } of found.x) {
      const [x] = this.toPx([value, 0]);
      if (x > 36 && x < width - 56) this.text(text, x + 4, height - 8, quiet);
    }
    for (const { value, text } of found.y) {
      const [, y] = this.toPx([0, value]);
      if (y > 44 && y < height - 24) this.text(text, 8, y - 4, quiet);
    }
    this.text(names[0], width - 24, height - 9, name);
    this.text(names[1], 9, 20, name);
  }

  // The digit itself at its class's medoid, so that colour is never the only carrier.
  /** @param {Points["medoids"]} medoids */
  medoids(medoids) {
    const px = clamp(this.view.width / 30, 17, 25);
    const { ink, classes } = this.view.theme;
    const look = { font: `700 ${px}px`, colour: toCss(ink), halo: 5 };
    for (const [label, x, y] of medoids) {
      const [left, top] = this.toPx([x, y]);
      if (this.room.take(left, top, px * 0.8, px)) this.text(classes[label], left, top, look);
    }
  }

  // Digits of the class layer, in every region large enough to hold one.
  /** @param {Region[]} regions */
  regions(regions) {
    const { width, height, camera, theme } = this.view;
    for (const [label, x, y, radius] of regions) {
      const size = radius / camera.unitsPerPx;
      if (size < 9) break; // they come by size
      const [left, top] = this.toPx([x, y]);
      if (left < 0 || top < 0 || left > width || top > height) continue;
      const px = clamp(size, 12, 20);
      if (!this.room.take(left, top, px * 1.2, px * 1.3)) continue;
      const look = { font: `600 ${px}px`, colour: toCss(theme.ink, 0.85), halo: 4 };
      this.text(theme.classes[label], left, top, look);
    }
  }

  /** @param {{ text: string, at: Point }[]} rings */
  rings(rings) {
    const { theme, width, height } = this.view;
    const look = { font: "600 11px", colour: toCss(theme.ink, 0.85), halo: 4 };
    for (const { text, at } of rings) {
      const [x, y] = [clamp(at[0], 60, width - 100), at[1]];
      if (y > 12 && y < height - 24 && this.room.take(x, y, 70, 14)) this.text(text, x, y, look);
    }
  }

  // Frames have the dots' colours; the picture itself says which digit it is.
  /**
   * @param {Thumbnail[]} shown
   * @param {{ sprite: (row: number) => OffscreenCanvas, frame: (row: number) => string,
   *   isDim: (row: number) => boolean }} look
   */
  thumbnails(shown, { sprite, frame, isDim }) {
    const { pen } = this;
    const { side, frame: width } = THUMBNAIL;
    pen.imageSmoothingEnabled = false;
    for (const [row, left, top] of shown) {
      pen.globalAlpha = isDim(row) ? 0.3 : 1;
      pen.fillStyle = frame(row);
      pen.fillRect(left - width, top - width, side + 2 * width, side + 2 * width);
      pen.drawImage(sprite(row), left, top, side, side);
    }
    pen.globalAlpha = 1;
  }

  // Strokes the current path in `colour` over a wider line of paper, legible on any cloud.
  /** @param {string} colour @param {number} width */
  strokeWithHalo(colour, width) {
    const { pen } = this;
    pen.strokeStyle = toCss(this.view.theme.paper, 0.85);
    pen.lineWidth = width + 3;
    pen.stroke();
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }

  /** @param {Point} place @param {number} radius @param {string} fill */
  disc([x, y], radius, fill) {
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.strokeWithHalo(fill, 1);
    pen.fillStyle = fill;
    pen.fill();
  }

  /** @param {Point} place @param {number} radius @param {string} fill */
  diamond([x, y], radius, fill) {
    const { pen } = this;
    pen.beginPath();
    pen.moveTo(x, y - radius);
    pen.lineTo(x + radius, y);
    pen.lineTo(x, y + radius);
    pen.lineTo(x - radius, y);
    pen.closePath();
    this.strokeWithHalo(fill, 1);
    pen.fillStyle = fill;
    pen.fill();
  }

  /** @param {Point} place @param {number} radius @param {Rgb} colour @param {number} width */
  ring([x, y], radius, colour, width) {
    this.pen.beginPath();
    this.pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.strokeWithHalo(toCss(colour), width);
  }

  // Begins a path through places of the plane.
  /** @param {Point[]} points */
  trace(points) {
    this.pen.beginPath();
    points.forEach((point) => this.pen.lineTo(...this.toPx(point)));
  }

  /** @param {Point[]} points */
  path(points) {
    const colour = toCss(this.view.theme.ink);
    this.trace(points);
    this.strokeWithHalo(colour, 1.75);
    points.forEach((point) => this.disc(this.toPx(point), 2.5, colour));
  }

  /** @param {{ points: Point[], dash: number[] }} line */
  line({ points, dash }) {
    const { pen } = this;
    this.trace(points);
    pen.lineCap = "butt";
    pen.setLineDash(dash);
    this.strokeWithHalo(toCss(this.view.theme.ink, 0.85), 1.75);
    pen.setLineDash([]);
    pen.lineCap = "round";
  }

  // The step that is looked at.
  /** @param {Point} coords */
  step(coords) {
    this.ring(this.toPx(coords), 8, this.view.theme.accent, 2.5);
  }

  // One and two standard deviations, to scale; the axes are those of the covariance.
  /** @param {Ellipse} ellipse */
  ellipse({ center, cov }) {
    const { pen } = this;
    const { camera, theme } = this.view;
    const { major, minor, angle } = ellipseOf(cov);
    const units = camera.unitsPerPx;
    const [x, y] = this.toPx(center);
    for (const sigmas of [2, 1]) {
      pen.beginPath();
      // y points up on the plane
      pen.ellipse(x, y, (sigmas * major) / units, (sigmas * minor) / units, -angle, 0, 2 * Math.PI);
      pen.fillStyle = toCss(theme.accent, 0.1);
      pen.fill();
      this.strokeWithHalo(toCss(theme.accent), sigmas === 1 ? 2 : 1.25);
    }
  }

  /** @param {Point} coords */
  highlight(coords) {
    this.ring(this.toPx(coords), 6.5, this.view.theme.ink, 1.75);
  }

  // Ends are discs, way-points diamonds: neither is a dot, nor a digit on its cluster.
  /** @param {Mark} mark */
  mark({ coords, text, isOnWay }) {
    const { pen } = this;
    const { theme } = this.view;
    const [x, y] = this.toPx(coords);
    if (isOnWay) this.diamond([x, y], 13, toCss(theme.ink));
    else this.disc([x, y], 10, toCss(theme.ink));
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `700 12px ${theme.font}`;
    pen.fillStyle = toCss(theme.paper);
    pen.fillText(text, x, y + 0.5);
  }

  // With an ellipse to be seen round it the pin is only its dot: a ring would pass for a contour.
  /** @param {Pin} pin @param {Ellipse | null} ellipse */
  pin({ coords }, ellipse) {
    const { accent } = this.view.theme;
    const at = this.toPx(coords);
    const hasRing = !ellipse || this.isWithinRing(ellipse);
    if (hasRing) this.ring(at, PIN_RADIUS, accent, 2.5);
    this.disc(at, hasRing ? 1.75 : 2.5, toCss(accent));
  }

  // Whether an ellipse is too small on screen, even at two sigmas, to mark a place by itself.
  /** @param {Ellipse} ellipse */
  isWithinRing({ cov }) {
    const widest = Math.sqrt(Math.max(cov[0][0], cov[1][1]));
    return (2 * widest) / this.view.camera.unitsPerPx < PIN_RADIUS - 2;
  }

  // A lasso or a box under way.
  /** @param {Point[]} polygon */
  shape(polygon) {
    const { pen } = this;
    const { theme } = this.view;
    this.trace(polygon);
    pen.closePath();
    pen.fillStyle = toCss(theme.accent, 0.1);
    pen.fill();
    pen.setLineDash([5, 4]);
    this.strokeWithHalo(toCss(theme.accent), 1.5);
    pen.setLineDash([]);
  }
}

// The digits in sight whose thumbnails fit without touching, [row, left, top]; null if the view
// is too crowded. `missing` gets the digits whose pictures have not come.
/**
 * @param {Points} points @param {SizedView} view @param {Set<number>} missing
 * @returns {Thumbnail[] | null}
 */
export function fitThumbnails(points, { width, height, camera }, missing) {
  const { side, frame, most, crowding } = THUMBNAIL;
  const rows = points.index.inside(camera.rectangle(side), most);
  if (!rows || rows.length * side * side > crowding * width * height) return null;
  const { coords } = points.sections;
  const cell = side + 2 * frame + 1;
  /** @type {Map<string, Point[]>} */
  const taken = new Map();
  /** @type {Thumbnail[]} */
  const shown = [];
  for (const row of rows.sort((a, b) => a - b)) {
    const [x, y] = camera.toPx([coords[2 * row], coords[2 * row + 1]]);
    const [column, line] = [Math.floor(x / cell), Math.floor(y / cell)];
    let isFree = true;
    for (let j = line - 1; j <= line + 1; j++) {
      for (let i = column - 1; i <= column + 1; i++) {
        for (const [ox, oy] of taken.get(`${i},${j}`) ?? []) {
          isFree &&= Math.abs(ox - x) >= cell || Math.abs(oy - y) >= cell;
        }
      }
    }
    if (!isFree) continue;
    if (!pictureOf(row + points.first_id)) {
      missing.add(row + points.first_id);
      continue;
    }
    const key = `${column},${line}`;
    taken.set(key, [...(taken.get(key) ?? []), [x, y]]);
    shown.push([row, Math.round(x - side / 2), Math.round(y - side / 2)]);
  }
  return shown;
}

// Digits' pictures as small canvases, for one theme.
export class Sprites {
  constructor() {
    /** @type {Map<number, OffscreenCanvas>} */
    this.canvases = new Map();
    this.theme = "";
  }

  /** @param {number} id whose picture has come @param {MapTheme} theme */
  of(id, theme) {
    if (this.theme !== theme.name) this.canvases.clear();
    this.theme = theme.name;
    let canvas = this.canvases.get(id);
    if (!canvas) {
      canvas = new OffscreenCanvas(SIDE, SIDE);
      penOf(canvas).putImageData(inkImage(pictureOf(id) ?? [], theme.dark), 0, 0);
      this.canvases.set(id, canvas);
      for (const old of this.canvases.keys()) {
        if (this.canvases.size <= KEPT_SPRITES) break;
        this.canvases.delete(old);
      }
    }
    return canvas;
  }
}
