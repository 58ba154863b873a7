// Plays a training: points, a decoded mosaic and a digit's way move linearly between snapshots.
// Streamlit calls the default export again when data or theme change.

import { fromBase64 } from "../shared/bytes.js";
import { moveDots, paintDots } from "../shared/dots.js";
import { find, make, penOf } from "../shared/elements.js";
import { levelOf, paintDigit, PIXELS, SIDE } from "../shared/ink.js";
import { number } from "../shared/numbers.js";
import { isStill } from "../shared/player.js";
import { Stage } from "../shared/stage.js";
import { toCss, toPixel } from "../shared/theme.js";

/** @import {Curve, Film, Look, Mount, TimelineData} from "../shared/types.d.ts" */

const STEP_LASTS = 900; // ms from snapshot to snapshot
const KEPT = 4; // films
const HEIGHT = 58; // of a curve, in its own units
const TICKS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]; // epochs

// Both outlive reruns and changes of page.
/** @type {Map<string, Film>} */
const films = new Map(); // id -> film, oldest first
/** @type {Map<string, TimelineData["start"]>} */
const seen = new Map(); // name of a training -> its moment and look when last seen
/** @type {Map<HTMLElement, Board>} */
const boards = new Map(); // what is on the page

/** @param {Mount<TimelineData | Uint8Array>} mount */
export default function ({ data, parentElement, setTriggerValue }) {
  const root = find(parentElement, ".timeline", HTMLElement);
  if (data instanceof Uint8Array) {
    root.replaceChildren(); // brings the film, shows nothing
    root.removeAttribute("data-testid");
    keepFilm(data);
    return () => {};
  }
  const board = boards.get(root) ?? new Board(root, data);
  boards.set(root, board);
  board.choose = (row) => setTriggerValue("choose", row);
  board.show(data);
  return () => {
    board.stop();
    boards.delete(root);
  };
}

/** @param {Uint8Array} bytes */
function keepFilm(bytes) {
  const film = readFilm(bytes);
  if (!films.has(film.id)) films.set(film.id, film);
  for (const old of [...films.keys()].slice(0, -KEPT)) films.delete(old);
  boards.forEach((board) => board.draw());
}

// What pack_film of components/timeline.py packed.
/** @param {Uint8Array} bytes @returns {Film} */
function readFilm(bytes) {
  const start = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)));
  const { n, moments, grid } = head;
  const body = bytes.slice(start).buffer; // a copy, which starts at a multiple of 4
  const nCoords = moments * n * 2;
  const side = grid * SIDE;
  return {
    ...head,
    side,
    coords: new Float32Array(body, 0, nCoords),
    labels: new Uint8Array(body, 4 * nCoords, n),
    mosaics: new Uint8Array(body, 4 * nCoords + n, moments * side * side),
  };
}

/** @extends {Stage<TimelineData>} */
class Board extends Stage {
  /** @param {HTMLElement} root @param {TimelineData} data */
  constructor(root, data) {
    super(root, data, 0.05, {
      take: () => this.take(),
      draw: () => this.draw(),
      way: () => this.way(),
      pick: (event) => this.pick(event),
      seen: (at) => ({ at, look: this.look }),
    });
    this.original = find(root, ".original", HTMLCanvasElement);
    this.reconstruction = find(root, ".reconstruction", HTMLCanvasElement);
    this.now = this.element("now");
    this.curves = this.element("curves");
    this.ticks = this.element("ticks");
    this.cloud = document.createElement("canvas");
    this.paper = document.createElement("canvas");
    this.cloud.width = this.cloud.height = 1;
    this.tiles = penOf(this.paper).createImageData(1, 1);
    for (const canvas of [this.original, this.reconstruction]) canvas.width = canvas.height = SIDE;
    this.i = this.share = 0;
    /** @type {(row: number) => void} */
    this.choose = () => {};
    this.looks = [...root.querySelectorAll("button")].filter((button) => button.dataset.look);
    for (const button of this.looks) {
      const look = /** @type {Look} */ (button.dataset.look);
      button.addEventListener("click", () => this.setLook(look), this.listeners);
    }
    this.name = ""; // of the training
    this.opening = -1; // of the address that said where to start
    this.look = data.start.look;
    this.pictures = new Uint8Array();
    /** @type {ReturnType<typeof drawCurve>[]} */
    this.drawn = [];
  }

