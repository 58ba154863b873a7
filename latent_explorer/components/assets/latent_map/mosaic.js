// The decoded manifold: tiles on a lattice of the plane, decoded by a worker, the middle first.

import { Background } from "./background.js";
import { levelOf } from "./theme.js";

const LARGEST = 72; // css px a side; a tile is at least half as large
const BATCH = 40; // tiles a message: 5 ms of work with SIMD, 25 ms without
const KEPT = 4_000; // tiles; 784 bytes each
const OPACITY = 0.85;

export class Mosaic {
  constructor(onChange) {
    this.onChange = onChange;
    this.ink = new Map(); // "level,i,j" -> 784 bytes, those drawn long ago first
    this.asked = new Set();
    this.sheet = null; // what is drawn: a canvas of tiles
  }

  stop() {
    this.worker?.stop();
    this.worker = this.decoder = this.sheet = null;
  }

  use(decoder) {
    if (this.decoder?.id === decoder.id) return;
    this.decoder = decoder;
    this.ink.clear();
    this.asked.clear();
    this.sheet = this.backdrop = null;
    this.isTold = false;
  }

  // Doubles or halves its tiles as one zooms, so that the lattice is the same for everyone.
  lattice({ camera }) {
    const level = Math.floor(Math.log2(LARGEST * camera.unitsPerPx));
    const units = 2 ** level; // a tile's side on the plane
    const [x0, x1, y0, y1] = camera.rectangle();
    const at = (v) => Math.floor(v / units);
    return { level, units, i0: at(x0), i1: at(x1), j0: at(y0), j1: at(y1) };
  }

  // Draws what there is, and asks for the rest; true when nothing is missing.
  paint(pen, view) {
    const { ratio, camera, theme } = view;
    const lattice = this.lattice(view);
    const isSame =
      this.sheet?.theme === theme.name &&
      this.sheet.level === lattice.level &&
      ["i0", "j0"].every((k) => this.sheet[k] <= lattice[k]) &&
      ["i1", "j1"].every((k) => this.sheet[k] >= lattice[k]);
    if (!isSame) this.lay(lattice, theme);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.globalAlpha = OPACITY;
    pen.imageSmoothingEnabled = true;
    for (const sheet of [this.backdrop, this.sheet]) {
      if (!sheet || sheet.theme !== theme.name) continue;
      const [left, top] = camera.toPx([sheet.i0 * sheet.units, (sheet.j1 + 1) * sheet.units]);
      const side = sheet.units / camera.unitsPerPx;
      pen.drawImage(sheet.canvas, left, top, sheet.wide * side, sheet.high * side);
    }
    pen.globalAlpha = 1;
    this.ask(view);
    return this.sheet.missing === 0;
  }

  // A new sheet; the old one stays beneath it until the new one is complete.
  lay(lattice, theme) {
    if (this.sheet && this.sheet.missing < this.sheet.wide * this.sheet.high) {
      this.backdrop = this.sheet;
    }
    const wide = lattice.i1 - lattice.i0 + 1;
    const high = lattice.j1 - lattice.j0 + 1;
    const canvas = new OffscreenCanvas(28 * wide, 28 * high);
    const pen = canvas.getContext("2d");
    this.sheet = { ...lattice, theme: theme.name, dark: theme.dark, wide, high, canvas, pen };
    this.sheet.missing = wide * high;
    this.eachTile((key, i, j) => {
      const ink = this.ink.get(key);
      if (ink) this.put(ink, i, j);
    });
    if (!this.sheet.missing) this.backdrop = null;
  }

  eachTile(visit) {
    const { level, i0, i1, j0, j1 } = this.sheet;
    for (let j = j0; j <= j1; j++) {
      for (let i = i0; i <= i1; i++) visit(`${level},${i},${j}`, i, j);
    }
  }

  put(ink, i, j) {
    const { pen, i0, j1, dark } = this.sheet;
    const image = new ImageData(28, 28);
    for (let k = 0; k < 784; k++) {
      const level = levelOf(ink[k], dark);
      image.data[4 * k] = image.data[4 * k + 1] = image.data[4 * k + 2] = level;
      image.data[4 * k + 3] = 255;
    }
    pen.putImageData(image, 28 * (i - i0), 28 * (j1 - j));
    this.sheet.missing--;
  }

  // Starts the worker and gives it the decoder, which takes longer than a batch of tiles.
  wake() {
    if (this.isTold || !this.decoder) return;
    this.worker ??= new Background();
    const { decode, ...payload } = this.decoder; // a function cannot be sent
    this.worker.ask("decoder", { payload });
    this.isTold = true;
  }

  // One batch at a time, so that a changed view is answered at once: nothing queues. The next one
  // does not wait for a frame.
  async ask({ camera }) {
    if (this.isAsking || !this.decoder || !this.sheet?.missing) return;
    const { units } = this.sheet;
    const wanted = [];
    this.eachTile((key, i, j) => {
      if (this.ink.has(key)) return;
      const place = [(i + 0.5) * units, (j + 0.5) * units];
      wanted.push({ key, i, j, place, far: Math.hypot(place[0] - camera.x, place[1] - camera.y) });
    });
    if (!wanted.length) return;
    wanted.sort((a, b) => a.far - b.far);
    const batch = wanted.slice(0, BATCH);
    this.isAsking = true;
    const { decoder } = this;
    let ink;
    try {
      this.wake();
      const places = Float64Array.from(batch.flatMap(({ place }) => place));
      ({ ink } = await this.worker.ask("tiles", { decoderId: decoder.id, places }));
      if (ink && decoder === this.decoder) this.take(batch, ink);
    } finally {
      this.isAsking = false;
    }
    this.onChange();
    if (ink) this.ask({ camera });
  }

  take(batch, ink) {
    const { level, i0, i1, j0, j1 } = this.sheet;
    batch.forEach(({ key, i, j }, k) => {
      const one = ink.subarray(784 * k, 784 * (k + 1));
      this.ink.set(key, one);
      const isShown = key.startsWith(`${level},`) && i >= i0 && i <= i1 && j >= j0 && j <= j1;
      if (isShown) this.put(one, i, j);
    });
    if (!this.sheet.missing) this.backdrop = null;
    for (const key of this.ink.keys()) {
      if (this.ink.size <= KEPT) break;
      this.ink.delete(key);
    }
  }
}
