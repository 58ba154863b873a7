// The strip and the player of a walk. Pictures of the steps come from Python; what lies between two
// steps, and the straight way while an end is dragged, is decoded here, without the server.

import { fromBase64 } from "../shared/bytes.js";
import { find, make, penOf } from "../shared/elements.js";
import { digitCanvas, inkImage, PIXELS } from "../shared/ink.js";
import { Player } from "../shared/player.js";
import { readTheme } from "../shared/theme.js";
import { makeBatchDecoder } from "./decoder.js";
import { latentAt, placeOf } from "./geometry.js";
import { makeSimd } from "./simd.js";
import * as store from "./store.js";
import { WALK_MARKUP } from "./walk_markup.js";
import { listen, tell } from "./walks.js";
import { alongWay, evenSteps } from "./way.js";

/** @import {Decoder, Point, WalkData, WalkMessage} from "./types.d.ts" */

const style = fetch(new URL("./walk.css", import.meta.url)).then((answer) => answer.text());
/** @type {Map<string, string>} */
const KEPT_SPEED = new Map(); // Python's key of a map -> steps a second

/** @param {HTMLElement} parentElement @param {WalkData} data */
export async function makePart(parentElement, data) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await style);
  const root = /** @type {Document | ShadowRoot} */ (parentElement.getRootNode());
  root.adoptedStyleSheets = [sheet];
  return new Walk(parentElement, data);
}

class Walk {
  /** @param {HTMLElement} parentElement @param {WalkData} data */
  constructor(parentElement, data) {
    const mount = find(parentElement, ".mount", HTMLElement);
    mount.innerHTML = WALK_MARKUP;
    this.root = find(mount, ".walk", HTMLElement);
    this.stage = find(mount, ".stage", HTMLCanvasElement);
    this.slider = find(mount, ".scrub", HTMLInputElement);
    this.speed = find(mount, ".speed", HTMLSelectElement);
    this.where = find(mount, ".where", HTMLElement);
    this.strip = find(mount, ".cells", HTMLElement);
    const play = find(mount, ".play", HTMLElement);
    this.player = new Player({
      button: play,
      slider: this.slider,
      step: 0.01,
      draw: () => this.goTo(this.player.at),
      start: () => this.way(),
      show: (isPlaying) => {
        play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
        play.classList.toggle("playing", isPlaying);
      },
    });
    this.data = data;
    this.theme = readTheme(this.root);
    this.at = 0; // the step on the stage; a fraction lies between two
    /** @type {number | null} */
    this.hovered = null;
    /** @type {number | null} */
    this.toldStep = null; // by the map
    /** @type {ArrayLike<number>[]} */
    this.inks = []; // of the steps
    /** @type {{ text: string, coords: Point } | null} */
    this.dragged = null; // an end that moves
    /** @type {{ z: number[][], inks: ArrayLike<number>[] } | null} */
    this.live = null; // the straight way while it moves
    this.liveFrame = 0;
    /** @type {{ cell: HTMLElement, canvas: HTMLCanvasElement, title: HTMLElement, caption: HTMLElement }[]} */
    this.cells = [];
    /** @type {Decoder | null} */
    this.payload = null;
    /** @type {ReturnType<typeof makeBatchDecoder> | null} */
    this.decode = null;
    this.onTold = (/** @type {WalkMessage} */ message) => this.hear(message);
    this.unlisten = listen(data.map, this.onTold);
    this.onNews = () => this.findDecoder();
    store.watch(this.onNews);
    const { strip, speed } = this;
    speed.addEventListener("change", () => KEPT_SPEED.set(this.data.map, speed.value));
    strip.addEventListener("pointerover", (event) => this.hover(this.cellOf(event)));
    strip.addEventListener("pointerleave", () => this.hover(null));
    strip.addEventListener("focusin", (event) => this.hover(this.cellOf(event)));
    strip.addEventListener("focusout", () => this.hover(null));
    strip.addEventListener("click", (event) => this.choose(this.cellOf(event)));
    strip.addEventListener("keydown", (event) => this.onKey(event));
  }

  stop() {
    this.unlisten();
    store.unwatch(this.onNews);
    this.player.pause();
    cancelAnimationFrame(this.liveFrame);
    tell(this.data.map, { type: "step", at: null }, this.onTold);
  }

  // Python's newest word, or a change of theme.
  /** @param {{ data: WalkData }} word */
  update({ data }) {
    if (this.data.map !== data.map) {
      this.unlisten();
      this.unlisten = listen(data.map, this.onTold);
    }
    this.data = data;
    this.live = this.dragged = null;
    this.theme = readTheme(this.root);
    this.inks = data.images.map(({ pixels }) => fromBase64(pixels));
    this.root.classList.remove("live");
    this.findDecoder();
    this.fillCells();
    this.slider.max = String(this.n - 1);
    this.speed.value = KEPT_SPEED.get(data.map) ?? "4";
    this.goTo(Math.min(this.at, this.n - 1));
  }

  get n() {
    return this.data.images.length;
  }

  findDecoder() {
    const payload = store.touchPayload(this.data.decoder);
    if (!payload || this.payload === payload) return;
    this.payload = payload;
    this.decode = makeBatchDecoder(payload, makeSimd, true);
    if (this.isFraction) this.showStage();
  }

