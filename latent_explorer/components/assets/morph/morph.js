// Moves points, lines and pictures straight from one place to another.
// Streamlit calls the default export again when data or theme change.

import { fromBase64, paintDigit, readTheme, SIDE } from "../shared/ink.js";
import { discOffsets, toPixel } from "../shared/dots.js";
import { copyLink } from "../shared/link.js";

const DOT = 1.5; // css px, radius
const PICTURE = 20; // css px, side
const NEAR = 9; // css px from the pointer within which a point is meant
const LASTS = 3500; // ms from end to end

const moments = new Map(); // name of a morph -> where its slider was; outlives changes of page

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".morph");
  root.morph ??= new Morph(root);
  root.morph.tell = setTriggerValue;
  root.morph.show(data);
  return () => {
    root.morph?.stop();
    root.morph = null;
  };
}

// Half the side of the square in sight; exact at both ends, and by equal factors between them.
const halfAt = ([start, end], t) => start ** (1 - t) * end ** t;
const toFloats = (text) => new Float32Array(fromBase64(text).buffer);

class Morph {
  constructor(root) {
    this.root = root;
    const names = ["canvas", "input", "button", "tip", "reach", "from", "to", "copy", "followed"];
    for (const name of names) this[name] = root.querySelector(`.${name}`);
    this.pen = this.canvas.getContext("2d");
    this.pointer = null;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.input.addEventListener(
      "input",
      () => {
        this.pause();
        this.schedule();
      },
      { signal },
    );
    this.button.addEventListener("click", () => this.toggle(), { signal });
    this.canvas.addEventListener(
      "pointermove",
      (event) => {
        this.pointer = [event.offsetX, event.offsetY];
        this.schedule();
      },
      { signal },
    );
    this.canvas.addEventListener(
      "pointerleave",
      () => {
        this.pointer = null;
        this.schedule();
      },
      { signal },
    );
    this.canvas.addEventListener("click", () => this.pick(), { signal });
    this.copy.addEventListener(
      "click",
      () => {
        copyLink(this.copy, { ...this.data.link, at: Number(this.input.value).toFixed(4) });
      },
      { signal },
    );
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.canvas);
    this.pause();
  }

  stop() {
    this.pause();
    cancelAnimationFrame(this.pending);
    this.listeners.abort();
    this.observer.disconnect();
  }

  show(data) {
    const theme = readTheme(this.root);
    if (this.data !== data || this.theme?.name !== theme.name) {
      this.data = data;
      this.theme = theme;
      this.input.value = moments.get(data.name) ?? data.at;
      this.start = toFloats(data.start);
      this.end = toFloats(data.end);
      this.at = new Float32Array(this.start.length);
      this.labels = fromBase64(data.labels);
      this.colours = data.palette[theme.name].map(toPixel);
      this.lines = data.lines.map((line) => ({
        ...line,
        start: toFloats(line.start),
        end: toFloats(line.end),
      }));
      this.pictures = data.pictures.map((picture) => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = SIDE;
        paintDigit(canvas, fromBase64(picture.pixels), theme);
        return { ...picture, canvas };
      });
      this.copy.hidden = !data.link;
      this.reach.hidden = data.halves[0] === data.halves[1]; // it stays, and is said elsewhere
      this.followed.hidden = !data.trace;
      this.faces = (data.trace?.pictures ?? []).map(fromBase64);
      this.from.textContent = data.ends[0];
      this.to.textContent = data.ends[1];
      this.canvas.setAttribute("aria-label", data.label);
      this.canvas.style.cursor = data.picks ? "pointer" : "";
      this.input.setAttribute("aria-label", `From ${data.ends[0]} to ${data.ends[1]}`);
      Object.assign(this.root.dataset, { points: this.labels.length });
    }
    this.draw();
  }

  // ---- motion

  pause() {
    cancelAnimationFrame(this.frame);
    this.isPlaying = false;
    this.button.textContent = "▶ Play";
    this.input.step = 0.01; // of the arrow keys
  }

  // To the end that is farther away; at once for those who want no motion.
  toggle() {
    if (this.isPlaying) {
      this.pause();
      return;
    }
    const from = Number(this.input.value);
    const goal = from < 0.5 ? 1 : 0;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.input.value = goal;
      this.draw();
      return;
    }
    this.isPlaying = true;
    this.button.textContent = "❚❚ Pause";
    this.input.step = "any";
    let began = null;
    const step = (now) => {
      began ??= now;
      const share = Math.min(1, (now - began) / (LASTS * Math.abs(goal - from)));
      this.input.value = from + (goal - from) * share;
      this.draw();
      if (share < 1) {
        this.frame = requestAnimationFrame(step);
      } else {
        this.pause();
      }
    };
    this.frame = requestAnimationFrame(step);
  }

  // ---- those that are followed

  drawTrails() {
    const { trails, palette } = this.data;
    const { pen, at } = this;
    pen.globalAlpha = 0.5;
    pen.lineWidth = 1;
    palette[this.theme.name].forEach((colour, label) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      for (const row of trails) {
        if (this.labels[row] !== label) continue;
        pen.moveTo(...this.placeIn(this.start, row));
        pen.lineTo(...this.placeIn(at, row));
      }
      pen.stroke(); // all of a class at once: each stroke costs
    });
    pen.globalAlpha = 1;
  }

  placeIn(codes, row) {
    return this.toPx([codes[2 * row], codes[2 * row + 1]]);
  }

  drawFollowed() {
    const { trace } = this.data;
    if (!trace) return;
    const { pen } = this;
    const places = [this.start, this.end].map((codes) => this.placeIn(codes, trace.row));
    const ink = `rgb(${this.theme.ink})`;
    pen.strokeStyle = pen.fillStyle = ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    places.forEach((place) => pen.lineTo(...place));
    pen.stroke();
    for (const [x, y] of places) {
      pen.beginPath();
      pen.arc(x, y, 2.5, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.beginPath();
    pen.arc(...this.placeIn(this.at, trace.row), 7, 0, 2 * Math.PI);
    pen.lineWidth = 2.5;
    pen.stroke();
    const [picture, caption] = this.followed.children;
    const nearer = Math.round(this.t);
    paintDigit(picture, this.faces[nearer], this.theme);
    caption.textContent = `${trace.name}, decoded by ${this.data.ends[nearer]}`;
  }

  // ---- pictures

  // Exact at both ends, where one weight is 0 and the other 1.
  between([x0, y0], [x1, y1]) {
    return [x0 * (1 - this.t) + x1 * this.t, y0 * (1 - this.t) + y1 * this.t];
  }

  toPx([x, y]) {
    return [this.side / 2 + x * this.scale, this.side / 2 - y * this.scale];
  }

  // Draws once in the next frame, however much happened before it.
  schedule() {
    this.pending ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    this.side = this.canvas.clientWidth;
    if (!this.side || !this.data) return;
    this.t = Number(this.input.value);
    moments.set(this.data.name, this.t);
    const ratio = devicePixelRatio;
    const pixels = Math.round(this.side * ratio);
    if (this.canvas.width !== pixels) {
      this.canvas.width = this.canvas.height = pixels;
      this.image = this.pen.createImageData(pixels, pixels);
    }
    this.image ??= this.pen.createImageData(pixels, pixels);
    const half = halfAt(this.data.halves, this.t);
    this.scale = this.side / 2 / half;
    this.reach.textContent = `−${half.toPrecision(3)} to ${half.toPrecision(3)} z units`;
    this.drawPoints(pixels, ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawTrails();
    this.lines.forEach((line) => this.drawLine(line));
    this.pen.imageSmoothingEnabled = false;
    for (const { start, end, canvas } of this.pictures) {
      const [x, y] = this.toPx(this.between(start, end));
      this.pen.drawImage(canvas, x - PICTURE / 2, y - PICTURE / 2, PICTURE, PICTURE);
    }
    this.drawHover();
    this.drawFollowed();
    const share = `${Math.round(100 * this.t)} %`;
    this.input.setAttribute("aria-valuetext", `${share} of the way to ${this.data.ends[1]}`);
    Object.assign(this.root.dataset, { t: this.t, half, ready: "true" });
  }

  drawPoints(side, ratio) {
    const { start, end, at, labels, colours, t } = this;
    const buffer = new Uint32Array(this.image.data.buffer);
    buffer.fill(0);
    const s = 1 - t;
    for (let i = 0; i < at.length; i++) at[i] = start[i] * s + end[i] * t;
    const scale = this.scale * ratio;
    const offsets = discOffsets(DOT * ratio, side);
    const margin = Math.ceil(DOT * ratio);
    for (let i = 0; i < labels.length; i++) {
      const x = Math.round(side / 2 + at[2 * i] * scale);
      const y = Math.round(side / 2 - at[2 * i + 1] * scale);
      if (x < margin || y < margin || x >= side - margin || y >= side - margin) continue;
      const colour = colours[labels[i]];
      const place = y * side + x;
      for (const offset of offsets) buffer[place + offset] = colour;
    }
    this.pen.setTransform(1, 0, 0, 1, 0, 0);
    this.pen.putImageData(this.image, 0, 0);
  }

  drawLine({ start, end, seen }) {
    const share = { always: 0.45, start: 1 - this.t, end: this.t }[seen];
    if (!share) return;
    const { pen } = this;
    pen.beginPath();
    for (let i = 0; i < start.length; i += 2) {
      const from = [start[i], start[i + 1]];
      pen.lineTo(...this.toPx(this.between(from, [end[i], end[i + 1]])));
    }
    pen.lineJoin = "round";
    const [ink, paper] = [this.theme.ink, this.theme.paper].map((c) => `rgb(${c})`);
    if (seen !== "always") {
      pen.globalAlpha = 0.8 * share;
      pen.strokeStyle = paper;
      pen.lineWidth = 4;
      pen.stroke();
    }
    pen.globalAlpha = share;
    pen.strokeStyle = ink;
    pen.lineWidth = seen === "always" ? 0.75 : 1.75;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  // The point under the pointer: its name, where it is now, and its way.
  drawHover() {
    const row = this.pointer ? this.nearest(...this.pointer) : -1;
    this.tip.hidden = row < 0;
    if (row < 0) return;
    const place = (from) => this.toPx([from[2 * row], from[2 * row + 1]]);
    const { pen } = this;
    const [x, y] = place(this.at);
    pen.strokeStyle = `rgb(${this.theme.ink})`;
    pen.lineWidth = 1.75;
    pen.beginPath();
    pen.moveTo(...place(this.start));
    pen.lineTo(...place(this.end));
    pen.stroke();
    pen.beginPath();
    pen.arc(x, y, 5.5, 0, 2 * Math.PI);
    pen.stroke();
    const number = (v) => v.toFixed(3).replace("-", "−");
    const [cx, cy] = [this.at[2 * row], this.at[2 * row + 1]].map(number);
    this.tip.textContent = `${this.nameOf(row)}, a ${this.labels[row]}, at (${cx}, ${cy})`;
    const left = Math.min(x + 10, this.side - this.tip.offsetWidth - 4);
    Object.assign(this.tip.style, {
      left: `${Math.max(4, left)}px`,
      top: `${y > 40 ? y - 36 : y + 12}px`,
    });
  }

  nameOf(row) {
    const [split, first] = this.data.splits.findLast(([, from]) => from <= row);
    return `${split} #${(row - first).toLocaleString("en-US")}`;
  }

  pick() {
    const row = this.pointer ? this.nearest(...this.pointer) : -1;
    if (row >= 0 && this.data.picks) this.tell("pick", row);
  }

  nearest(left, top) {
    const [x, y] = [(left - this.side / 2) / this.scale, (this.side / 2 - top) / this.scale];
    let [best, least] = [-1, (NEAR / this.scale) ** 2];
    for (let row = 0; row < this.labels.length; row++) {
      const distance = (this.at[2 * row] - x) ** 2 + (this.at[2 * row + 1] - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }
}
