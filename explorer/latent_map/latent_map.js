// The latent map: a Streamlit components-v2 module, canvas 2-D, no dependency.
//
// The same component is mounted in two ways. A mount whose data is bytes keeps a payload (a decoder
// or a cloud of digits) under its id and draws nothing. A mount whose data is JSON is a map that
// waits for the two payloads it names, then hovers, pans and zooms without talking to the server.
// Everything at module level is shared by all mounts in a tab, and outlives reruns and pages.

const KEPT_PAYLOADS = 12;
const WAIT_MS = 10_000; // a payload that has not come by then is worth a word
const REST_MS = 500; // how long z must rest before it is read aloud
const GLIDE_MS = 180;
const SLOP = { mouse: 3, pen: 4, touch: 8 }; // css px a click may wander before it is a drag
const REACH = { mouse: 8, pen: 10, touch: 14 }; // css px within which a digit is meant
const DOUBLE = { ms: 320, px: 24 };
const STEP = { plain: 10, shift: 50 }; // css px per arrow key
const ZOOM = { out: 3, in: 400, step: 1.6 }; // limits relative to the fitted view; one button press
const PIN_RADIUS = 8; // css px
const FIT_MARGIN = 1.1;
const SIDE = 28; // pixels of a picture
const LENS = { gap: 20, edge: 8 }; // css px from what it is about, and from the border
const SPLAT_MARGIN = 32; // px round the image, so that points at the edge need no bounds checks
const FINEST = 2; // image px per css px at most: beyond it points cost more and look the same
const PHASES = 4; // sub-pixel positions of a point, per axis

const payloads = new Map(); // id -> payload, least recently used first
const cameras = new Map(); // Python's key of a map -> where it looks
const maps = new Map(); // parentElement -> LatentMap
const problems = new Map(); // parentElement -> why its payload could not be read

export default function latentMap(component) {
  const { data, parentElement } = component;
  if (data instanceof Uint8Array) return keepPayload(data, parentElement);
  const map = maps.get(parentElement) ?? new LatentMap(parentElement);
  maps.set(parentElement, map);
  map.update(component);
  return () => {
    map.dispose();
    maps.delete(parentElement);
  };
}

// ---------------------------------------------------------------------------------- payloads

const SECTION_TYPES = { f2: Uint16Array, f4: Float32Array, u1: Uint8Array };

function keepPayload(bytes, parentElement) {
  try {
    const { id } = readHeader(bytes).header;
    if (!payloads.has(id)) payloads.set(id, preparePayload(parsePayload(bytes)));
    touchPayload(id);
    problems.delete(parentElement);
  } catch (error) {
    problems.set(parentElement, `The map's data could not be read: ${error.message}`);
  }
  maps.forEach((map) => map.resolve());
  const putBack = takeOutOfFlow(parentElement);
  return () => {
    problems.delete(parentElement);
    putBack();
  };
}

function preparePayload(payload) {
  return payload.kind === "decoder" ? { ...payload, decode: makeDecoder(payload) } : payload;
}

function touchPayload(id) {
  const payload = payloads.get(id);
  if (!payload) return null;
  payloads.delete(id);
  payloads.set(id, payload);
  if (payloads.size > KEPT_PAYLOADS) payloads.delete(payloads.keys().next().value);
  return payload;
}

// An empty element would still cost the page a row and its gap.
function takeOutOfFlow(parentElement) {
  const holder = parentElement.host?.closest('[data-testid="stElementContainer"]');
  const style = { position: "absolute", width: "0" }; // as wide as the page it would stick out
  for (const [name, value] of Object.entries(style)) holder?.style.setProperty(name, value);
  return () => Object.keys(style).forEach((name) => holder?.style.removeProperty(name));
}

function readHeader(bytes) {
  const frame = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 8 || new TextDecoder().decode(bytes.subarray(0, 4)) !== "LMAP") {
    throw new Error("it is not a map payload.");
  }
  const end = 8 + frame.getUint32(4, true);
  if (end > bytes.byteLength) throw new Error("it ends within its header.");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  return { header, start: Math.ceil(end / 8) * 8 };
}

export function parsePayload(bytes) {
  const { header, start } = readHeader(bytes);
  const body = bytes.slice(start).buffer; // a copy, because sections must start at multiples of 8
  const sections = {};
  for (const { name, dtype, offset, length } of header.sections) {
    const Type = SECTION_TYPES[dtype];
    if (!Type) throw new Error(`section ${name} has the unknown type ${dtype}.`);
    if (offset + length * Type.BYTES_PER_ELEMENT > body.byteLength) {
      throw new Error(`it ends within section ${name}.`);
    }
    const values = new Type(body, offset, length);
    sections[name] = dtype === "f2" ? halfToFloat(values) : values;
  }
  return { ...header, sections };
}

function halfToFloat(halves) {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
    table[bits] = bits & 0x8000 ? -size : size;
  }
  return Float32Array.from(halves, (bits) => table[bits]);
}

// ----------------------------------------------------------------------------------- decoder

