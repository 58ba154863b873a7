// Plays a training: points, a decoded mosaic and a digit's way move linearly between snapshots.
// Streamlit calls the default export again when data or theme change.

import { fromBase64, paintDigit, readTheme, SIDE } from "../shared/ink.js";
import { discOffsets, toPixel } from "../shared/dots.js";
import { copyLink } from "../shared/link.js";

const DOT = 1.5; // css px, radius
const NEAR = 9; // css px from the pointer within which a point is meant
const STEP_LASTS = 900; // ms from snapshot to snapshot
const KEPT = 4; // films
const HEIGHT = 58; // of a curve, in its own units
const TICKS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]; // epochs

// Both outlive reruns and changes of page.
const films = new Map(); // id -> film, oldest first
const seen = new Map(); // name of a training -> its moment and look when last seen
const boards = new Set(); // what is on the page

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".timeline");
  if (data instanceof Uint8Array) {
    root.replaceChildren(); // brings the film, shows nothing
    root.removeAttribute("data-testid");
    keepFilm(data);
    return () => {};
  }
  root.board ??= new Board(root);
  root.board.show(data, (row) => setTriggerValue("choose", row));
  return () => {
    root.board?.stop();
    root.board = null;
  };
}

function keepFilm(bytes) {
  const start = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)));
  if (!films.has(head.id)) {
    const { n, moments, grid } = head;
    const body = bytes.slice(start).buffer; // a copy, which starts at a multiple of 4
    const nCoords = moments * n * 2;
    const side = grid * SIDE;
    films.set(head.id, {
      ...head,
      side,
      coords: new Float32Array(body, 0, nCoords),
      labels: new Uint8Array(body, 4 * nCoords, n),
      mosaics: new Uint8Array(body, 4 * nCoords + n, moments * side * side),
    });
    for (const old of [...films.keys()].slice(0, -KEPT)) films.delete(old);
  }
  boards.forEach((board) => board.draw());
}

