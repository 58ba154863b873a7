// One map: what it shows, when it draws, and what it tells Python.

import { address } from "../shared/address.js";
import { find, holderOf, penOf } from "../shared/elements.js";
import { copyLink } from "../shared/link.js";
import { reportTo } from "../shared/problem.js";
import { Aim } from "./aim.js";
import { Camera } from "./camera.js";
import { Cloud } from "./cloud.js";
import { Controls } from "./controls.js";
import { download, lensPicture, mapPicture } from "./exporting.js";
import { distance, latentAt, placeOf } from "./geometry.js";
import { Membership } from "./group.js";
import { Input, ZOOM_STEP } from "./input.js";
import { Lens } from "./lens.js";
import { MarkDrag } from "./mark_drag.js";
import { markup } from "./markup.js";
import { pointsLook } from "./points_look.js";
import { Scene } from "./scene.js";
import { combine, marksFrom, messageOf, Shape } from "./selection.js";
import * as store from "./store.js";
import { readMapTheme } from "./theme.js";
import { isComputed, Vocabulary } from "./vocabulary.js";
import { Wants } from "./wants.js";

const WAIT_MS = 10_000; // a payload that has not come by then is worth a word
const REST_MS = 140; // without a change of view: what was put off is done now
const FINEST = 2; // image px per css px at most: beyond it points cost more and look the same

/** @import {Bytes, Decoder, FieldsPayload, Legend, MapState, Mode, Motion, Mount, Pen, Pin, Point, Points, Settings, Tool, ValuesPayload, View} from "./types.d.ts" */

/** @type {Map<string, Settings>} */
const kept = new Map(); // Python's key of a map -> its layers, colour, lens; outlives pages

/** @param {Vocabulary} vocabulary */
const usualLayers = ({ layers }) => layers.filter((layer) => layer.is_on).map(({ name }) => name);

/** @param {string} key @param {Vocabulary} vocabulary */
function settingsOf(key, vocabulary) {
  const settings = kept.get(key) ?? {
    layers: new Set(usualLayers(vocabulary)),
    colour: vocabulary.colours[0]?.name,
    isSample: false,
    rests: null,
    told: new Set(),
  };
  kept.set(key, settings);
  return settings;
}