  take() {
    const { name, start, epochs } = this.data;
    this.slider.max = String(epochs.length - 1);
    if (this.name !== name || this.opening !== start.opening) {
      this.name = name;
      this.opening = start.opening;
      this.player.pause();
      const kept = seen.get(name);
      const { at, look } = kept && kept.opening >= start.opening ? kept : start; // when last seen
      this.player.at = at;
      this.look = look;
    }
    this.showFollowed();
    this.showCurves();
  }

  showFollowed() {
    const { followed } = this.data;
    this.followed.hidden = !followed;
    if (!followed) return;
    this.pictures = fromBase64(followed.reconstructions);
    this.original.setAttribute("aria-label", "The digit that is followed");
    paintDigit(this.original, fromBase64(followed.original), this.theme);
  }

  /** @param {Look} look */
  setLook(look) {
    this.look = look;
    this.draw();
  }

  /** @param {MouseEvent} event */
  pick({ offsetX, offsetY }) {
    const row = this.rowAt([offsetX, offsetY]);
    if (row >= 0) this.choose(row);
  }

  // ---- time

  // Epochs on an axis that is linear near 0, where the untrained network is, and then logarithmic.
  /** @param {number} epoch */
  warp(epoch) {
    const { epochs } = this.data; // rising, hence the second is above 0
    const first = epochs[0] || epochs[1];
    return Math.log1p(epoch / first) / Math.log1p(epochs[epochs.length - 1] / first);
  }

  // Where the present moment lies on that axis, from 0 to 1.
  get along() {
    const [a, b] = [this.warp(this.data.epochs[this.i]), this.warp(this.data.epochs[this.i + 1])];
    return a * (1 - this.share) + b * this.share;
  }

  // On from here, or from the start if it is over; by whole snapshots for those who want no motion.
  way() {
    const end = this.data.epochs.length - 1;
    const from = this.player.at < end ? this.player.at : 0;
    const isStepwise = isStill();
    return (/** @type {number} */ passed) => {
      const steps = passed / STEP_LASTS;
      const at = Math.min(end, from + (isStepwise ? Math.floor(steps) : steps));
      if (at !== this.player.at) {
        this.player.at = at;
        this.draw();
      }
      return at < end;
    };
  }

  // ---- pictures

  draw() {
    const film = films.get(this.data.film);
    const pixels = this.fit();
    if (!film || !pixels) return;
    const value = this.player.at;
    const known = seen.get(this.name)?.opening ?? 0;
    const opening = Math.max(known, this.opening);
    seen.set(this.name, { at: value, look: this.look, opening });
    this.follow();
    this.i = Math.min(Math.floor(value), film.moments - 2);
    this.share = value - this.i;
    this.scale = this.side / 2 / film.half;
    this.place(film);
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.clearRect(0, 0, pixels, pixels);
    if (this.look !== "points") this.drawMosaic(film, pixels);
    if (this.look !== "mosaic") this.drawPoints(film, pixels);
    this.pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    if (this.look !== "mosaic") this.drawNames(film.labels);
    this.drawWay(film);
    this.drawHover(film);
    this.say(film, value);
    this.markCurves();
  }

  // Where each point is now.
  /** @param {Film} film */
  place({ n, coords }) {
    if (this.at.length !== 2 * n) this.at = new Float32Array(2 * n);
    const snapshot = (/** @type {number} */ i) => coords.subarray(2 * n * i, 2 * n * (i + 1));
    moveDots(snapshot(this.i), snapshot(this.i + 1), this.share, this.at);
  }