  // ---- strip

  fillCells() {
    const { images } = this.data;
    if (this.cells.length !== images.length) {
      this.cells = images.map(makeCell);
      this.strip.replaceChildren(...this.cells.map(({ cell }) => cell));
    }
    images.forEach((image, i) => {
      const { cell, canvas, title, caption } = this.cells[i];
      this.paint(canvas, this.inks[i]);
      canvas.dataset.title = image.title;
      title.textContent = image.title;
      caption.textContent = image.caption;
      cell.setAttribute("aria-label", `${image.title}: ${image.said}`);
      cell.title = image.said;
      cell.classList.toggle("turn", image.turns);
      cell.classList.toggle("outside", image.outside);
    });
    this.markCells();
  }

  /** @param {Event} event */
  cellOf({ target }) {
    const found = /** @type {Element} */ (target).closest(".cell");
    const i = this.cells.findIndex(({ cell }) => cell === found);
    return i < 0 ? null : i;
  }

  /** @param {number | null} i */
  hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.markCells();
    this.tellStep();
  }

  /** @param {number | null} i */
  choose(i) {
    if (i === null) return;
    this.player.pause();
    this.goTo(i);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -this.n, End: this.n };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const i = Math.max(0, Math.min(this.n - 1, (this.cellOf(event) ?? 0) + move));
    this.choose(i);
    this.cells[i].cell.focus();
  }

  markCells() {
    const shown = this.hovered ?? this.toldStep;
    const current = Math.round(this.at);
    this.cells.forEach(({ cell }, i) => {
      cell.classList.toggle("looked-at", i === shown);
      cell.classList.toggle("on-stage", i === current);
      cell.tabIndex = i === current ? 0 : -1;
    });
  }

  // ---- player

  get isFraction() {
    return this.at % 1 !== 0;
  }

  /** @param {number} at */
  goTo(at) {
    this.at = at;
    this.player.at = at;
    this.showStage();
    this.markCells();
    this.tellStep();
  }

  showStage() {
    const i = Math.floor(this.at);
    let ink = (this.live?.inks ?? this.inks)[i];
    if (this.isFraction && this.decode) {
      ink = this.decode(Float64Array.from(alongWay(this.live?.z ?? this.data.z, this.at)));
    }
    this.paint(this.stage, ink);
    const text = `step ${Number(this.at.toFixed(1))} of ${this.n - 1}`;
    this.where.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.root.dataset.at = String(this.at);
  }

  // On from here, or from the start if it is over; a loop goes on for ever.
  way() {
    if (this.at >= this.n - 1) this.goTo(0);
    let before = 0;
    return (/** @type {number} */ passed) => {
      const next = this.at + ((passed - before) / 1000) * Number(this.speed.value);
      before = passed;
      const last = this.n - 1;
      this.goTo(this.data.loop ? next % last : Math.min(next, last));
      return next < last || this.data.loop;
    };
  }

  // The map marks what is pointed at, else what the stage shows once it has moved.
  tellStep() {
    const at = this.hovered ?? (this.at > 0 || this.player.isPlaying ? this.at : null);
    tell(this.data.map, { type: "step", at }, this.onTold);
  }

  // ---- what the map tells

  /** @param {WalkMessage} message */
  hear(message) {
    if (message.type === "step") {
      this.toldStep = message.at;
      this.markCells();
    } else if (message.type === "drag") {
      this.dragged = message;
      this.liveFrame ||= requestAnimationFrame(() => this.showLive());
    } else if (message.type === "drag-end") {
      this.live = this.dragged = null;
      this.root.classList.remove("live");
      this.fillCells();
      this.showStage();
    }
  }

  // The straight way through the stops as they are now, in as many steps.
  showLive() {
    this.liveFrame = 0;
    if (!this.dragged || !this.decode || !this.payload) return;
    const started = performance.now();
    const { plane } = this.payload;
    const { text, coords } = this.dragged;
    const z = latentAt(plane, coords);
    const stops = this.data.stops.map((stop) => (stop.text === text ? z : stop.z));
    const steps = evenSteps(stops, this.n);
    const ink = this.decode(Float64Array.from(steps.flat()));
    const inks = steps.map((_, i) => ink.subarray(PIXELS * i, PIXELS * (i + 1)));
    this.live = { z: steps, inks };
    this.root.classList.add("live");
    inks.forEach((each, i) => this.paint(this.cells[i].canvas, each));
    this.showStage();
    const points = steps.map((latent) => placeOf(plane, latent));
    tell(this.data.map, { type: "live", points }, this.onTold);
    this.root.dataset.liveMs = (performance.now() - started).toFixed(2);
    this.root.dataset.liveFrames = String(Number(this.root.dataset.liveFrames ?? 0) + 1);
  }

  /** @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} ink */
  paint(canvas, ink) {
    penOf(canvas).putImageData(inkImage(ink, this.theme.dark), 0, 0);
  }
}

function makeCell() {
  const cell = make("button", "cell");
  cell.type = "button";
  cell.tabIndex = -1;
  const [canvas, title, caption] = [digitCanvas(), make("span", "title"), make("span", "caption")];
  cell.append(canvas, title, caption);
  return { cell, canvas, title, caption };
}