const ACTIVATIONS = {
  relu: (v) => {
    for (let i = 0; i < v.length; i++) if (v[i] < 0) v[i] = 0;
  },
  silu: (v) => {
    for (let i = 0; i < v.length; i++) v[i] /= 1 + Math.exp(-v[i]);
  },
  tanh: (v) => {
    for (let i = 0; i < v.length; i++) v[i] = Math.tanh(v[i]);
  },
};

function sigmoid(v) {
  for (let i = 0; i < v.length; i++) v[i] = 1 / (1 + Math.exp(-v[i]));
}

// y = W x + b, four rows at a time: each x[j] is loaded once for four independent sums.
function affine(W, b, x, y) {
  const n = x.length;
  const whole = y.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const r0 = i * n;
    const r1 = r0 + n;
    const r2 = r1 + n;
    const r3 = r2 + n;
    let s0 = b[i];
    let s1 = b[i + 1];
    let s2 = b[i + 2];
    let s3 = b[i + 3];
    for (let j = 0; j < n; j++) {
      const v = x[j];
      s0 += W[r0 + j] * v;
      s1 += W[r1 + j] * v;
      s2 += W[r2 + j] * v;
      s3 += W[r3 + j] * v;
    }
    y[i] = s0;
    y[i + 1] = s1;
    y[i + 2] = s2;
    y[i + 3] = s3;
  }
  for (let i = whole; i < y.length; i++) {
    let sum = b[i];
    for (let j = 0; j < n; j++) sum += W[i * n + j] * x[j];
    y[i] = sum;
  }
}

// (x, y) on the plane -> 784 probabilities of ink, in a buffer that the next call reuses.
export function makeDecoder(parsed) {
  const { latent_dim: nLatent, fourier: nFourier, layers, residual, sections } = parsed;
  const { center, axes } = parsed.plane;
  const activate = ACTIVATIONS[parsed.activation];
  if (!activate) throw new Error(`the activation ${parsed.activation} is unknown.`);
  const inputs = new Float32Array(nLatent + 2 * nFourier);
  const outputs = layers.map(([nOut]) => new Float32Array(nOut));

  function embed(x, y) {
    for (let d = 0; d < nLatent; d++) inputs[d] = center[d] + axes[d][0] * x + axes[d][1] * y;
    for (let f = 0; f < nFourier; f++) {
      let angle = 0;
      for (let d = 0; d < nLatent; d++) angle += inputs[d] * sections.fourier[d * nFourier + f];
      inputs[nLatent + f] = Math.sin(angle);
      inputs[nLatent + nFourier + f] = Math.cos(angle);
    }
  }

  return (x, y) => {
    embed(x, y);
    let h = inputs;
    outputs.forEach((out, i) => {
      affine(sections[`w${i}`], sections[`b${i}`], h, out);
      if (i === outputs.length - 1) sigmoid(out);
      else {
        activate(out);
        if (residual && out.length === h.length) out.forEach((_, k) => (out[k] += h[k]));
      }
      h = out;
    });
    return h;
  };
}

// ------------------------------------------------------------------------------ points as pixels

// Discs of one radius at PHASES x PHASES sub-pixel positions, as offsets into the image and
// coverages 0..256. Looking these up is what makes 70,000 smooth points affordable without a GPU.
function makeStencils(radius, opacity, stride) {
  const reach = Math.ceil(radius + 1);
  const stencils = [];
  for (let phase = 0; phase < PHASES * PHASES; phase++) {
    const cx = ((phase % PHASES) + 0.5) / PHASES - 0.5;
    const cy = (Math.floor(phase / PHASES) + 0.5) / PHASES - 0.5;
    const cells = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const coverage = Math.min(1, radius + 0.5 - Math.hypot(x - cx, y - cy));
        if (coverage > 0.04) cells.push(y * stride + x, Math.round(coverage * opacity * 256));
      }
    }
    stencils.push(Int32Array.from(cells));
  }
  return stencils;
}

// Blends every visible point over `pixels` (opaque, ABGR). Red and blue share one multiplication.
function splatPoints(pixels, stride, rows, points, place, stencils, colours) {
  const { coords, labels } = points.sections;
  const { scale, left, top } = place;
  const low = (SPLAT_MARGIN >> 1) * PHASES;
  const right = stride * PHASES - low;
  const bottom = rows * PHASES - low;
  for (let i = 0; i < labels.length; i++) {
    const x = ((coords[2 * i] * scale + left) * PHASES) | 0;
    const y = ((top - coords[2 * i + 1] * scale) * PHASES) | 0;
    if (x < low || x >= right || y < low || y >= bottom) continue;
    const cells = stencils[(y % PHASES) * PHASES + (x % PHASES)];
    const at = ((y / PHASES) | 0) * stride + ((x / PHASES) | 0);
    const redBlue = colours[labels[i]] & 0xff00ff;
    const green = colours[labels[i]] & 0xff00;
    for (let k = 0; k < cells.length; k += 2) {
      const under = pixels[at + cells[k]];
      const cover = cells[k + 1];
      const keep = 256 - cover;
      const rb = (Math.imul(redBlue, cover) + Math.imul(under & 0xff00ff, keep)) >>> 8;
      const g = (Math.imul(green, cover) + Math.imul(under & 0xff00, keep)) >>> 8;
      pixels[at + cells[k]] = 0xff000000 | (rb & 0xff00ff) | (g & 0xff00);
    }
  }
}

