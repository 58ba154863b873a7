// The lens: what the decoder makes of the place under the pointer, and the nearest real digit.

import { find, penOf } from "../shared/elements.js";
import { SIDE, writeInk } from "../shared/ink.js";
import { fixed, number } from "../shared/numbers.js";
import { besidePlace, docked } from "./placement.js";
import { isUnpacked, pictureOf, sheetOf } from "./store.js";

/** @import {Box, Room} from "./placement.js" */
/** @import {About, Pixels, Point} from "./types.d.ts" */

const SAME = 1e-6; // z units; float32 codes tell no places apart that are nearer
const REST_MS = 500; // how long z must rest before it is read aloud

/** @param {HTMLElement} element @param {number} x @param {number} y */
export const moveTo = (element, x, y) => {
  element.style.transform = `translate(${x}px, ${y}px)`;
};

// A draw of the pixels, x ~ p(x|z), of which `sigma` is null if they are binary.
/** @param {Pixels} pixels @param {Float32Array} out */
function samplePixels({ mean, sigma }, out) {
  for (let i = 0; i < mean.length; i++) {
    if (sigma !== null) {
      const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
      const noise = radius * Math.cos(2 * Math.PI * Math.random());
      out[i] = Math.min(1, Math.max(0, mean[i] + sigma * noise));
    } else out[i] = Math.random() < mean[i] ? 1 : 0;
  }
  return out;
}

export class Lens {
  /** @param {HTMLElement} root */
  constructor(root) {
    const element = (/** @type {string} */ selector) => find(root, selector, HTMLElement);
    const canvas = (/** @type {string} */ name) =>
      penOf(find(root, `[data-testid="${name}"]`, HTMLCanvasElement));
    this.root = root;
    this.card = element(".lens");
    this.parts = {
      z: element(".lens-z"),
      kind: element(".lens-kind"),
      digit: element(".lens-digit"),
      away: element(".lens-away"),
      value: element(".lens-value"),
      pile: element(".lens-pile"),
      near: element(".lens-near"),
      spoken: element(".spoken"),
    };
    this.decoded = canvas("lens");
    this.nearest = canvas("lens-nearest");
    this.image = this.decoded.createImageData(SIDE, SIDE);
    this.drawn = new Float32Array(SIDE * SIDE);
    this.restTimer = 0;
    /** @type {string | null} */
    this.shown = null;
    /** @type {Point | null} */
    this.dock = null; // where it rests
  }

  stop() {
    clearTimeout(this.restTimer);
  }

  forget() {
    this.shown = null;
  }

  hide() {
    this.card.hidden = true;
    this.shown = null;
    clearTimeout(this.restTimer);
    delete this.root.dataset.z;
  }

  // Draws what it is about; a closed lens does so too, but nobody sees it until it is opened.
  /** @param {About} about @param {boolean} isClosed */
  show(about, isClosed) {
    const [x, y] = about.coords;
    const hasPicture = about.near !== null && isUnpacked(sheetOf(about.near.id));
    const key = `${x},${y},${about.near?.id},${about.isSample},${hasPicture},${about.value}`;
    this.card.hidden = isClosed;
    if (this.shown === key) return;
    this.shown = key;
    const pixels = about.decoder.decode(x, y);
    this.drawDecoded(pixels, about);
    this.drawNearest(about, hasPicture);
    const { z, kind, digit, away, value, pile } = this.parts;
    const [name, [first, second]] = about.z ? ["z", about.z] : [about.names[0], about.coords];
    z.textContent = `${name} = (${fixed(first, 2)}, ${fixed(second, 2)})`;
    const { sigma } = pixels;
    const spread = sigma === null ? "" : `, \u03c3 = ${number(sigma, 2)}`;
    kind.textContent = about.isSample ? `sample of p(x|z)${spread}` : "mean of p(x|z)";
    digit.textContent = about.near ? about.name : "";
    const distance = about.near && about.near.distance > SAME ? about.near.distance : 0;
    away.textContent = about.near ? `${number(distance)} away in ${name}` : "";
    value.textContent = about.value;
    value.hidden = !about.value;
    pile.textContent = about.pile > 1 ? `one of ${about.pile.toLocaleString("en")} here` : "";
    pile.hidden = about.pile < 2;
    this.root.dataset.z = `${Number(x.toPrecision(9))},${Number(y.toPrecision(9))}`;
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      const near = about.near && `nearest digit: ${about.name}, ${away.textContent}`;
      const words = [z.textContent, near, pile.textContent, about.value];
      this.parts.spoken.textContent = words.filter(Boolean).join(", ");
    }, REST_MS);
  }

  /** @param {Pixels} pixels @param {About} about */
  drawDecoded(pixels, { isSample, theme }) {
    const ink = isSample ? samplePixels(pixels, this.drawn) : pixels.mean;
    writeInk(this.image, ink, theme.dark, 1);
    this.decoded.putImageData(this.image, 0, 0);
  }

  /** @param {About} about @param {boolean} hasPicture */
  drawNearest({ near, theme }, hasPicture) {
    this.parts.near.hidden = !near;
    this.parts.near.classList.toggle("waiting", !hasPicture);
    const ink = near && pictureOf(near.id);
    if (!ink) return;
    this.root.dataset.nearest = String(near.id);
    writeInk(this.image, ink, theme.dark);
    this.nearest.putImageData(this.image, 0, 0);
  }

  // Lies beside what is pointed at: it goes along, and is no target.
  /** @param {Point} px @param {Room} room @param {boolean} isTouch */
  follow(px, room, isTouch) {
    this.card.classList.remove("resting");
    moveTo(this.card, ...besidePlace(px, this.size, room, isTouch));
    this.dock = null;
  }

  // Rests in a corner, smaller, and can be closed.
  /** @param {Point} pin @param {Room} room @param {(box: Box) => number} crowd */
  rest(pin, room, crowd) {
    this.card.classList.add("resting");
    this.dock = docked(pin, this.size, room, crowd, this.dock);
    moveTo(this.card, ...this.dock);
  }

  get hasFocus() {
    return this.card.matches(":focus-within");
  }

  get size() {
    return { width: this.card.offsetWidth, height: this.card.offsetHeight };
  }
}
