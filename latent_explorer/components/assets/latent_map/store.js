// Payloads that Python has sent, by id, and the digits' pictures; shared by all maps of the tab.
//
// Everything here outlives reruns and changes of page.
import { Background } from "./background.js";
import { makeDecoder } from "./decoder.js";
import { PointIndex } from "./point_index.js";
import { parsePayload, readHeader } from "./payload.js";

const KEPT = { images: 0, decoder: 8, points: 8, fields: 8, values: 8, drift: 8 }; // images: as pictures only
const SHEET = 10_000; // digits a sheet
const CLAIM_MS = 20_000; // after which a sheet that has not come may be asked for again

const payloads = new Map(); // id -> payload, least recently used first
const problems = new Map(); // mount -> why its payload could not be read
const claims = new Map(); // number of a sheet -> when it was asked for
const watchers = new Set(); // called when something has come
const sheets = new Map(); // number of a sheet -> Uint8Array of ink, or null while it is unpacked

export const watch = (watcher) => watchers.add(watcher);
export const unwatch = (watcher) => watchers.delete(watcher);
export const problem = () => problems.values().next().value;
const tell = () => watchers.forEach((watcher) => watcher());

// Takes a payload; `mount` is whoever brought it. Returns what forgets the mount again.
export function keepPayload(bytes, mount) {
  try {
    const { id, kind } = readHeader(bytes).header;
    if (!payloads.has(id)) {
      const payload = prepare(parsePayload(bytes));
      if (kind === "images") unpackSheet(payload);
      else payloads.set(id, payload);
    }
    touchPayload(id);
    problems.delete(mount);
  } catch (error) {
    problems.set(mount, `The map's data could not be read: ${error.message}`);
  }
  tell();
  return () => problems.delete(mount);
}

function prepare(payload) {
  if (payload.kind === "decoder") payload.decode = makeDecoder(payload);
  if (payload.kind === "points") payload.index = new PointIndex(payload);
  return payload;
}

// Gets a payload and marks it as newly used; the oldest of its kind go.
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

async function unpackSheet({ n, first_id: firstId, columns, sections }) {
  const i = firstId / SHEET;
  if (sheets.has(i)) return;
  sheets.set(i, null);
  const worker = new Background();
  try {
    const png = sections.png.slice();
    sheets.set(i, (await worker.ask("sheet", { png, n, columns }, [png.buffer])).ink);
  } catch {
    sheets.delete(i); // the map lives without pictures
  } finally {
    worker.stop();
    tell();
  }
}

// Whether a map may ask for a sheet: one of them does, the others wait for its answer.
export function claimSheet(i) {
  const isFree = performance.now() - (claims.get(i) ?? -Infinity) > CLAIM_MS;
  if (isFree) claims.set(i, performance.now());
  return isFree;
}

export const sheetOf = (id) => Math.floor(id / SHEET);
export const hasSheet = (i) => sheets.has(i);
export const isUnpacked = (i) => Boolean(sheets.get(i));

// A digit's 784 bytes of ink; null if its sheet has not come.
export function pictureOf(id) {
  const i = sheetOf(id);
  const at = (id - i * SHEET) * 784;
  return sheets.get(i)?.subarray(at, at + 784) ?? null;
}