// Many points are small and translucent, few are large and solid; both grow as one zooms in.
function pointLook(n, shorterSide, magnification) {
  const crowding = (Math.sqrt(n / 10_000) * 640) / shorterSide;
  const radius = 1.9 * crowding ** -0.42 * Math.max(1, magnification) ** 0.45;
  const opacity = 0.8 * crowding ** -0.35 * Math.max(1, magnification) ** 0.25;
  return { radius: clamp(radius, 0.8, 5.5), opacity: clamp(opacity, 0.3, 0.92) };
}

// ------------------------------------------------------------------------------------- theme

const swatch = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// Any CSS colour as [r, g, b]; the canvas is the one parser that knows all of them.
function toRgb(css) {
  swatch.clearRect(0, 0, 1, 1);
  swatch.fillStyle = css;
  swatch.fillRect(0, 0, 1, 1);
  return [...swatch.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

const mix = (from, to, share) => from.map((v, i) => Math.round(v + (to[i] - v) * share));
const toCss = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;
const toPixel = ([r, g, b]) => 0xff000000 | (b << 16) | (g << 8) | r;

function readTheme(root, palette) {
  const style = getComputedStyle(root);
  const paper = toRgb(style.backgroundColor);
  const ink = toRgb(style.color);
  const dark = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] < 128;
  return {
    dark,
    paper,
    ink,
    accent: toRgb(style.getPropertyValue("--accent")),
    font: style.fontFamily,
    grid: toPixel(mix(paper, ink, dark ? 0.09 : 0.07)),
    origin: toPixel(mix(paper, ink, dark ? 0.24 : 0.2)),
    points: Int32Array.from(palette[dark ? "dark" : "light"], (css) => toPixel(toRgb(css))),
  };
}

// ------------------------------------------------------------------------------------ helpers

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const number = (value, digits) => {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `\u2212${text}` : text; // no "-0.00"
};

function ticks(low, high, spacing) {
  const rough = Math.max(spacing, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    found.push({ value: k * step, text: number(k * step, digits), isOrigin: k === 0 });
  }
  return found;
}

function overlapOf(a, b) {
  const area = ([x0, x1, y0, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const shared = area([
    Math.max(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.min(a[3], b[3]),
  ]);
  return shared / (area(a) + area(b) - shared || 1);
}

// --------------------------------------------------------------------------------------- map

const icon = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
const MARKUP = `
<div class="map" data-testid="latent-map" data-ready="false" tabindex="0" role="application"
     aria-roledescription="map" aria-description="Arrow keys move, with Shift faster; plus and minus
     zoom, 0 fits all digits, Enter picks, Escape lets go.">
  <canvas class="points"></canvas>
  <canvas class="overlay"></canvas>
  <div class="hair across" hidden></div>
  <div class="hair down" hidden></div>
  <div class="ring" hidden></div>
  <div class="controls" role="group" aria-label="Zoom">
    <button type="button" data-act="in" aria-label="Zoom in" title="Zoom in (+)">
      ${icon("M8 3v10M3 8h10")}</button>
    <button type="button" data-act="out" aria-label="Zoom out" title="Zoom out (\u2212)">
      ${icon("M3 8h10")}</button>
    <button type="button" data-act="fit" aria-label="Fit all digits" title="Fit all digits (0)">
      ${icon("M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3")}</button>
  </div>
  <div class="lens" hidden>
    <canvas data-testid="lens" width="${SIDE}" height="${SIDE}"></canvas>
    <div class="lens-z"></div>
    <div class="lens-digit"></div>
  </div>
  <p class="notice"><span>Drawing the map\u2026</span></p>
  <p class="spoken" aria-live="polite"></p>
</div>`;

class LatentMap {
  constructor(parentElement) {
    const mount = parentElement.querySelector(".mount");
    mount.innerHTML = MARKUP;
    const find = (selector) => mount.querySelector(selector);
    this.root = find(".map");
    this.canvas = { points: find(".points"), overlay: find(".overlay") };
    const names = ["across", "down", "ring", "lens", "lens-z", "lens-digit", "notice", "spoken"];
    this.parts = Object.fromEntries(names.map((name) => [name, find(`.${name}`)]));
    this.ink = {
      points: this.canvas.points.getContext("2d", { alpha: false }),
      overlay: this.canvas.overlay.getContext("2d"),
      lens: find(".lens canvas").getContext("2d"),
    };
    this.picture = this.ink.lens.createImageData(SIDE, SIDE);
    this.size = { width: 0, height: 0, ratio: 1, grain: 1 };
    this.pointers = new Map(); // id -> last position, of fingers or buttons that are down
    this.hover = null; // pointer, css px
    this.cursor = null; // keyboard, plane coordinates
    this.pin = null;
    this.shown = null; // what the lens holds
    this.listeners = new AbortController();
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.root);
  }

  dispose() {
    this.listeners.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frameRequest);
    clearTimeout(this.waitTimer);
    clearTimeout(this.restTimer);
  }

  // Python's newest word. The theme may have changed too: Streamlit calls again for that.
  update({ data, setTriggerValue }) {
    this.state = data;
    this.setTriggerValue = setTriggerValue;
    this.pin = data.pin;
    this.root.setAttribute("aria-label", data.label);
    this.theme = readTheme(this.root, data.palette);
    this.shown = null;
    this.resolve();
  }

  // Takes up the two payloads as soon as both are here.
  resolve() {
    const fetch = (held, id) => (held?.id === id ? held : touchPayload(id));
    const decoder = fetch(this.decoder, this.state.decoder);
    const points = fetch(this.points, this.state.points);
    this.isWaiting = !decoder || !points;
    if (this.isWaiting) {
      this.wait();
      return;
    }
    clearTimeout(this.waitTimer);
    this.waitTimer = 0;
    Object.assign(this, { decoder, points });
    const letter = decoder.latent_dim === 2 ? "z" : "u"; // on a plane through more dimensions, u
    this.names = [letter, `${letter}\u2081`, `${letter}\u2082`];
    this.root.dataset.points = points.n;
    this.aim();
    this.schedule(true);
  }

  // Until the first picture a skeleton; after it the old picture stays, but answers nothing.
  wait() {
    this.root.dataset.ready = "false";
    this.schedule();
    const [problem] = problems.values();
    if (problem) this.say(problem, true);
    else if (!this.waitTimer) {
      this.say("Drawing the map\u2026", false);
      const late = "The map's data has not arrived. Reload the page to ask for it again.";
      this.waitTimer = setTimeout(() => this.say(late, true), WAIT_MS);
    }
  }

  say(text, isFinal) {
    this.parts.notice.firstElementChild.textContent = text;
    this.parts.notice.classList.toggle("final", isFinal);
  }

  // ---- camera: centre, and how many units the shorter side spans; equal scale on both axes

  // Keeps the view of this map, unless the digits now lie somewhere else altogether.
  aim() {
    const { id, extent } = this.points;
    const known = cameras.get(this.state.key);
    this.camera = known ?? { fitted: true };
    if (known && (known.id === id || overlapOf(known.extent, extent) > 0.5)) {
      Object.assign(known, { id, extent });
      return;
    }
    cameras.set(this.state.key, Object.assign(this.camera, { id, extent, fitted: true }));
    Object.assign(this.camera, this.fittedView());
  }

  fittedView() {
    const [x0, x1, y0, y1] = this.camera.extent;
    const { width, height } = this.size;
    const shorter = Math.min(width, height) || 1;
    const unitsPerPx = Math.max((x1 - x0) / (width || 1), (y1 - y0) / (height || 1)) || 1 / shorter;
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, span: unitsPerPx * FIT_MARGIN * shorter };
  }

  get unitsPerPx() {
    return this.camera.span / Math.min(this.size.width, this.size.height);
  }

  toPx([x, y]) {
    const { width, height } = this.size;
    const units = this.unitsPerPx;
    return [(x - this.camera.x) / units + width / 2, height / 2 - (y - this.camera.y) / units];
  }

  toPlane([px, py]) {
    const { width, height } = this.size;
    const units = this.unitsPerPx;
    return [this.camera.x + (px - width / 2) * units, this.camera.y + (height / 2 - py) * units];
  }

  look(view) {
    const [x0, x1, y0, y1] = this.camera.extent;
    const full = this.fittedView().span;
    const span = clamp(view.span, full / ZOOM.in, full * ZOOM.out);
    const x = clamp(view.x, x0 - span / 3, x1 + span / 3);
    const y = clamp(view.y, y0 - span / 3, y1 + span / 3);
    Object.assign(this.camera, { x, y, span, fitted: false });
    this.schedule(true);
  }

  // The view in which what lies under `px` stays there.
  zoomed(factor, px) {
    const full = this.fittedView().span;
    const span = clamp(this.camera.span / factor, full / ZOOM.in, full * ZOOM.out);
    const [x, y] = this.toPlane(px);
    const share = span / this.camera.span;
    return { x: x + (this.camera.x - x) * share, y: y + (this.camera.y - y) * share, span };
  }

  zoomTo(factor, px = [this.size.width / 2, this.size.height / 2]) {
    this.glide(this.zoomed(factor, px));
  }

  fit() {
    this.glide(this.fittedView(), () => {
      this.camera.fitted = true; // from now on it follows the size of the window
    });
  }

  glide(to, done = () => {}) {
    const { x, y, span } = this.camera;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const start = performance.now();
    this.motion = (now) => {
      const t = still ? 1 : clamp((now - start) / GLIDE_MS, 0, 1);
      if (t === 1) {
        this.motion = null;
        this.look(to);
        done();
        return;
      }
      const share = 1 - (1 - t) ** 3;
      const reached = span * (to.span / span) ** share;
      // The centre moves in step with the span, which keeps the point zoomed at in its place.
      const isZoom = Math.abs(to.span / span - 1) > 1e-6;
      const moved = isZoom ? (reached - span) / (to.span - span) : share;
      this.look({ x: x + (to.x - x) * moved, y: y + (to.y - y) * moved, span: reached });
    };
    this.schedule();
  }

  resize() {
    const { width, height } = this.root.getBoundingClientRect(); // fractions of a pixel count
    if (!width || !height) return; // in a hidden tab
    const ratio = window.devicePixelRatio || 1;
    this.size = { width, height, ratio, grain: Math.min(ratio, FINEST) };
    for (const [canvas, scale] of [
      [this.canvas.points, this.size.grain],
      [this.canvas.overlay, ratio],
    ]) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    this.image = null;
    if (!this.points) return;
    if (this.camera.fitted) Object.assign(this.camera, this.fittedView());
    this.viewChanged = true;
    this.frame(performance.now()); // at once: a resized canvas is blank
  }

  // ---- frames

  schedule(viewChanged = false) {
    this.viewChanged ||= viewChanged;
    this.frameRequest ||= requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    cancelAnimationFrame(this.frameRequest);
    this.frameRequest = 0;
    if (!this.points || !this.size.width) return;
    this.motion?.(now);
    if (this.viewChanged) this.draw();
    this.refreshLens();
  }

  draw() {
    this.viewChanged = false;
    if (this.size.ratio !== window.devicePixelRatio) this.resize();
    const { width, height } = this.size;
    const [x0, y1] = this.toPlane([0, 0]);
    const [x1, y0] = this.toPlane([width, height]);
    const spacing = 88 * this.unitsPerPx;
    this.ticks = { x: ticks(x0, x1, spacing), y: ticks(y0, y1, spacing) };
    this.drawPoints();
    this.drawOverlay();
    this.root.dataset.view = [x0, x1, y0, y1].map((v) => Number(v.toPrecision(9))).join(",");
    this.root.dataset.ready = String(!this.isWaiting);
    this.root.classList.add("drawn");
  }

  drawPoints() {
    const { width, height } = this.canvas.points;
    const stride = width + 2 * SPLAT_MARGIN;
    const rows = height + 2 * SPLAT_MARGIN;
    this.image ??= this.ink.points.createImageData(stride, rows);
    const pixels = new Int32Array(this.image.data.buffer);
    pixels.fill(toPixel(this.theme.paper));
    this.drawGrid(pixels, stride, rows);
    const { grain } = this.size;
    const scale = grain / this.unitsPerPx;
    const place = {
      scale,
      left: width / 2 - this.camera.x * scale + SPLAT_MARGIN,
      top: height / 2 + this.camera.y * scale + SPLAT_MARGIN,
    };
    const shorter = Math.min(this.size.width, this.size.height);
    const magnification = this.fittedView().span / this.camera.span;
    const { radius, opacity } = pointLook(this.points.n, shorter, magnification);
    const stencils = makeStencils(Math.min(radius * grain, SPLAT_MARGIN / 2 - 2), opacity, stride);
    splatPoints(pixels, stride, rows, this.points, place, stencils, this.theme.points);
    const m = SPLAT_MARGIN;
    this.ink.points.putImageData(this.image, -m, -m, m, m, width, height);
  }

  // The grid lies under the points, hence in their image.
  drawGrid(pixels, stride, rows) {
    const { grain } = this.size;
    for (const { value, isOrigin } of this.ticks.x) {
      const column = Math.round(this.toPx([value, 0])[0] * grain) + SPLAT_MARGIN;
      const colour = isOrigin ? this.theme.origin : this.theme.grid;
      for (let at = column; at < stride * rows; at += stride) pixels[at] = colour;
    }
    for (const { value, isOrigin } of this.ticks.y) {
      const row = Math.round(this.toPx([0, value])[1] * grain) + SPLAT_MARGIN;
      pixels.fill(isOrigin ? this.theme.origin : this.theme.grid, row * stride, (row + 1) * stride);
    }
  }

  drawOverlay() {
    const pen = this.ink.overlay;
    const { width, height, ratio } = this.size;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineJoin = "round";
    pen.lineCap = "round";
    this.drawAxes();
    this.drawGlyphs();
    if (this.state.path) this.drawPath(this.state.path.points.map((p) => this.toPx(p)));
    if (this.state.ellipse) this.drawEllipse(this.state.ellipse);
    for (const id of this.state.highlight) this.drawHighlight(id);
    for (const mark of this.state.marks) this.drawMark(mark);
    if (this.pin) this.drawPin(this.toPx(this.pin.coords));
  }

  drawText(text, x, y, { font, colour, halo }) {
    const pen = this.ink.overlay;
    pen.font = `${font} ${this.theme.font}`;
    pen.strokeStyle = toCss(this.theme.paper, 0.85);
    pen.lineWidth = halo;
    pen.strokeText(text, x, y);
    pen.fillStyle = colour;
    pen.fillText(text, x, y);
  }

  drawAxes() {
    const pen = this.ink.overlay;
    const { width, height } = this.size;
    const quiet = { font: "11px", colour: toCss(this.theme.ink, 0.7), halo: 4 };
    const name = { ...quiet, font: "italic 600 13px" };
    pen.textBaseline = "alphabetic";
    pen.textAlign = "left";
    // Beside its line, never on it: a line that ends in a number reads as a minus.
    for (const { value, text } of this.ticks.x) {
      const [x] = this.toPx([value, 0]);
      if (x > 36 && x < width - 56) this.drawText(text, x + 4, height - 8, quiet);
    }
    for (const { value, text } of this.ticks.y) {
      const [, y] = this.toPx([0, value]);
      if (y > 44 && y < height - 24) this.drawText(text, 8, y - 4, quiet);
    }
    this.drawText(this.names[1], width - 24, height - 9, name);
    this.drawText(this.names[2], 9, 20, name);
  }

  // The digit itself at its class's medoid, so that colour is never the only carrier.
  drawGlyphs() {
    const pen = this.ink.overlay;
    const px = clamp(this.size.width / 30, 17, 25);
    const look = { font: `700 ${px}px`, colour: toCss(this.theme.ink), halo: 5 };
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [label, x, y] of this.points.medoids) {
      this.drawText(String(label), ...this.toPx([x, y]), look);
    }
  }

  // Strokes the current path in `colour` over a wider line of paper, legible on any cloud.
  strokeWithHalo(colour, width) {
    const pen = this.ink.overlay;
    pen.strokeStyle = toCss(this.theme.paper, 0.85);
    pen.lineWidth = width + 3;
    pen.stroke();
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }

  drawDisc([x, y], radius, fill) {
    const pen = this.ink.overlay;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.strokeWithHalo(fill, 1);
    pen.fillStyle = fill;
    pen.fill();
  }

  drawPath(line) {
    const pen = this.ink.overlay;
    const colour = toCss(this.theme.ink);
    pen.beginPath();
    line.forEach(([x, y]) => pen.lineTo(x, y));
    this.strokeWithHalo(colour, 1.75);
    line.forEach((point) => this.drawDisc(point, 2.5, colour));
  }

  // One and two standard deviations, to scale; the axes are those of the covariance.
  drawEllipse({ center, cov: [[a, b], [, c]] }) {
    const pen = this.ink.overlay;
    const mean = (a + c) / 2;
    const spread = Math.hypot((a - c) / 2, b);
    const major = Math.sqrt(Math.max(0, mean + spread)) / this.unitsPerPx;
    const minor = Math.sqrt(Math.max(0, mean - spread)) / this.unitsPerPx;
    const turn = -0.5 * Math.atan2(2 * b, a - c); // y points up on the plane
    const [x, y] = this.toPx(center);
    for (const sigmas of [2, 1]) {
      pen.beginPath();
      pen.ellipse(x, y, sigmas * major, sigmas * minor, turn, 0, 2 * Math.PI);
      pen.fillStyle = toCss(this.theme.accent, 0.1);
      pen.fill();
      this.strokeWithHalo(toCss(this.theme.accent), sigmas === 1 ? 2 : 1.25);
    }
  }

  drawHighlight(id) {
    const coords = this.coordsOf(id);
    if (!coords) return;
    const pen = this.ink.overlay;
    pen.beginPath();
    pen.arc(...this.toPx(coords), 6.5, 0, 2 * Math.PI);
    this.strokeWithHalo(toCss(this.theme.ink), 1.75);
  }

  drawMark({ coords, text }) {
    const pen = this.ink.overlay;
    const [x, y] = this.toPx(coords);
    this.drawDisc([x, y], 10, toCss(this.theme.ink));
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `700 12px ${this.theme.font}`;
    pen.fillStyle = toCss(this.theme.paper);
    pen.fillText(text, x, y + 0.5);
  }

  // With an ellipse to be seen round it the pin is only its dot: a ring would pass for a contour.
  drawPin([x, y]) {
    const pen = this.ink.overlay;
    const accent = toCss(this.theme.accent);
    const hasRing = !this.state.ellipse || this.isWithinRing(this.state.ellipse);
    if (hasRing) {
      pen.beginPath();
      pen.arc(x, y, PIN_RADIUS, 0, 2 * Math.PI);
      this.strokeWithHalo(accent, 2.5);
    }
    this.drawDisc([x, y], hasRing ? 1.75 : 2.5, accent);
  }

  // Whether an ellipse is too small on screen, even at two sigmas, to mark a place by itself.
  isWithinRing({ cov }) {
    return (2 * Math.sqrt(Math.max(cov[0][0], cov[1][1]))) / this.unitsPerPx < PIN_RADIUS - 2;
  }

  // ---- digits

  coordsOf(id) {
    const row = id - this.points.first_id;
    const { coords } = this.points.sections;
    return row >= 0 && row < this.points.n ? [coords[2 * row], coords[2 * row + 1]] : null;
  }

  // The digit nearest to a place on the plane, within `reach` css px; brute force takes < 1 ms.
  nearest([x, y], reach) {
    const { coords, labels } = this.points.sections;
    let best = (reach * this.unitsPerPx) ** 2;
    let row = -1;
    for (let i = 0; i < labels.length; i++) {
      const dx = coords[2 * i] - x;
      const dy = coords[2 * i + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance <= best) {
        best = distance;
        row = i;
      }
    }
    return row < 0 ? null : row + this.points.first_id;
  }

  // ---- lens

  // What the lens is about: the pointer, else the keyboard's cursor, else the pin.
  focus() {
    if (this.isWaiting) return null;
    if (this.hover) return { px: this.hover, coords: this.toPlane(this.hover), isLive: true };
    if (this.cursor) return { px: this.toPx(this.cursor), coords: this.cursor, isLive: true };
    const { coords, id } = this.pin ?? {};
    const px = coords && this.toPx(coords);
    const { width, height } = this.size;
    const isInside = px && px[0] >= 0 && px[1] >= 0 && px[0] <= width && px[1] <= height;
    return isInside ? { px, coords, id, isLive: false } : null;
  }

  refreshLens() {
    const focus = this.focus();
    const { lens, across, down, ring } = this.parts;
    lens.hidden = !focus;
    across.hidden = down.hidden = !focus?.isLive;
    if (!focus) {
      ring.hidden = true;
      this.shown = null;
      delete this.root.dataset.z;
      return;
    }
    const { px, coords, isLive } = focus;
    const id = isLive ? this.nearest(coords, REACH.mouse) : focus.id;
    this.fillLens(coords, id);
    this.placeLens(px, isLive);
    moveTo(across, 0, px[1]);
    moveTo(down, px[0], 0);
    ring.hidden = !isLive || id === null;
    if (!ring.hidden) moveTo(ring, ...this.toPx(this.coordsOf(id)));
  }

  fillLens([x, y], id) {
    if (this.shown && this.shown.x === x && this.shown.y === y && this.shown.id === id) return;
    this.shown = { x, y, id };
    this.drawPicture(this.decoder.decode(x, y));
    const { "lens-z": lensZ, "lens-digit": lensDigit, spoken } = this.parts;
    lensZ.textContent = `${this.names[0]} = (${number(x, 2)}, ${number(y, 2)})`;
    lensDigit.textContent = this.describe(id);
    this.root.dataset.z = `${Number(x.toPrecision(9))},${Number(y.toPrecision(9))}`;
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => {
      spoken.textContent = [lensZ.textContent, lensDigit.textContent].filter(Boolean).join(", ");
    }, REST_MS);
  }

  describe(id) {
    if (id === null || id === undefined) return "";
    const label = this.points.sections.labels[id - this.points.first_id];
    const [split, firstId] = this.state.splits.findLast(([, first]) => first <= id);
    const name = `${split} #${(id - firstId).toLocaleString("en")}`.trim();
    return label === undefined ? name : `a ${label} \u00b7 ${name}`;
  }

  // Ink on paper by day, paper on ink by night; one number per pixel, never interpolated.
  drawPicture(probabilities) {
    const { data } = this.picture;
    const { dark } = this.theme;
    for (let i = 0; i < probabilities.length; i++) {
      const level = 255 * (dark ? probabilities[i] : 1 - probabilities[i]);
      data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = level;
      data[4 * i + 3] = 255;
    }
    this.ink.lens.putImageData(this.picture, 0, 0);
  }

  // Beside the point, on a side with room, so that it never covers what it is about: right and
  // below the pointer, but outwards from a pin, where there is least to hide.
  placeLens([x, y], isLive) {
    const { lens } = this.parts;
    const { width, height } = this.size;
    const beside = (at, size, room, outwards) => {
      const [before, after] = [at - LENS.gap - size, at + LENS.gap];
      const [fitsBefore, fitsAfter] = [before >= LENS.edge, after + size + LENS.edge <= room];
      return fitsAfter && (outwards || !fitsBefore) ? after : before;
    };
    const left = beside(x, lens.offsetWidth, width, isLive || x > width / 2);
    const top = beside(y, lens.offsetHeight, height, isLive || y > height / 2);
    moveTo(lens, Math.round(left), Math.round(Math.max(LENS.edge, top)));
  }

  // ---- input

  listen() {
    const { signal } = this.listeners;
    const on = (target, type, handler, options) =>
      target.addEventListener(type, handler.bind(this), { signal, ...options });
    const surface = this.canvas.overlay;
    on(surface, "pointerdown", this.onDown);
    on(surface, "pointermove", this.onMove);
    on(surface, "pointerup", this.onUp);
    on(surface, "pointercancel", this.onCancel);
    on(surface, "pointerleave", this.onLeave);
    on(surface, "wheel", this.onWheel, { passive: false });
    on(this.root, "keydown", this.onKey);
    on(this.root, "blur", this.releaseCursor);
    on(this.root.querySelector(".controls"), "click", this.onControl);
  }

  at(event) {
    const box = this.root.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.canvas.overlay.setPointerCapture(event.pointerId);
    this.motion = null;
    this.cursor = null;
    this.pointers.set(event.pointerId, this.at(event));
    this.press = { px: this.at(event), isDrag: this.pointers.size > 1 };
  }

  onMove(event) {
    const px = this.at(event);
    if (this.pointers.has(event.pointerId)) this.drag(event, px);
    if (event.pointerType !== "touch") this.hover = px;
    this.cursor = null;
    this.schedule(); // the frame decodes, however many moves came before it
  }

  // One finger pans, two also zoom: move the old middle to the new, scale by the distances.
  drag(event, px) {
    const slop = SLOP[event.pointerType] ?? SLOP.mouse;
    this.press.isDrag ||= distance(px, this.press.px) > slop;
    if (!this.press.isDrag) return;
    const before = grip(this.pointers);
    this.pointers.set(event.pointerId, px);
    const after = grip(this.pointers);
    const view = this.zoomed(before.size ? after.size / before.size : 1, before.middle);
    const units = view.span / Math.min(this.size.width, this.size.height);
    view.x -= (after.middle[0] - before.middle[0]) * units;
    view.y += (after.middle[1] - before.middle[1]) * units;
    this.look(view);
    this.root.classList.add("dragging");
  }

  onUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.pointers.size === 0) this.root.classList.remove("dragging");
    if (this.press.isDrag) return;
    const px = this.at(event);
    const last = this.lastTap;
    const isDouble =
      last && event.timeStamp - last.time < DOUBLE.ms && distance(px, last.px) < DOUBLE.px;
    this.lastTap = isDouble ? null : { px, time: event.timeStamp };
    if (isDouble) this.zoomTo(ZOOM.step ** 2, px);
    else this.pick(this.toPlane(px), REACH[event.pointerType] ?? REACH.mouse);
  }

  onCancel(event) {
    this.pointers.delete(event.pointerId);
    this.root.classList.remove("dragging");
    this.onLeave();
  }

  onLeave() {
    this.hover = null;
    this.schedule();
  }

  onWheel(event) {
    event.preventDefault(); // the map zooms, the page stays
    this.motion = null;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const rate = event.ctrlKey ? 0.01 : 0.0016; // a trackpad's pinch comes as ctrl and small deltas
    const delta = clamp(event.deltaY * lines * rate, -0.7, 0.7);
    this.look(this.zoomed(Math.exp(-delta), this.at(event)));
  }

  onControl(event) {
    const act = event.target.closest("button")?.dataset.act;
    if (!act) return;
    if (act === "fit") this.fit();
    else this.zoomTo(act === "in" ? ZOOM.step : 1 / ZOOM.step);
  }

  onKey(event) {
    if (event.target !== this.root || this.isWaiting) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? STEP.shift : STEP.plain;
    const place = this.cursor && this.toPx(this.cursor);
    const act = {
      ArrowLeft: () => this.moveCursor(-step, 0),
      ArrowRight: () => this.moveCursor(step, 0),
      ArrowUp: () => this.moveCursor(0, -step),
      ArrowDown: () => this.moveCursor(0, step),
      "+": () => this.zoomTo(ZOOM.step, place ?? undefined),
      "=": () => this.zoomTo(ZOOM.step, place ?? undefined),
      "-": () => this.zoomTo(1 / ZOOM.step, place ?? undefined),
      0: () => this.fit(),
      Enter: () => this.cursor && this.pick(this.cursor, REACH.mouse),
      Escape: () => this.releaseCursor(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // The cursor starts at the pin, else in the middle, and takes the view along at the edges.
  moveCursor(dx, dy) {
    const { width, height } = this.size;
    const from = this.cursor ?? this.pin?.coords ?? [this.camera.x, this.camera.y];
    const [px, py] = this.toPx(from);
    const [x, y] = [px + dx, py + dy];
    this.cursor = this.toPlane([x, y]);
    this.hover = null;
    const [pushX, pushY] = [x - clamp(x, 24, width - 24), y - clamp(y, 24, height - 24)];
    if (pushX || pushY) {
      const [cx, cy] = this.toPlane([width / 2 + pushX, height / 2 + pushY]);
      this.look({ x: cx, y: cy, span: this.camera.span });
    }
    this.schedule();
  }

  releaseCursor() {
    this.cursor = null;
    this.schedule();
  }

  // Shown at once; Python's answer replaces it.
  pick(coords, reach) {
    const id = this.nearest(coords, reach);
    this.pin = { coords: id === null ? coords : this.coordsOf(id), id };
    this.setTriggerValue("pick", this.pin);
    this.schedule(true);
  }
}

const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

function grip(pointers) {
  const [a, b = a] = pointers.values();
  return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], size: distance(a, b) };
}

function moveTo(element, x, y) {
  element.style.transform = `translate(${x}px, ${y}px)`;
}
