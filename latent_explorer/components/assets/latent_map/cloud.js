// The digits as dots, blended into pixels without a GPU and kept as square tiles of the plane.
//
// Panning moves the tiles and blends only what comes into sight; a change of scale or of looks
// makes all tiles anew. In software this takes a fraction of the time of WebGL.

import { penOf } from "../shared/elements.js";
import { clamp } from "./geometry.js";

/** @import {DotsLook, PaintView, Pen, Point, Points, Rectangle, SizedView} from "./types.d.ts" */
/**
 * @typedef {object} Generation tiles of one scale and look
 * @property {string} name
 * @property {number} scale
 * @property {Point} phase where the plane's origin falls within a pixel: kept while panning by whole
 *   pixels
 * @property {Map<string, OffscreenCanvas | null>} tiles null for an empty one
 * @property {number} reach
 * @property {Int32Array[][]} stencils
 */

const TILE = 256; // px a side
const MARGIN = 48; // px round a tile's pixels, so that dots at its edge need no bounds checks
const STRIDE = TILE + 2 * MARGIN;
const PHASES = 4; // sub-pixel positions of a dot, per axis
const KEPT_TILES = 96;
const PATIENCE_MS = 9; // when all tiles took longer, a zoom stretches the old ones until it rests
const FRONT = { size: 1.25, opacity: 0.95 }; // of dots that stand out, relative to the others
const DIMMED = 0.22; // opacity of the others then

// Discs of one radius at PHASES x PHASES sub-pixel positions, as offsets into the pixels and
// coverages 0..256. Looking these up is what makes 70,000 smooth points affordable.
/** @param {number} radius @param {number} opacity */
function makeStencils(radius, opacity) {
  const reach = Math.ceil(radius + 1);
  const stencils = [];
  for (let phase = 0; phase < PHASES * PHASES; phase++) {
    const cx = ((phase % PHASES) + 0.5) / PHASES - 0.5;
    const cy = (Math.floor(phase / PHASES) + 0.5) / PHASES - 0.5;
    const cells = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const coverage = Math.min(1, radius + 0.5 - Math.hypot(x - cx, y - cy));
        if (coverage > 0.04) cells.push(y * STRIDE + x, Math.round(coverage * opacity * 256));
      }
    }
    stencils.push(Int32Array.from(cells));
  }
  return stencils;
}

// Many points are small and translucent, few are large and solid; both grow as one zooms in.
/** @param {number} n @param {number} shorterSide @param {number} magnification */
export function dotLook(n, shorterSide, magnification) {
  const crowding = (Math.sqrt(n / 10_000) * 640) / shorterSide;
  const radius = 1.9 * crowding ** -0.42 * Math.max(1, magnification) ** 0.45;
  const opacity = 0.8 * crowding ** -0.35 * Math.max(1, magnification) ** 0.25;
  return { radius: clamp(radius, 0.8, 5.5), opacity: clamp(opacity, 0.3, 0.92) };
}

/**
 * @param {string} name @param {number} scale @param {Point} origin of the plane, canvas px
 * @param {PaintView} view @param {number} n of the points @param {boolean} isDimming
 * @returns {Generation}
 */
function newGeneration(name, scale, [left, top], { width, height, camera, ratio }, n, isDimming) {
  const { radius, opacity } = dotLook(n, Math.min(width, height), camera.magnification);
  const size = Math.min(radius * ratio, MARGIN / 2);
  const frontSize = Math.min(size * FRONT.size, MARGIN / 2);
  return {
    name,
    scale,
    phase: [left - Math.floor(left), top - Math.floor(top)],
    tiles: new Map(),
    reach: frontSize + 2,
    stencils: [
      makeStencils(size, isDimming ? opacity * DIMMED : opacity),
      makeStencils(frontSize, FRONT.opacity),
    ],
  };
}

export class Cloud {
  constructor() {
    this.pixels = new Int32Array(STRIDE * STRIDE); // premultiplied, ABGR
    this.image = new ImageData(TILE, TILE);
    /** @type {Generation | null} */
    this.generation = null;
    this.cost = 0; // ms of the last full painting
  }

  // Draws what is in sight; looks of equal names look alike.
  // Returns whether the picture is final, or stretched while the view still changes.
  /**
   * @param {Pen} pen @param {Points} points @param {PaintView} view @param {DotsLook} look
   * @param {boolean} mayStretch
   */
  paint(pen, points, view, look, mayStretch) {
    const { width, height, ratio, camera } = view;
    const scale = ratio / camera.unitsPerPx;
    const left = (width * ratio) / 2 - camera.x * scale;
    const top = (height * ratio) / 2 + camera.y * scale;
    const name = `${points.id}/${look.name}/${ratio}`;
    const old = this.generation;
    const isSame = old !== null && old.name === name;
    if (isSame && old.scale !== scale && mayStretch && this.cost > PATIENCE_MS) {
      this.drawTiles(pen, view, scale / old.scale, left, top, old);
      return false;
    }
    const generation =
      isSame && old.scale === scale
        ? old
        : newGeneration(name, scale, [left, top], view, points.n, look.isDimming);
    this.generation = generation;
    const start = performance.now();
    const isAll = generation.tiles.size === 0;
    this.drawTiles(pen, view, 1, left, top, generation, (tile) =>
      this.makeTile(points, look, generation, tile),
    );
    if (isAll) this.cost = performance.now() - start;
    return true;
  }

