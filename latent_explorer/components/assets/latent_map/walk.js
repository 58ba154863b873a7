// The strip and the player of a walk. Pictures of the steps come from Python; what lies between two
// steps, and the straight way while an end is dragged, is decoded here, without the server.

import { makeBatchDecoder } from "./decoder.js";
import { makeSimd } from "./simd.js";
import * as store from "./store.js";
import { readTheme, pictureData } from "./theme.js";
import { WALK_MARKUP } from "./walk_markup.js";
import { listen, tell } from "./walks.js";

const style = fetch(new URL("./walk.css", import.meta.url)).then((answer) => answer.text());
const PALETTE = { light: [], dark: [] }; // of the digits; a walk needs none
const KEPT_SPEED = new Map(); // Python's key of a map -> steps a second

export async function makePart(parentElement) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await style);
  parentElement.getRootNode().adoptedStyleSheets = [sheet];
  return new Walk(parentElement);
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

class Walk {
  constructor(parentElement) {
    const mount = parentElement.querySelector(".mount");
    mount.innerHTML = WALK_MARKUP;
    const find = (name) => mount.querySelector(`.${name}`);
    this.root = find("walk");
    this.parts = Object.fromEntries(
      ["stage", "play", "scrub", "speed", "where", "cells"].map((name) => [name, find(name)]),
    );
    this.at = 0; // the step on the stage; a fraction lies between two
    this.hovered = null;
    this.live = null; // latents of the straight way while an end moves
    this.onTold = (message) => this.hear(message);
    this.onNews = () => this.findDecoder();
    store.watch(this.onNews);
    const { play, scrub, speed, cells } = this.parts;
    play.addEventListener("click", () => this.setPlaying(!this.isPlaying));
    scrub.addEventListener("input", () => {
      this.setPlaying(false);
      this.goTo(Number(scrub.value));
    });
    speed.addEventListener("change", () => KEPT_SPEED.set(this.data.map, speed.value));
    cells.addEventListener("pointerover", (event) => this.hover(this.cellOf(event)));
    cells.addEventListener("pointerleave", () => this.hover(null));
    cells.addEventListener("focusin", (event) => this.hover(this.cellOf(event)));
    cells.addEventListener("focusout", () => this.hover(null));
    cells.addEventListener("click", (event) => this.choose(this.cellOf(event)));
    cells.addEventListener("keydown", (event) => this.onKey(event));
  }

  stop() {
    this.unlisten?.();
    store.unwatch(this.onNews);
    cancelAnimationFrame(this.playFrame);
    cancelAnimationFrame(this.liveFrame);
    if (this.data) tell(this.data.map, { type: "step", at: null }, this.onTold);
  }

  // Python's newest word, or a change of theme.
  update({ data }) {
    if (this.data?.map !== data.map) {
      this.unlisten?.();
      this.unlisten = listen(data.map, this.onTold);
    }
    this.data = data;
    this.live = this.liveInks = this.dragged = null;
    this.theme = readTheme(this.root, PALETTE);
    this.inks = data.images.map(({ pixels }) => fromBase64(pixels));
    this.root.classList.remove("live");
    this.findDecoder();
    this.fillCells();
    const { scrub, speed } = this.parts;
    scrub.max = this.n - 1;
    speed.value = KEPT_SPEED.get(data.map) ?? "4";
    this.goTo(Math.min(this.at, this.n - 1));
  }

  get n() {
    return this.data.images.length;
  }

  findDecoder() {
    const payload = this.data && store.touchPayload(this.data.decoder);
    if (!payload || this.payload === payload) return;
    this.payload = payload;
    this.decode = makeBatchDecoder(payload, makeSimd, true);
    if (this.isFraction) this.showStage();
  }

  // ---- strip

  fillCells() {
    const { cells } = this.parts;
    const { images } = this.data;
    if (cells.children.length !== images.length) {
      cells.replaceChildren(...images.map(makeCell));
    }
    images.forEach((image, i) => {
      const [canvas, title, caption] = cells.children[i].children;
      this.paint(canvas, this.inks[i]);
      canvas.dataset.title = image.title;
      title.textContent = image.title;
      caption.textContent = image.caption;
      const cell = cells.children[i];
      cell.setAttribute("aria-label", `${image.title}: ${image.said}`);
      cell.title = image.said;
      cell.classList.toggle("turn", image.turns);
      cell.classList.toggle("outside", image.outside);
    });
    this.markCells();
  }

  cellOf(event) {
    const i = [...this.parts.cells.children].indexOf(event.target.closest(".cell"));
    return i < 0 ? null : i;
  }

  hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.markCells();
    this.tellStep();
  }

  choose(i) {
    if (i === null) return;
    this.setPlaying(false);
    this.goTo(i);
  }

  onKey(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -this.n, End: this.n }[event.key];
    if (!move) return;
    event.preventDefault();
    const i = Math.max(0, Math.min(this.n - 1, (this.cellOf(event) ?? 0) + move));
    this.choose(i);
    this.parts.cells.children[i].focus();
  }

  markCells() {
    const shown = this.hovered ?? this.toldStep ?? null;
    const current = Math.round(this.at);
    [...this.parts.cells.children].forEach((cell, i) => {
      cell.classList.toggle("looked-at", i === shown);
      cell.classList.toggle("on-stage", i === current);
      cell.tabIndex = i === current ? 0 : -1;
    });
  }

  // ---- player

  get isFraction() {
    return this.at % 1 !== 0;
  }

  goTo(at) {
    this.at = at;
    this.parts.scrub.value = at;
    this.showStage();
    this.markCells();
    this.tellStep();
  }

  showStage() {
    const { stage, where, scrub } = this.parts;
    const i = Math.floor(this.at);
    const latents = this.live ?? this.data.z;
    let ink = (this.liveInks ?? this.inks)[i];
    if (this.isFraction && this.decode) {
      const between = latents[i].map((v, d) => v + (latents[i + 1][d] - v) * (this.at - i));
      ink = this.decode(Float64Array.from(between));
    }
    this.paint(stage, ink);
    const text = `step ${Number(this.at.toFixed(1))} of ${this.n - 1}`;
    where.textContent = text;
    scrub.setAttribute("aria-valuetext", text);
    this.root.dataset.at = this.at;
  }

  setPlaying(isPlaying) {
    this.isPlaying = isPlaying;
    const { play } = this.parts;
    play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    play.classList.toggle("playing", isPlaying);
    cancelAnimationFrame(this.playFrame);
    if (!isPlaying) return;
    if (this.at >= this.n - 1) this.goTo(0);
    let before = performance.now();
    const frame = (now) => {
      const next = this.at + (Math.max(0, now - before) / 1000) * Number(this.parts.speed.value);
      before = now;
      this.playFrame = requestAnimationFrame(frame);
      if (next < this.n - 1) this.goTo(next);
      else if (this.data.loop) this.goTo(next % (this.n - 1));
      else {
        this.goTo(this.n - 1);
        this.setPlaying(false);
      }
    };
    this.playFrame = requestAnimationFrame(frame);
  }

  // The map marks what is pointed at, else what the stage shows once it has moved.
  tellStep() {
    const at = this.hovered ?? (this.at > 0 || this.isPlaying ? this.at : null);
    tell(this.data.map, { type: "step", at }, this.onTold);
  }

  // ---- what the map tells

  hear(message) {
    if (message.type === "step") {
      this.toldStep = message.at;
      this.markCells();
    } else if (message.type === "drag") {
      this.dragged = message;
      this.liveFrame ??= requestAnimationFrame(() => this.showLive());
    } else if (message.type === "drag-end" && this.data) {
      this.live = this.liveInks = null;
      this.dragged = null;
      this.root.classList.remove("live");
      this.fillCells();
      this.showStage();
    }
  }

  // The straight way through the stops as they are now, in as many steps.
  showLive() {
    this.liveFrame = null;
    if (!this.dragged || !this.decode) return;
    const started = performance.now();
    const { center, axes } = this.payload.plane;
    const { text, coords } = this.dragged;
    const z = center.map((c, d) => c + axes[d][0] * coords[0] + axes[d][1] * coords[1]);
    const stops = this.data.stops.map((stop) => (stop.text === text ? z : stop.z));
    this.live = evenSteps(stops, this.n);
    const ink = this.decode(Float64Array.from(this.live.flat()));
    this.liveInks = this.live.map((_, i) => ink.subarray(784 * i, 784 * (i + 1)));
    this.root.classList.add("live");
    const { cells } = this.parts;
    this.liveInks.forEach((each, i) => this.paint(cells.children[i].firstElementChild, each));
    this.showStage();
    const onPlane = (latent) =>
      [0, 1].map((axis) => latent.reduce((s, v, d) => s + (v - center[d]) * axes[d][axis], 0));
    tell(this.data.map, { type: "live", points: this.live.map(onPlane) }, this.onTold);
    this.root.dataset.liveMs = (performance.now() - started).toFixed(2);
    this.root.dataset.liveFrames = Number(this.root.dataset.liveFrames ?? 0) + 1;
  }

  paint(canvas, ink) {
    canvas.getContext("2d").putImageData(pictureData(ink, this.theme.dark), 0, 0);
  }
}

function makeCell() {
  const cell = document.createElement("button");
  cell.type = "button";
  cell.className = "cell";
  cell.tabIndex = -1;
  cell.innerHTML =
    '<canvas width="28" height="28"></canvas><span class="title"></span>' +
    '<span class="caption"></span>';
  return cell;
}

// n points of a polyline that cut its length into equal parts, ends included.
function evenSteps(corners, n) {
  const lengths = corners
    .slice(1)
    .map((corner, i) => Math.hypot(...corner.map((v, d) => v - corners[i][d])));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return Array.from({ length: n }, (_, k) => {
    let left = (whole * k) / (n - 1);
    let i = 0;
    while (i < lengths.length - 1 && left > lengths[i]) left -= lengths[i++];
    const share = lengths[i] > 0 ? Math.min(left / lengths[i], 1) : 0;
    return corners[i].map((v, d) => v + (corners[i + 1][d] - v) * share);
  });
}