class Board {
  constructor(root) {
    this.root = root;
    for (const name of [
      "map",
      "tip",
      "play",
      "copy",
      "now",
      "followed",
      "original",
      "reconstruction",
      "curves",
      "ticks",
    ]) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.input = root.querySelector("input");
    this.pen = this.map.getContext("2d");
    this.cloud = document.createElement("canvas");
    this.paper = document.createElement("canvas");
    for (const canvas of [this.original, this.reconstruction]) canvas.width = canvas.height = SIDE;
    this.pointer = null;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.input.addEventListener(
      "input",
      () => {
        this.pause();
        this.draw();
      },
      { signal },
    );
    this.play.addEventListener("click", () => this.toggle(), { signal });
    this.map.addEventListener(
      "pointermove",
      (event) => {
        this.pointer = [event.offsetX, event.offsetY];
        this.schedule();
      },
      { signal },
    );
    this.map.addEventListener(
      "pointerleave",
      () => {
        this.pointer = null;
        this.schedule();
      },
      { signal },
    );
    this.map.addEventListener(
      "click",
      (event) => {
        const row = this.nearest(event.offsetX, event.offsetY);
        if (row >= 0) this.choose(row);
      },
      { signal },
    );
    this.looks = [...root.querySelectorAll("[data-look]")];
    for (const button of this.looks) {
      button.addEventListener(
        "click",
        () => {
          this.look = button.dataset.look;
          this.draw();
        },
        { signal },
      );
    }
    this.copy.addEventListener(
      "click",
      () => {
        const at = Number(this.input.value).toFixed(4);
        copyLink(this.copy, { ...this.data.link, at, look: this.look });
      },
      { signal },
    );
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.map);
    boards.add(this);
    this.pause();
  }

  stop() {
    this.pause();
    cancelAnimationFrame(this.pending);
    this.listeners.abort();
    this.observer.disconnect();
    boards.delete(this);
  }

  show(data, choose) {
    this.choose = choose;
    const theme = readTheme(this.root);
    if (this.data !== data || this.theme?.name !== theme.name) {
      const isOther = this.data?.name !== data.name;
      this.data = data;
      this.theme = theme;
      this.colours = data.palette[theme.name].map(toPixel);
      this.input.max = data.epochs.length - 1;
      if (isOther) {
        this.pause();
        const { at, look } = seen.get(data.name) ?? data.start;
        this.input.value = at;
        this.look = look;
      }
      this.map.setAttribute("aria-label", data.label);
      this.showFollowed();
      this.showCurves();
    }
    this.draw();
  }

  showFollowed() {
    const { followed } = this.data;
    this.followed.hidden = !followed;
    this.pictures = followed && fromBase64(followed.reconstructions);
    if (!followed) return;
    this.original.setAttribute("aria-label", "The digit that is followed");
    paintDigit(this.original, fromBase64(followed.original), this.theme);
  }

  // ---- time

  // Epochs on an axis that is linear near 0, where the untrained network is, and then logarithmic.
  warp(epoch) {
    const { epochs } = this.data;
    const first = epochs.find((e) => e > 0);
    return Math.log1p(epoch / first) / Math.log1p(epochs.at(-1) / first);
  }

  // Where the present moment lies on that axis, from 0 to 1.
  get along() {
    const [a, b] = [this.warp(this.data.epochs[this.i]), this.warp(this.data.epochs[this.i + 1])];
    return a * (1 - this.share) + b * this.share;
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.isPlaying = false;
    this.play.textContent = "▶ Play";
    this.input.step = 0.05; // of the arrow keys
  }

  // On from here, or from the start if it is over; by whole snapshots for those who want no motion.
  toggle() {
    if (this.isPlaying) {
      this.pause();
      return;
    }
    const end = this.data.epochs.length - 1;
    let from = Number(this.input.value);
    if (from >= end) from = 0;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.isPlaying = true;
    this.play.textContent = "❚❚ Pause";
    this.input.step = "any";
    let began = null;
    const step = (now) => {
      began ??= now;
      const passed = (now - began) / STEP_LASTS;
      const at = Math.min(end, from + (isStill ? Math.floor(passed) : passed));
      if (at !== Number(this.input.value)) {
        this.input.value = at;
        this.draw();
      }
      if (at < end) {
        this.frame = requestAnimationFrame(step);
      } else {
        this.pause();
      }
    };
    this.frame = requestAnimationFrame(step);
  }

  // ---- pictures

  // Draws once in the next frame, however much happened before it.
  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    const film = films.get(this.data?.film);
    const size = this.map.clientWidth;
    if (!film || !size) return;
    const value = Number(this.input.value);
    seen.set(this.data.name, { at: value, look: this.look });
    this.film = film;
    this.i = Math.min(Math.floor(value), film.moments - 2);
    this.share = value - this.i;
    this.size = size;
    this.scale = size / 2 / film.half;
    const pixels = Math.round(size * devicePixelRatio);
    if (this.map.width !== pixels) this.map.width = this.map.height = pixels;
    this.place();
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.clearRect(0, 0, pixels, pixels);
    if (this.look !== "points") this.drawMosaic(pixels);
    if (this.look !== "mosaic") this.drawPoints(pixels);
    this.pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    this.drawWay();
    this.drawHover();
    this.say(value);
    this.markCurves();
  }

  // Where each point is now; exact at a snapshot, where one weight is 0 and the other 1.
  place() {
    const { n, coords } = this.film;
    if (this.at?.length !== 2 * n) this.at = new Float32Array(2 * n);
    const [t, s] = [this.share, 1 - this.share];
    const a = this.i * 2 * n;
    const b = a + 2 * n;
    for (let k = 0; k < 2 * n; k++) this.at[k] = coords[a + k] * s + coords[b + k] * t;
  }

  toPx(x, y) {
    return [this.size / 2 + x * this.scale, this.size / 2 - y * this.scale];
  }

  drawMosaic(pixels) {
    const { side, mosaics } = this.film;
    const { ink, paper } = this.theme;
    if (this.paper.width !== side) {
      this.paper.width = this.paper.height = side;
      this.tiles = this.paper.getContext("2d").createImageData(side, side);
    }
    const colours = new Uint32Array(256); // by ink
    for (let level = 0; level < 256; level++) {
      const [r, g, b] = paper.map((from, c) => Math.round(from + ((ink[c] - from) * level) / 255));
      colours[level] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    }
    const out = new Uint32Array(this.tiles.data.buffer);
    const a = this.i * side * side;
    const b = a + side * side;
    const [t, s] = [this.share, 1 - this.share];
    for (let k = 0; k < out.length; k++) {
      out[k] = colours[Math.round(mosaics[a + k] * s + mosaics[b + k] * t)];
    }
    this.paper.getContext("2d").putImageData(this.tiles, 0, 0);
    this.pen.globalAlpha = this.look === "both" ? 0.35 : 1;
    this.pen.imageSmoothingEnabled = true;
    this.pen.drawImage(this.paper, 0, 0, pixels, pixels);
    this.pen.globalAlpha = 1;
  }

  drawPoints(pixels) {
    const pen = this.cloud.getContext("2d");
    if (this.cloud.width !== pixels || !this.image) {
      this.cloud.width = this.cloud.height = pixels;
      this.image = pen.createImageData(pixels, pixels);
    }
    const buffer = new Uint32Array(this.image.data.buffer);
    buffer.fill(0);
    const { at, colours } = this;
    const { labels } = this.film;
    const scale = this.scale * devicePixelRatio;
    const radius = DOT * devicePixelRatio;
    const offsets = discOffsets(radius, pixels);
    const margin = Math.ceil(radius);
    for (let i = 0; i < labels.length; i++) {
      const x = Math.round(pixels / 2 + at[2 * i] * scale);
      const y = Math.round(pixels / 2 - at[2 * i + 1] * scale);
      if (x < margin || y < margin || x >= pixels - margin || y >= pixels - margin) continue;
      const place = y * pixels + x;
      for (const offset of offsets) buffer[place + offset] = colours[labels[i]];
    }
    pen.putImageData(this.image, 0, 0);
    this.pen.drawImage(this.cloud, 0, 0);
  }

  // The followed digit's way through training: a dot per snapshot, a ring where it is now.
  drawWay() {
    const { followed } = this.data;
    if (!followed) return;
    const { n, coords, moments } = this.film;
    const { row } = followed;
    const places = Array.from({ length: moments }, (_, i) => {
      const k = 2 * (i * n + row);
      return this.toPx(coords[k], coords[k + 1]);
    });
    const [ink, paper] = [this.theme.ink, this.theme.paper].map((c) => `rgb(${c})`);
    const { pen } = this;
    pen.lineJoin = "round";
    for (const [colour, width] of [
      [paper, 4.5],
      [ink, 1.75],
    ]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.beginPath();
      places.forEach((place) => pen.lineTo(...place));
      pen.stroke();
    }
    for (const [colour, radius] of [
      [paper, 4],
      [ink, 2.75],
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
    const picture = this.pictures.subarray(784 * i, 784 * (i + 1));
    paintDigit(this.reconstruction, picture, this.theme);
    this.reconstruction.setAttribute("aria-label", `Reconstructed by snapshot ${i + 1}`);
    this.reconstruction.dataset.snapshot = i;
  }

  ring(row) {
    const { pen } = this;
    const [x, y] = this.toPx(this.at[2 * row], this.at[2 * row + 1]);
    for (const [colour, width] of [
      [this.theme.paper, 5],
      [this.theme.ink, 2],
    ]) {
      pen.strokeStyle = `rgb(${colour})`;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(x, y, 7, 0, 2 * Math.PI);
      pen.stroke();
    }
    return [x, y];
  }

  drawHover() {
    const row = this.pointer ? this.nearest(...this.pointer) : -1;
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const [x, y] = this.ring(row);
    this.tip.textContent = `test #${row.toLocaleString("en-US")}, a ${this.film.labels[row]}`;
    const left = Math.min(x + 10, this.size - this.tip.offsetWidth - 4);
    Object.assign(this.tip.style, {
      left: `${Math.max(4, left)}px`,
      top: `${y > 40 ? y - 38 : y + 14}px`,
    });
  }

  nearest(left, top) {
    if (!this.film) return -1;
    const [x, y] = [(left - this.size / 2) / this.scale, (this.size / 2 - top) / this.scale];
    let [best, least] = [-1, (NEAR / this.scale) ** 2];
    for (let row = 0; row < this.film.n; row++) {
      const distance = (this.at[2 * row] - x) ** 2 + (this.at[2 * row + 1] - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  say(value) {
    const { epochs } = this.data;
    const isAt = Number.isInteger(value);
    const first = isAt ? value : this.i;
    const epoch = (i) => Number(epochs[i].toPrecision(3)).toLocaleString("en-US");
    const where = isAt
      ? `Epoch ${epoch(first)}: snapshot ${first + 1} of ${epochs.length}.`
      : `Between epoch ${epoch(first)} and ${epoch(first + 1)}: interpolated, not a network.`;
    const untrained = isAt && epochs[first] === 0 ? " The network is untrained." : "";
    this.now.textContent = where + untrained;
    this.input.setAttribute("aria-valuetext", where + untrained);
    for (const button of this.looks) {
      button.setAttribute("aria-pressed", String(button.dataset.look === this.look));
    }
    Object.assign(this.root.dataset, {
      ready: "true",
      t: value,
      look: this.look,
      points: this.film.n,
      half: this.film.half,
    });
  }

  // ---- curves

  showCurves() {
    const places = this.data.epochs.map((epoch) => this.warp(epoch) * 100);
    this.drawn = this.data.curves.map((curve) => {
      const known = curve.values.filter((v) => v !== null);
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const y = (v) => HEIGHT - 5 - ((v - low) / (high - low || 1)) * (HEIGHT - 10);
      const points = curve.values
        .map((v, i) => (v === null ? null : [places[i], y(v)]))
        .filter(Boolean);
      const box = document.createElement("div");
      box.className = "curve";
      box.title = curve.how;
      const head = document.createElement("div");
      head.className = "head";
      const [name, value] = [document.createElement("span"), document.createElement("span")];
      name.textContent = curve.title;
      head.append(name, value);
      const svg = shape("svg", { viewBox: `0 0 100 ${HEIGHT}`, preserveAspectRatio: "none" });
      const told = known.length
        ? `${write(curve, curve.values[0])} at first, ${write(curve, curve.values.at(-1))} at last`
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
    });
    this.curves.replaceChildren(...this.drawn.map(({ box }) => box));
    this.showTicks();
  }

  showTicks() {
    const last = this.data.epochs.at(-1);
    const shown = this.drawn.length
      ? [...TICKS.filter((tick) => tick < last && this.warp(tick) < 0.9), last]
      : [];
    let before = -1;
    const spans = [];
    for (const tick of shown) {
      const at = this.warp(tick);
      if (at - before < 0.1) continue;
      before = at;
      const span = document.createElement("span");
      span.className = at === 0 ? "first" : at === 1 ? "last" : "";
      span.style.left = `${100 * at}%`;
      span.textContent = Number(tick.toPrecision(3));
      spans.push(span);
    }
    if (shown.length) {
      const axis = document.createElement("span");
      axis.className = "axis";
      axis.textContent = "epoch, linear near 0, then logarithmic";
      spans.push(axis);
    }
    this.ticks.replaceChildren(...spans);
  }

  // Figures are of the nearest snapshot: there is no network in between.
  markCurves() {
    const i = Math.round(this.i + this.share);
    const x = 100 * this.along;
    for (const { curve, value, mark } of this.drawn) {
      mark.setAttribute("x1", x);
      mark.setAttribute("x2", x);
      value.textContent = write(curve, curve.values[i]);
    }
  }
}

function write({ unit, digits }, value) {
  if (value === null) return "none";
  return `${value.toFixed(digits).replace("-", "−")} ${unit}`.trim();
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