  /**
   * @param {Pen} pen @param {PaintView} view @param {number} stretch @param {number} left
   * @param {number} top @param {Generation} generation
   * @param {(tile: Point) => OffscreenCanvas | null} make
   */
  drawTiles(pen, { width, height, ratio }, stretch, left, top, generation, make = () => null) {
    const { phase, tiles } = generation;
    const side = TILE * stretch;
    const isExact = stretch === 1;
    const snap = isExact ? Math.round : (/** @type {number} */ v) => v;
    const [x0, y0] = [snap(left - phase[0] * stretch), snap(top - phase[1] * stretch)];
    const [wide, high] = [width * ratio, height * ratio];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (let j = Math.floor(-y0 / side); j * side + y0 < high; j++) {
      for (let i = Math.floor(-x0 / side); i * side + x0 < wide; i++) {
        const key = `${i},${j}`;
        let tile = tiles.get(key);
        if (tile === undefined) {
          tile = make([i, j]);
          if (isExact) tiles.set(key, tile);
        }
        if (tile) pen.drawImage(tile, x0 + i * side, y0 + j * side, side, side);
      }
    }
    for (const key of tiles.keys()) {
      if (tiles.size <= KEPT_TILES) break;
      tiles.delete(key); // those drawn long ago come first
    }
  }

  // One tile, or null if it is empty.
  /** @param {Points} points @param {DotsLook} look @param {Generation} generation @param {Point} tile */
  makeTile(points, look, { scale, phase, stencils, reach }, [i, j]) {
    const [left, top] = [i * TILE, j * TILE];
    const toX = (/** @type {number} */ px) => (px - phase[0]) / scale;
    const toY = (/** @type {number} */ px) => (phase[1] - px) / scale;
    /** @type {Rectangle} */
    const rectangle = [
      toX(left - reach),
      toX(left + TILE + reach),
      toY(top + TILE + reach),
      toY(top - reach),
    ];
    const place = { scale, left: phase[0] - left + MARGIN, top: phase[1] - top + MARGIN };
    let drawn = 0;
    for (const isFront of look.front ? [0, 1] : [0]) {
      points.index.eachRange(rectangle, (from, to) => {
        drawn += this.blend(points.index, from, to, place, stencils[isFront], look, isFront);
      });
    }
    if (!drawn) return null;
    this.unload();
    const canvas = new OffscreenCanvas(TILE, TILE);
    penOf(canvas).putImageData(this.image, 0, 0);
    return canvas;
  }

  // Blends dots over the pixels; two of the four channels share each multiplication.
  /**
   * @param {Points["index"]} index @param {number} from @param {number} to
   * @param {{ scale: number, left: number, top: number }} place @param {Int32Array[]} stencils
   * @param {DotsLook} look @param {number} isFront
   */
  blend({ sorted, order }, from, to, { scale, left, top }, stencils, look, isFront) {
    const { pixels } = this;
    const { classes, colours, front, hidden } = look;
    const low = (MARGIN >> 1) * PHASES;
    const high = (STRIDE - (MARGIN >> 1)) * PHASES;
    let drawn = 0;
    for (let k = from; k < to; k++) {
      const x = ((sorted[2 * k] * scale + left) * PHASES) | 0;
      const y = ((top - sorted[2 * k + 1] * scale) * PHASES) | 0;
      if (x < low || x >= high || y < low || y >= high) continue;
      const row = order[k];
      if (front && front[row] !== isFront) continue;
      if (hidden?.has(row)) continue;
      drawn++;
      const cells = stencils[(y % PHASES) * PHASES + (x % PHASES)];
      const at = ((y / PHASES) | 0) * STRIDE + ((x / PHASES) | 0);
      const colour = colours[classes[row]];
      const redBlue = colour & 0xff00ff;
      const greenAlpha = (colour >>> 8) & 0xff00ff;
      for (let c = 0; c < cells.length; c += 2) {
        const under = pixels[at + cells[c]];
        const cover = cells[c + 1];
        const keep = 256 - cover;
        const rb = Math.imul(redBlue, cover) + Math.imul(under & 0xff00ff, keep);
        const ga = Math.imul(greenAlpha, cover) + Math.imul((under >>> 8) & 0xff00ff, keep);
        pixels[at + cells[c]] = ((rb >>> 8) & 0xff00ff) | (ga & 0xff00ff00);
      }
    }
    return drawn;
  }

  // Moves the pixels into the image, no longer premultiplied, and empties them.
  unload() {
    const { pixels, image } = this;
    const out = new Int32Array(image.data.buffer);
    for (let y = 0; y < TILE; y++) {
      const start = (y + MARGIN) * STRIDE + MARGIN;
      for (let x = 0; x < TILE; x++) {
        const pixel = pixels[start + x];
        const alpha = pixel >>> 24;
        if (alpha === 0 || alpha > 253) out[y * TILE + x] = pixel;
        else {
          const share = 255 / alpha;
          const red = Math.min(255, (pixel & 255) * share);
          const green = Math.min(255, ((pixel >>> 8) & 255) * share);
          const blue = Math.min(255, ((pixel >>> 16) & 255) * share);
          out[y * TILE + x] = (pixel & 0xff000000) | (blue << 16) | (green << 8) | red;
        }
      }
    }
    pixels.fill(0);
  }
}