  /** @param {Film} film @param {number} pixels */
  drawMosaic({ side, mosaics }, pixels) {
    const pen = penOf(this.paper);
    if (this.tiles.width !== side) {
      this.paper.width = this.paper.height = side;
      this.tiles = pen.createImageData(side, side);
    }
    const colours = Uint32Array.from({ length: 256 }, (_, ink) => {
      const level = levelOf(ink, this.theme.dark);
      return toPixel([level, level, level]);
    });
    const out = new Uint32Array(this.tiles.data.buffer);
    const a = this.i * side * side;
    const b = a + side * side;
    const [t, s] = [this.share, 1 - this.share];
    for (let k = 0; k < out.length; k++) {
      out[k] = colours[Math.round(mosaics[a + k] * s + mosaics[b + k] * t)];
    }
    pen.putImageData(this.tiles, 0, 0);
    this.pen.globalAlpha = this.look === "both" ? 0.35 : 1;
    this.pen.imageSmoothingEnabled = true;
    this.pen.drawImage(this.paper, 0, 0, pixels, pixels);
    this.pen.globalAlpha = 1;
  }

  /** @param {Film} film @param {number} pixels */
  drawPoints({ labels }, pixels) {
    if (this.cloud.width !== pixels) this.cloud.width = this.cloud.height = pixels;
    paintDots(this.image, this.at, labels, this.colours, this.scale, devicePixelRatio);
    penOf(this.cloud).putImageData(this.image, 0, 0);
    this.pen.drawImage(this.cloud, 0, 0);
  }

  // The followed digit's way through training: a dot per snapshot, a ring where it is now.
  /** @param {Film} film */
  drawWay({ n, coords, moments }) {
    const { followed } = this.data;
    if (!followed) return;
    const { row } = followed;
    const places = Array.from({ length: moments }, (_, i) => this.placeIn(coords, i * n + row));
    const [ink, paper] = [toCss(this.theme.ink), toCss(this.theme.paper)];
    const { pen } = this;
    pen.lineJoin = "round";
    for (const { colour, width } of [
      { colour: paper, width: 4.5 },
      { colour: ink, width: 1.75 },
    ]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      places.forEach((place) => pen.lineTo(...place));
      pen.stroke();
    }
    for (const { colour, radius } of [
      { colour: paper, radius: 4 },
      { colour: ink, radius: 2.75 },
    ]) {
      pen.fillStyle = colour;
      for (const place of places) {
        pen.beginPath();
        pen.arc(...place, radius, 0, 2 * Math.PI);
        pen.fill();
      }
    }
    this.ring(row);
    const i = Math.round(this.i + this.share);
    const picture = this.pictures.subarray(PIXELS * i, PIXELS * (i + 1));
    paintDigit(this.reconstruction, picture, this.theme);
    this.reconstruction.setAttribute("aria-label", `Reconstructed by snapshot ${i + 1}`);
    this.reconstruction.dataset.snapshot = String(i);
  }

