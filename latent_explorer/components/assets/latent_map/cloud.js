// The digits as dots, blended into pixels without a GPU and kept as square tiles of the plane.
//
// Panning moves the tiles and blends only what comes into sight; a change of scale or of looks
// makes all tiles anew. In software this takes a fraction of the time of WebGL.

import { clamp } from "./geometry.js";

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
export function dotLook(n, shorterSide, magnification) {
  const crowding = (Math.sqrt(n / 10_000) * 640) / shorterSide;
  const radius = 1.9 * crowding ** -0.42 * Math.max(1, magnification) ** 0.45;
  const opacity = 0.8 * crowding ** -0.35 * Math.max(1, magnification) ** 0.25;
  return { radius: clamp(radius, 0.8, 5.5), opacity: clamp(opacity, 0.3, 0.92) };
}

export class Cloud {
  constructor() {
    this.pixels = new Int32Array(STRIDE * STRIDE); // premultiplied, ABGR
    this.image = new ImageData(TILE, TILE);
    this.generation = null;
    this.cost = 0; // ms of the last full painting
  }

  // Draws what is in sight. `look` = { name, classes, colours, front, isDimming, hidden }: equal
  // names look alike; classes[row] is an index into colours, front[row] marks who stands out.
  // Returns whether the picture is final, or stretched while the view still changes.
  paint(pen, points, view, look, mayStretch) {
    const { width, height, ratio, camera } = view;
    const scale = ratio / camera.unitsPerPx;
    const left = (width * ratio) / 2 - camera.x * scale;
    const top = (height * ratio) / 2 + camera.y * scale;
    const name = `${points.id}/${look.name}/${ratio}`;
    const old = this.generation;
    const isOther = old?.name !== name;
    if (!isOther && old.scale !== scale && mayStretch && this.cost > PATIENCE_MS) {
      this.drawTiles(pen, view, scale / old.scale, left, top, old);
      return false;
    }
    if (isOther || old.scale !== scale) {
      const shorter = Math.min(width, height);
      const { radius, opacity } = dotLook(points.n, shorter, camera.magnification);
      const size = Math.min(radius * ratio, MARGIN / 2);
      const back = look.isDimming ? opacity * DIMMED : opacity;
      this.generation = {
        name,
        scale,
        // where the plane's origin falls within a pixel: kept while panning by whole pixels
        phase: [left - Math.floor(left), top - Math.floor(top)],
        tiles: new Map(),
        reach: Math.min(size * FRONT.size, MARGIN / 2) + 2,
        stencils: [
          makeStencils(size, back),
          makeStencils(Math.min(size * FRONT.size, MARGIN / 2), FRONT.opacity),
        ],
      };
    }
    const start = performance.now();
    const isAll = this.generation.tiles.size === 0;
    this.drawTiles(pen, view, 1, left, top, this.generation, (tile) =>
      this.makeTile(points, look, this.generation, tile),
    );
    if (isAll) this.cost = performance.now() - start;
    return true;
  }

  drawTiles(pen, { width, height, ratio }, stretch, left, top, generation, make = () => null) {
    const { phase, tiles } = generation;
    const side = TILE * stretch;
    const isExact = stretch === 1;
    const snap = isExact ? Math.round : (v) => v;
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
  makeTile(points, look, { scale, phase, stencils, reach }, [i, j]) {
    const [left, top] = [i * TILE, j * TILE];
    const toX = (px) => (px - phase[0]) / scale;
    const toY = (px) => (phase[1] - px) / scale;
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
    canvas.getContext("2d").putImageData(this.image, 0, 0);
    return canvas;
  }

  // Blends dots over the pixels; two of the four channels share each multiplication.
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
