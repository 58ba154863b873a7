// Payloads that Python has sent, by id, and the digits' pictures; shared by all maps of the tab.
//
// Everything here outlives reruns and changes of page.
import { PIXELS } from "../shared/ink.js";
import { reportTo, textOf } from "../shared/problem.js";
import { Background } from "./background.js";
import { makeDecoder } from "./decoder.js";
import { PointIndex } from "./point_index.js";
import { parsePayload, readHeader } from "./payload.js";

/** @import {Bytes, DecoderPayload, ImagesPayload, Payload} from "./types.d.ts" */

/** @type {Record<string, number>} */
const KEPT = { images: 0, decoder: 8, points: 8, fields: 8, values: 8, drift: 8 }; // images: as pictures only
const SHEET = 10_000; // digits a sheet
const CLAIM_MS = 20_000; // after which a sheet that has not come may be asked for again

/** @type {Map<string, Payload>} */
const payloads = new Map(); // id -> payload, least recently used first
/** @type {Map<Element, string>} */
const problems = new Map(); // mount -> why its payload could not be read
/** @type {Map<number, number>} */
const claims = new Map(); // number of a sheet -> when it was asked for
/** @type {Set<() => void>} */
const watchers = new Set(); // called when something has come
/** @type {Map<number, Uint8Array | null>} */
const sheets = new Map(); // number of a sheet -> Uint8Array of ink, or null while it is unpacked

/** @param {() => void} watcher */
export const watch = (watcher) => watchers.add(watcher);
/** @param {() => void} watcher */
export const unwatch = (watcher) => watchers.delete(watcher);
export const problem = () => problems.values().next().value;
const tell = () => watchers.forEach((watcher) => watcher());

// Takes a payload; `mount` is whoever brought it. Returns what forgets the mount again.
/** @param {Uint8Array} bytes @param {Element} mount */
export function keepPayload(bytes, mount) {
  try {
    const { id, kind } = readHeader(bytes).header;
    if (!payloads.has(id)) {
      const payload = parsePayload(bytes);
      if (kind === "images")
        unpackSheet(payload).catch(reportTo(() => {})); // the map lives without
      else payloads.set(id, prepare(payload));
    }
    touchPayload(id);
    problems.delete(mount);
  } catch (error) {
    problems.set(mount, `The map's data could not be read: ${textOf(error)}`);
  }
  tell();
  return () => problems.delete(mount);
}

/** @param {any} payload @returns {Payload} */
function prepare(payload) {
  if (payload.kind === "decoder") return { ...payload, decode: makeDecoder(payload) };
  return payload.kind === "points" ? { ...payload, index: new PointIndex(payload) } : payload;
}

// Gets a payload and marks it as newly used; the oldest of its kind go.
/** @param {string} id @returns {any} of the kind that was asked for */
export function touchPayload(id) {
  const payload = payloads.get(id);
  if (!payload) return null;
  payloads.delete(id);
  payloads.set(id, payload);
  const alike = [...payloads.values()].filter(({ kind }) => kind === payload.kind);
  for (const { id: old } of alike.slice(0, -KEPT[payload.kind])) payloads.delete(old);
  return payload;
}

// ---- pictures

/** @param {ImagesPayload} payload */
async function unpackSheet({ n, first_id: firstId, columns, sections }) {
  const i = firstId / SHEET;
  if (sheets.has(i)) return;
  sheets.set(i, null);
  const worker = new Background();
  try {
    const png = sections.png.slice();
    sheets.set(i, (await worker.ask("sheet", { png, n, columns }, [png.buffer])).ink);
  } catch (error) {
    sheets.delete(i);
    throw error;
  } finally {
    worker.stop();
    tell();
  }
}

// Whether a map may ask for a sheet: one of them does, the others wait for its answer.
/** @param {number} i */
export function claimSheet(i) {
  const isFree = performance.now() - (claims.get(i) ?? -Infinity) > CLAIM_MS;
  if (isFree) claims.set(i, performance.now());
  return isFree;
}

export const sheetOf = (/** @type {number} */ id) => Math.floor(id / SHEET);
export const hasSheet = (/** @type {number} */ i) => sheets.has(i);
export const isUnpacked = (/** @type {number} */ i) => Boolean(sheets.get(i));

// A digit's 784 bytes of ink; null if its sheet has not come.
/** @param {number} id */
export function pictureOf(id) {
  const i = sheetOf(id);
  const at = (id - i * SHEET) * PIXELS;
  return sheets.get(i)?.subarray(at, at + PIXELS) ?? null;
}
