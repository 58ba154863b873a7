// The lens: what the decoder makes of the place under the pointer, and the nearest real digit.

import { find, penOf } from "../shared/elements.js";
import { SIDE, writeInk } from "../shared/ink.js";
import { fixed, number } from "../shared/numbers.js";
import { isUnpacked, pictureOf, sheetOf } from "./store.js";

/** @import {About, Pixels, Point, Size} from "./types.d.ts" */

const REST_MS = 500; // how long z must rest before it is read aloud
const GAP = { beside: 20, edge: 8, finger: 44 }; // css px from what it is about, and the border
const TOOLBAR = 58; // css px along the right border that a docked lens leaves free
const NARROW = 520; // css px of the map below which a resting lens is docked in a corner

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

  /** @param {About} about */
  show(about) {
    const [x, y] = about.coords;
    const hasPicture = about.near !== null && isUnpacked(sheetOf(about.near.id));
    const key = `${x},${y},${about.near?.id},${about.isSample},${hasPicture},${about.value}`;
    this.card.hidden = false;
    if (this.shown === key) return;
    this.shown = key;
    const pixels = about.decoder.decode(x, y);
    this.drawDecoded(pixels, about);
    this.drawNearest(about, hasPicture);
    const { z, kind, digit, away, value } = this.parts;
    const [name, [first, second]] = about.z ? ["z", about.z] : [about.names[0], about.coords];
    z.textContent = `${name} = (${fixed(first, 2)}, ${fixed(second, 2)})`;
    const { sigma } = pixels;
    const spread = sigma === null ? "" : `, \u03c3 = ${number(sigma, 2)}`;
    kind.textContent = about.isSample ? `sample of p(x|z)${spread}` : "mean of p(x|z)";
    digit.textContent = about.near ? about.name : "";
    away.textContent = about.near ? `${number(about.near.distance)} away in ${name}` : "";
    value.textContent = about.value;
    value.hidden = !about.value;
    this.root.dataset.z = `${Number(x.toPrecision(9))},${Number(y.toPrecision(9))}`;
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      const near = about.near && `nearest digit: ${about.name}, ${away.textContent}`;
      const words = [z.textContent, near, about.value];
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

  // Beside the point, on a side with room, so that it never covers what it is about: right and
  // below the pointer, above a finger, outwards from a pin; on a small map a resting lens goes to
  // the corner farthest from the pin.
  /**
   * @param {Point} px @param {Size} size
   * @param {{ isLive: boolean, isTouch: boolean }} how
   */
  place([x, y], { width, height }, { isLive, isTouch }) {
    const { offsetWidth: wide, offsetHeight: high } = this.card;
    this.card.classList.toggle("resting", !isLive);
    const right = width - GAP.edge - wide;
    const bottom = height - GAP.edge - high;
    if (!isLive && width < NARROW) {
      const left = x > (width - TOOLBAR) / 2 ? GAP.edge : Math.max(GAP.edge, right - TOOLBAR);
      moveTo(this.card, left, y > height / 2 ? GAP.edge : bottom);
      return;
    }
    if (isTouch) {
      const left = Math.max(GAP.edge, Math.min(x - wide / 2, right - TOOLBAR));
      const above = y - GAP.finger - high;
      const beside = x > width / 2 ? GAP.edge : Math.max(GAP.edge, right - TOOLBAR);
      const fits = above >= GAP.edge;
      moveTo(this.card, Math.round(fits ? left : beside), Math.round(Math.max(GAP.edge, above)));
      return;
    }
    /** @param {number} at @param {number} size @param {number} room @param {boolean} outwards */
    const beside = (at, size, room, outwards) => {
      const [before, after] = [at - GAP.beside - size, at + GAP.beside];
      const [fitsBefore, fitsAfter] = [before >= GAP.edge, after + size + GAP.edge <= room];
      return fitsAfter && (outwards || !fitsBefore) ? after : before;
    };
    const left = beside(x, wide, width, isLive || x > width / 2);
    const top = beside(y, high, height, isLive || y > height / 2);
    moveTo(this.card, Math.round(left), Math.round(Math.max(GAP.edge, top)));
  }
}