export class LatentMap {
  /** @param {Mount<MapState>["parentElement"]} parentElement @param {MapState} state */
  constructor(parentElement, state) {
    this.state = state;
    this.vocabulary = new Vocabulary(state.vocabulary);
    const mount = find(parentElement, ".mount", HTMLElement);
    mount.innerHTML = markup(this.vocabulary);
    const element = (/** @type {string} */ name) => find(mount, `.${name}`, HTMLElement);
    this.root = element("map");
    this.canvas = {
      points: find(mount, ".points", HTMLCanvasElement),
      overlay: find(mount, ".overlay", HTMLCanvasElement),
    };
    this.ink = {
      points: penOf(this.canvas.points, { alpha: false }),
      overlay: penOf(this.canvas.overlay),
    };
    this.parts = {
      across: element("across"),
      down: element("down"),
      ring: element("ring"),
      legends: element("legends"),
      toolbar: element("toolbar"),
      notice: element("notice"),
      words: element("notice span"),
    };
    /** @type {Mount<MapState>["setTriggerValue"]} */
    this.setTriggerValue = () => {};
    /** @type {Mount<MapState>["setStateValue"]} */
    this.setStateValue = () => {};
    // Without these two there is no map: whoever reads them has seen that it is not waiting.
    this.decoder = /** @type {Decoder} */ (/** @type {unknown} */ (null));
    this.points = /** @type {Points} */ (/** @type {unknown} */ (null));
    /** @type {FieldsPayload | null} */
    this.fieldsPayload = null;
    /** @type {ValuesPayload | null} */
    this.values = null;
    /** @type {ValuesPayload | null} */
    this.drift = null;
    this.isWaiting = true;
    this.camera = Camera.of(state.key);
    this.settings = settingsOf(state.key, this.vocabulary);
    this.theme = this.readTheme();
    this.names = ["z", "", ""]; // of z and its two axes
    this.size = { width: 0, height: 0, ratio: 1, grain: 1 };
    /** @type {Pin | null} */
    this.pin = null;
    /** @type {Tool} */
    this.tool = "pan";
    /** @type {Shape | null} */
    this.shape = null; // a lasso or box under way
    /** @type {Bytes | null} */
    this.marks = null; // who is selected
    this.marksName = "";
    this.selectedWord = ""; // of Python, taken last
    this.lookName = "";
    this.pointsLook = /** @type {ReturnType<typeof pointsLook>} */ (/** @type {unknown} */ (null));
    /** @type {Legend[]} */
    this.legends = [];
    /** @type {Motion | null} */
    this.motion = null;
    this.viewChanged = false;
    this.frameRequest = this.waitTimer = this.restTimer = 0;
    this.scene = new Scene(this);
    this.wants = new Wants(this);
    this.lens = new Lens(this.root);
    this.aim = new Aim(this);
    this.drag = new MarkDrag(this);
    this.group = new Membership(this);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.controls = new Controls(this.root, this, signal);
    this.input = new Input(this, this.canvas.overlay, signal);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.root);
    this.onNews = () => this.resolve();
    store.watch(this.onNews);
    // Streamlit pales what waits for a run; the map answers all the while.
    holderOf(parentElement)?.style.setProperty("opacity", "1", "important");
  }

  stop() {
    this.group.leave();
    address.drop(this);
    this.listeners.abort();
    this.observer.disconnect();
    store.unwatch(this.onNews);
    cancelAnimationFrame(this.frameRequest);
    for (const timer of [this.waitTimer, this.restTimer]) clearTimeout(timer);
    const { scene, wants, lens, drag, controls, input } = this;
    const parts = [scene.mosaic, wants, lens, drag, controls, input];
    for (const part of parts) part.stop();
  }

  // Python's newest word. The theme may have changed too: Streamlit calls again for that.
  /** @param {Omit<Mount<MapState>, "parentElement">} word */
  update({ data, setTriggerValue, setStateValue }) {
    this.state = data;
    this.setTriggerValue = setTriggerValue;
    this.setStateValue = setStateValue;
    this.pin = data.pin;
    this.root.setAttribute("aria-label", data.label);
    this.theme = this.readTheme();
    this.settings = settingsOf(data.key, this.vocabulary);
    this.camera = Camera.of(data.key);
    this.camera.resize(this.size);
    this.lens.forget();
    this.drag.update(data.key);
    this.group.join(data.group);
    this.resolve();
  }

  readTheme() {
    return readMapTheme(this.root, this.state.palette, this.vocabulary.classes);
  }

  // Takes up the payloads as soon as those without which there is no map are here.
  resolve() {
    /**
     * @template {{ id: string } | null} T
     * @param {T} held @param {string} id @returns {T}
     */
    const fetch = (held, id) => (held?.id === id ? held : store.touchPayload(id));
    const decoder = fetch(this.decoder, this.state.decoder);
    const points = fetch(this.points, this.state.points);
    /**
     * @template T
     * @param {T & { id: string } | null} held @param {string | null} id
     */
    const payload = (held, id) => (id ? fetch(held, id) : null);
    this.fieldsPayload = payload(this.fieldsPayload, this.state.fields);
    this.values = payload(this.values, this.state.values);
    this.drift = payload(this.drift, this.state.drift);
    this.isWaiting = !decoder || !points || this.vocabulary.isEmpty;
    if (this.isWaiting) {
      this.wait();
      return;
    }
    clearTimeout(this.waitTimer);
    this.waitTimer = 0;
    this.decoder = decoder;
    this.points = points;
    this.scene.mosaic.use(decoder);
    // on a plane through more dimensions, or a turned one, u
    const letter = decoder.latent_dim === 2 && !this.state.turn ? "z" : "u";
    this.names = [letter, `${letter}\u2081`, `${letter}\u2082`];
    this.root.dataset.points = String(points.n);
    this.group.aim();
    this.takeStart();
    this.takeSelection();
    this.lens.forget();
    this.refresh();
  }

  // What a link asks for, once.
  takeStart() {
    const { start } = this.state;
    const word = JSON.stringify(start);
    if (!start || this.camera.startsTaken.has(word) || !this.size.width) return;
    this.camera.startsTaken.add(word);
    if (start.view) this.look(this.camera.viewOf(start.view));
    else this.camera.fit();
    this.settings.layers = new Set(start.layers ?? usualLayers(this.vocabulary));
    this.settings.colour = start.colour;
  }

  // Python's selection; a new word of it replaces what the browser has.
  takeSelection() {
    const { selected, selects } = this.state;
    const word = `${this.points.id}/${JSON.stringify(selected)}`;
    if (word === this.selectedWord || (!selects && !selected)) return;
    this.selectedWord = word;
    this.setMarks(marksFrom(selected, this.points));
  }

  // Until the first picture a skeleton; after it the old picture stays, but answers nothing.
  wait() {
    this.root.dataset.ready = "false";
    this.wants.settle();
    this.schedule();
    const problem = store.problem();
    if (this.vocabulary.isEmpty) this.say("The map was not told which layers there are.", true);
    else if (problem) this.say(problem, true);
    else if (!this.waitTimer) {
      this.say("Drawing the map\u2026", false);
      const late = "The map's data has not arrived. Reload the page to ask for it again.";
      this.waitTimer = window.setTimeout(() => this.say(late, true), WAIT_MS);
    }
  }

  /** @param {string} text @param {boolean} isFinal */
  say(text, isFinal) {
    this.parts.words.textContent = text;
    this.parts.notice.classList.toggle("final", isFinal);
  }

  // ---- looks

  get layers() {
    return this.settings.layers;
  }

  // Entries of the layers that are on, in the order in which they are painted.
  get shown() {
    return this.vocabulary.layers.filter(({ name }) => this.layers.has(name));
  }

  get colour() {
    return this.vocabulary.colour(this.settings.colour) ?? this.vocabulary.colours[0];
  }

  /** @param {string} name */
  setLayer(name, isOn = !this.layers.has(name)) {
    if (this.missing().has(name)) return;
    if (isOn) this.layers.add(name);
    else this.layers.delete(name);
    this.refresh();
    this.announce(`${this.vocabulary.layer(name)?.title} ${isOn ? "on" : "off"}`);
  }

  /** @param {string} colour */
  setColour(colour) {
    this.settings.colour = colour;
    this.refresh();
    this.announce(`Points by ${colour}`);
  }

  nextColour() {
    const missing = this.missing();
    const names = this.vocabulary.colours.map(({ name }) => name);
    const allowed = names.filter((name) => !missing.has(name));
    this.setColour(allowed[(allowed.indexOf(this.settings.colour) + 1) % allowed.length]);
  }

  /** @param {boolean} isSample */
  setSample(isSample) {
    this.settings.isSample = isSample;
    this.lens.forget();
    this.refresh();
    this.announce(isSample ? "The lens samples" : "The lens shows the mean");
  }

  // Whether the lens stays open at the pin: as one has chosen, else unless the page shows what is
  // pinned beside the map.
  get rests() {
    return this.settings.rests ?? !this.state.pinIsBeside;
  }

  setRests(isOpen = !this.rests) {
    this.settings.rests = isOpen;
    if (this.lens.hasFocus) this.root.focus({ preventScroll: true }); // its button goes with it
    this.refresh();
    this.announce(isOpen ? "The lens stays open at the pin" : "The lens is closed at the pin");
  }

  /** @param {string} text */
  announce(text) {
    this.lens.parts.spoken.textContent = text;
  }

  get payloads() {
    const { fieldsPayload: fields, values } = this;
    return { fields, values, isCompared: Boolean(this.state.drift) };
  }

  // Layers and colours that the checkpoint is known not to have.
  missing() {
    return this.vocabulary.missing(this.payloads);
  }

  // The payload that brings the numbers of the colour, once it is here; drift comes unasked.
  get numbers() {
    return { points: null, values: this.values, drift: this.drift }[this.colour.source];
  }

  // Says what is wrong, whenever there is something new.
  /** @param {Set<string>} missing */
  complain(missing) {
    const { settings, vocabulary, payloads } = this;
    const asked = [...this.shown, this.colour];
    const found = vocabulary.complaints(payloads, asked, missing, this.state.start);
    if (found.some((text) => !settings.told.has(text))) this.controls.complain(found);
    settings.told = new Set(found);
  }

  // After any change of what is shown: dots' colours, legends, switches, and what must be fetched.
  refresh() {
    if (!this.points) return;
    const { layers, theme, fieldsPayload, settings } = this;
    const missing = this.missing();
    this.complain(missing);
    if (missing.has(settings.colour)) settings.colour = this.vocabulary.colours[0].name;
    const { isSample } = settings;
    const { colour, numbers } = this;
    const name = `${this.points.id}/${colour.name}/${numbers?.id}/${theme.name}`;
    if (this.lookName !== name) {
      this.lookName = name;
      this.pointsLook = pointsLook(this.points, colour, numbers, theme);
    }
    const needsFields = this.shown.filter(isComputed).map((layer) => layer.name);
    if (needsFields.length && !fieldsPayload) this.wants.fields();
    const lacksNumbers = colour.kind !== "class" && !numbers;
    if (lacksNumbers && colour.source === "values") this.wants.values();
    const waiting = new Set(fieldsPayload ? [] : needsFields);
    if (lacksNumbers) waiting.add("colour");
    this.legends = this.scene.legends();
    this.controls.legends(this.legends);
    const said = { ...fieldsPayload?.said, ...numbers?.said };
    const canSelect = this.state.selects;
    const { tool } = this;
    const on = { layers, colour: colour.name, isSample, rests: this.rests, tool };
    this.controls.show({ ...on, missing, said, waiting, canSelect });
    Object.assign(this.root.dataset, {
      layers: [...layers].sort().join(","),
      colour: colour.name,
      tool,
      lens: isSample ? "sample" : "mean",
      selected: this.marks ? this.marks.reduce((sum, mark) => sum + mark, 0) : 0,
    });
    this.wants.settle();
    this.schedule(true);
  }

  // ---- view

  /** @param {View} view */
  look(view) {
    this.camera.look(view);
    this.group.share();
    this.schedule(true);
  }

  /** @param {number} factor @param {Point} px */
  zoomTo(factor, px = [this.size.width / 2, this.size.height / 2]) {
    this.motion = this.camera.glide(this.camera.zoomed(factor, px));
    this.schedule();
  }

  fit() {
    const glide = this.camera.glide(this.camera.fittedView());
    this.motion = (now) => {
      const hasArrived = glide(now);
      if (hasArrived) this.camera.fit(); // from now on it follows the size of the window
      return hasArrived;
    };
    this.schedule();
  }

  resize() {
    const { width, height } = this.root.getBoundingClientRect(); // fractions of a pixel count
    if (!width || !height) return; // in a hidden tab
    const ratio = window.devicePixelRatio || 1;
    this.size = { width, height, ratio, grain: Math.min(ratio, FINEST) };
    for (const { canvas, scale } of [
      { canvas: this.canvas.points, scale: this.size.grain },
      { canvas: this.canvas.overlay, scale: ratio },
    ]) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    this.camera.resize(this.size);
    if (!this.points) return;
    this.takeStart();
    this.viewChanged = true;
    this.frame(performance.now()); // at once: a resized canvas is blank
  }

  // ---- frames

  schedule(viewChanged = false) {
    this.viewChanged ||= viewChanged;
    this.frameRequest ||= requestAnimationFrame((now) => this.frame(now));
    this.wants.idle();
  }

  /** @param {number} now */
  frame(now) {
    cancelAnimationFrame(this.frameRequest);
    this.frameRequest = 0;
    if (!this.points || !this.size.width) return;
    if (this.motion) {
      const hasArrived = this.motion(now);
      if (hasArrived) this.motion = null;
      else this.schedule();
      this.group.share();
      this.viewChanged = true;
    }
    if (this.viewChanged) this.draw();
    this.aim.refresh();
  }

  draw(mayStretch = true) {
    this.viewChanged = false;
    if (this.size.ratio !== (window.devicePixelRatio || 1)) this.resize();
    const { width, height, grain, ratio } = this.size;
    const { camera, theme } = this;
    const view = { width, height, camera, theme };
    this.scene.prepare(view);
    const isFinal = this.scene.base(this.ink.points, { ...view, ratio: grain }, mayStretch);
    this.scene.overlay(this.ink.overlay, { ...view, ratio });
    clearTimeout(this.restTimer);
    if (!isFinal) this.restTimer = window.setTimeout(() => this.draw(false), REST_MS);
    const corners = camera.rectangle();
    this.root.dataset.view = corners.map((v) => Number(v.toPrecision(9))).join(",");
    this.root.dataset.ready = String(!this.isWaiting);
    this.root.classList.add("drawn");
    if (!this.isWaiting) address.add(this, () => this.seen());
  }

  // ---- digits

  /** @param {number} id @returns {Point | null} */
  coordsOf(id) {
    const row = id - this.points.first_id;
    const { coords } = this.points.sections;
    return row >= 0 && row < this.points.n ? [coords[2 * row], coords[2 * row + 1]] : null;
  }

  // "a 7 · test #1,234"
  /** @param {number} id */
  describe(id) {
    const label = this.points.sections.labels[id - this.points.first_id];
    const [split, firstId] = this.state.splits.findLast(([, first]) => first <= id) ?? ["", 0];
    const name = `${split} #${(id - firstId).toLocaleString("en")}`.trim();
    return label === undefined ? name : `a ${this.theme.classes[label]} \u00b7 ${name}`;
  }

  /** @param {Point} coords */
  toLatent(coords) {
    return latentAt(this.decoder.plane, coords);
  }

  /** @param {number[]} z */
  toPlanePoint(z) {
    return placeOf(this.decoder.plane, z);
  }

  // ---- selection

  /** @param {Bytes | null} marks */
  setMarks(marks) {
    this.marks = marks?.some(Boolean) ? marks : null;
    this.marksName = this.marks ? `${performance.now()}` : "";
  }

  /** @param {Point} px */
  startShape(px) {
    this.shape = new Shape(this.tool, this.camera.toPlane(px), px);
    this.schedule(true);
  }

  /** @param {Point} px */
  moveShape(px, isByKeys = false) {
    if (!this.shape || (isByKeys && this.shape.tool === "lasso")) return; // its corners are set one by one
    this.shape.moveTo(this.camera.toPlane(px), px);
    this.schedule(true);
  }

  // A corner set by keys; false where the last one lies already.
  /** @param {Point} px */
  addCorner(px) {
    if (!this.shape || distance(px, this.shape.lastPx) < 1) return false;
    this.shape.moveTo(this.camera.toPlane(px), px);
    this.schedule(true);
    return true;
  }

  dropShape(clears = false) {
    if (this.shape && clears) this.clearSelection();
    this.shape = null;
    this.schedule(true);
  }

  /** @param {Mode} mode */
  finishShape(mode) {
    if (!this.shape) return;
    const { polygon, tool } = this.shape;
    this.shape = null;
    const inside = this.points.index.insidePolygon(polygon);
    this.select(combine(this.marks, inside, mode), tool);
  }

  clearSelection() {
    if (!this.marks) return false;
    this.select(new Uint8Array(this.points.n), "clear");
    return true;
  }

  /** @param {Bytes} marks @param {string} how */
  select(marks, how) {
    const message = messageOf(marks, this.points, how);
    this.setMarks(marks);
    this.group.shareMarks(marks);
    this.setTriggerValue("select", message);
    this.refresh();
    const count = message.n.toLocaleString("en");
    this.announce(message.n ? `${count} digits selected` : "Nothing selected");
  }

  // ---- the toolbar's and the menus' deeds

  /** @param {string} name */
  act(name) {
    const fail = reportTo((message) => this.controls.complain([`That failed: ${message}`]));
    const [, scale] = name.match(/^png-(\d)$/) ?? [];
    if (scale) this.exportMap(Number(scale)).catch(fail);
    else ACTS[name]?.(this)?.catch(fail);
  }

  /** @param {Tool} tool */
  setTool(tool) {
    this.shape = null;
    this.tool = this.state.selects ? tool : "pan";
    this.refresh();
    this.announce(`${tool[0].toUpperCase()}${tool.slice(1)} tool`);
  }

  resample() {
    this.settings.isSample = true;
    this.lens.forget();
    this.refresh();
  }

  /** @param {number} scale */
  async exportMap(scale) {
    const { width, height } = this.size;
    const { camera, theme } = this;
    const view = { width, height, camera, theme, ratio: scale };
    /** @param {Pen} pen @param {Pen} overlayPen */
    const paint = (pen, overlayPen) => {
      this.scene.base(pen, view, false, new Cloud());
      this.scene.overlay(overlayPen, view);
    };
    download(await mapPicture(paint, view, this.legends), `latent-map-${scale}x.png`);
    this.controls.toast(`Downloaded at ${scale}\u00d7`);
  }

  async exportLens() {
    if (this.lens.shown === null) {
      this.controls.toast("Pin a place first: the lens is empty");
      return;
    }
    download(await lensPicture(this.lens.decoded.canvas), "latent-lens.png");
    this.controls.toast("Downloaded the lens");
  }

  // What a link to this page says of the map.
  seen() {
    const side = this.state.group?.side ?? "";
    const corners = this.camera.rectangle().map((v) => Number(v.toPrecision(6)));
    return {
      ...(this.camera.isFitted ? {} : { [`view${side}`]: corners.join(",") }),
      [`layers${side}`]: this.shown.map(({ name }) => name).join(",") || "none",
      [`colour${side}`]: this.colour.name,
    };
  }

  async copyLink() {
    if (await copyLink(this.root)) this.controls.toast("Link copied");
  }
}

/** @type {Record<string, (map: LatentMap) => Promise<void> | void>} */
const ACTS = {
  in: (map) => map.zoomTo(ZOOM_STEP),
  out: (map) => map.zoomTo(1 / ZOOM_STEP),
  fit: (map) => map.fit(),
  pan: (map) => map.setTool("pan"),
  lasso: (map) => map.setTool("lasso"),
  box: (map) => map.setTool("box"),
  resample: (map) => map.resample(),
  rest: (map) => map.setRests(),
  switch: (map) => map.setSample(!map.settings.isSample),
  link: (map) => map.copyLink(),
  "png-lens": (map) => map.exportLens(),
};