  /** @param {number} row */
  ring(row) {
    const { pen } = this;
    for (const { colour, width } of [
      { colour: this.theme.paper, width: 5 },
      { colour: this.theme.ink, width: 2 },
    ]) {
      pen.strokeStyle = toCss(colour);
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(...this.placeIn(this.at, row), 7, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  /** @param {Film} film */
  drawHover({ labels }) {
    const row = this.rowAt(this.pointer);
    this.tip.hidden = row < 0;
    if (row < 0) return;
    this.ring(row);
    this.showTip(`test #${row.toLocaleString("en-US")}, a ${labels[row]}`, row);
  }

  /** @param {Film} film @param {number} value */
  say({ n, half }, value) {
    const { epochs } = this.data;
    const isAt = Number.isInteger(value);
    const first = isAt ? value : this.i;
    const epoch = (/** @type {number} */ i) =>
      Number(epochs[i].toPrecision(3)).toLocaleString("en-US");
    const where = isAt
      ? `Epoch ${epoch(first)}: snapshot ${first + 1} of ${epochs.length}.`
      : `Between epoch ${epoch(first)} and ${epoch(first + 1)}: interpolated, not a network.`;
    const untrained = isAt && epochs[first] === 0 ? " The network is untrained." : "";
    this.now.textContent = where + untrained;
    this.slider.setAttribute("aria-valuetext", where + untrained);
    for (const button of this.looks) {
      button.setAttribute("aria-pressed", String(button.dataset.look === this.look));
    }
    Object.assign(this.root.dataset, {
      ready: "true",
      t: value,
      look: this.look,
      points: n,
      half,
    });
  }

  // ---- curves

  showCurves() {
    const places = this.data.epochs.map((epoch) => this.warp(epoch) * 100);
    this.drawn = this.data.curves.map((curve) => drawCurve(curve, places));
    this.curves.replaceChildren(...this.drawn.map(({ box }) => box));
    this.showTicks();
  }

  showTicks() {
    const last = this.data.epochs[this.data.epochs.length - 1];
    const shown = this.drawn.length
      ? [...TICKS.filter((tick) => tick < last && this.warp(tick) < 0.9), last]
      : [];
    let before = -1;
    const spans = [];
    for (const tick of shown) {
      const at = this.warp(tick);
      if (at - before < 0.1) continue;
      before = at;
      const place = at === 0 ? "first" : at === 1 ? "last" : "";
      const span = make("span", place, String(Number(tick.toPrecision(3))));
      span.style.left = `${100 * at}%`;
      spans.push(span);
    }
    const axis = "epoch, linear near 0, then logarithmic";
    if (shown.length) spans.push(make("span", "axis", axis));
    this.ticks.replaceChildren(...spans);
  }

  // Figures are of the nearest snapshot: there is no network in between.
  markCurves() {
    const i = Math.round(this.i + this.share);
    const x = String(100 * this.along);
    for (const { curve, value, mark } of this.drawn) {
      mark.setAttribute("x1", x);
      mark.setAttribute("x2", x);
      value.textContent = write(curve, curve.values[i]);
    }
  }
}

// A curve's title, its figure now, and its line with a mark at the present moment.
/** @param {Curve} curve @param {number[]} places of the snapshots, from 0 to 100 */
function drawCurve(curve, places) {
  const { values } = curve;
  const known = values.filter((v) => v !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = (/** @type {number} */ v) =>
    HEIGHT - 5 - ((v - low) / (high - low || 1)) * (HEIGHT - 10);
  const points = values.flatMap((v, i) => (v === null ? [] : [[places[i], y(v)]]));
  const box = make("div", "curve");
  box.title = curve.how;
  const head = make("div", "head");
  const value = make("span");
  head.append(make("span", "", curve.title), value);
  const svg = shape("svg", { viewBox: `0 0 100 ${HEIGHT}`, preserveAspectRatio: "none" });
  const told = known.length
    ? `${write(curve, values[0])} at first, ${write(curve, values[values.length - 1])} at last`
    : "not known";
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${curve.title} against epoch: ${told}`);
  svg.append(shape("polyline", { points: points.map((p) => p.join(",")).join(" ") }));
  // a line of no length with round ends is a dot that no scaling distorts
  for (const [x, at] of points) {
    svg.append(shape("line", { class: "dot", x1: x, x2: x, y1: at, y2: at }));
  }
  const mark = shape("line", { class: "mark", y1: 0, y2: HEIGHT });
  svg.append(mark);
  box.append(head, svg);
  return { curve, box, value, mark };
}

/** @param {Curve} curve @param {number | null} value */
function write({ unit, digits }, value) {
  if (value === null) return "none";
  return `${number(value, digits)} ${unit}`.trim();
}

/** @param {string} name @param {Record<string, string | number>} attributes @returns {SVGElement} */
function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return /** @type {SVGElement} */ (made);
}
