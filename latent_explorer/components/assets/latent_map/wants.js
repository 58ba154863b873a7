// What a map asks the server for, each thing once: pictures, fields, values.
//
// Fields belong to a decoder and values to its points, hence their ids in the names: a change of
// checkpoint draws the new map first, and asks for its layers then.

import { claimSheet, hasSheet, isUnpacked, sheetOf } from "./store.js";

/** @import {LatentMap} from "./map.js" */

const IDLE_MS = 400; // without any move: pictures may be asked for
const sheetName = (/** @type {number} */ i) => `images:${i}`;

export class Wants {
  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
    /** @type {Set<string>} */
    this.asked = new Set();
    this.idleTimer = 0;
  }

  stop() {
    clearTimeout(this.idleTimer);
  }

  get names() {
    const { decoder, points } = this.map;
    return { fields: `fields:${decoder.id}`, values: `values:${decoder.id}:${points.id}` };
  }

  fields() {
    this.want([this.names.fields]);
  }

  values() {
    this.want([this.names.values]);
  }

  // Asks for sheets of pictures, unless another map of the page has done so.
  /** @param {Iterable<number>} numbers */
  sheets(numbers) {
    if (this.map.state.images === null) return; // the page has none to give
    this.want([...numbers].filter((i) => !hasSheet(i) && claimSheet(i)).map(sheetName));
  }

  /** @param {string[]} names */
  want(names) {
    this.forgetOld();
    const fresh = names.filter((name) => !this.asked.has(name));
    if (!fresh.length) return;
    fresh.forEach((name) => this.asked.add(name));
    this.map.setStateValue("wants", [...this.asked].sort());
  }

  // A sheet that has come stays in the browser, and other checkpoints' layers are not shown: the
  // server need not keep them at hand.
  forgetOld() {
    const { fields, values } = this.names;
    for (const name of this.asked) {
      const isOpen = name.startsWith("images:") ? !this.has(name) : [fields, values].includes(name);
      if (!isOpen) this.asked.delete(name);
    }
  }

  // Sheets come one by one while nothing moves; the first after the first painting.
  idle() {
    clearTimeout(this.idleTimer);
    this.idleTimer = window.setTimeout(() => {
      if (!this.map.points) return; // the first map is still to come
      const isBusy = [...this.asked].some((name) => !this.has(name));
      if (!isBusy) this.sheets(this.sheetsToCome().slice(0, 1));
      this.map.scene.mosaic.wake(); // so that a first mosaic is as quick as any other
      this.settle();
    }, IDLE_MS);
  }

  sheetsToCome() {
    const { points, state } = this.map;
    if (!points || state.images === null) return [];
    const first = sheetOf(points.first_id);
    const last = sheetOf(points.first_id + points.n - 1);
    const all = Array.from({ length: last - first + 1 }, (_, k) => first + k);
    return all.filter((i) => !isUnpacked(i));
  }

  /** @param {string} name */
  has(name) {
    const [kind, i] = name.split(":");
    if (kind === "images") return isUnpacked(Number(i));
    if (!Object.values(this.names).includes(name)) return true; // of no use any more
    return Boolean(kind === "fields" ? this.map.fieldsPayload : this.map.values);
  }

  // Says whether the map is drawn and expects nothing more from the server.
  settle() {
    const { dataset } = this.map.root;
    const isComing = this.sheetsToCome().length || ![...this.asked].every((name) => this.has(name));
    dataset.settled = String(dataset.ready === "true" && !isComing);
  }
}
