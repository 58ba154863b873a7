// The latent map: a Streamlit components-v2 module; canvas 2-D, no dependency, no build.
//
// The same component is mounted in three ways. A mount whose data is [null] only brings this file
// and those that it needs. A mount whose data is bytes keeps a payload under its id and draws
// nothing. A mount whose data is [state] is a map that awaits the payloads it names, then hovers,
// pans and zooms without the server.

import { takeOutOfFlow } from "../shared/elements.js";
import { reportTo } from "../shared/problem.js";
import { giveKeysBack } from "./escape.js";

/** @import {MapState, Mount, WalkData} from "./types.d.ts" */
/** @typedef {{ update: (word: any) => void, stop: () => void }} Part */

// All files at once: imports that are found only in one another's texts come in four turns.
const style = fetch(new URL("./map.css", import.meta.url));
const OTHERS = [
  ...[
    "aim",
    "background",
    "camera",
    "cloud",
    "controls",
    "decoder",
    "exporting",
    "fields",
    "geometry",
  ],
  ...[
    "input",
    "lens",
    "markup",
    "mosaic",
    "overlay",
    "payload",
    "placement",
    "point_index",
    "pointing",
    "points_look",
  ],
  ...["scene", "selection", "theme", "vocabulary", "walks", "wants", "way", "mark_drag"],
  ...["address", "bytes", "elements", "ink", "link", "player", "theme"].map(
    (name) => `../shared/${name}`,
  ),
];
const [{ LatentMap }, { keepPayload }] = await Promise.all([
  import("./map.js"),
  import("./store.js"),
  ...OTHERS.map((name) => import(`./${name}.js`)),
]);
const sheet = new CSSStyleSheet();
sheet.replaceSync(await (await style).text());
/** @type {Map<Element, InstanceType<typeof LatentMap>>} */
const maps = new Map(); // by where they are mounted
/** @type {InstanceType<typeof LatentMap> | null} */
let lastUsed = null; // of the maps
giveKeysBack(document, () => {
  const shown = [...maps.values()].filter(({ root }) => root.checkVisibility());
  return (shown.find((map) => map === lastUsed) ?? shown[0])?.root ?? null;
});
/** @type {Map<Element, Promise<Part>>} */
const parts = new Map(); // what else is drawn, likewise

/** @param {Mount<Uint8Array | [MapState | WalkData | null]>} component */
export default function latentMap(component) {
  const { data, parentElement } = component;
  if (data instanceof Uint8Array) {
    const forget = keepPayload(data, parentElement);
    const putBack = takeOutOfFlow(parentElement);
    return () => {
      forget();
      putBack();
    };
  }
  const [state] = data;
  if (!state) return takeOutOfFlow(parentElement);
  if ("part" in state) return drawPart(component, state);
  const root = /** @type {Document | ShadowRoot} */ (parentElement.getRootNode());
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  const map = maps.get(parentElement) ?? new LatentMap(parentElement, state);
  if (!maps.has(parentElement)) map.root.addEventListener("focusin", () => (lastUsed = map));
  maps.set(parentElement, map);
  map.update({ ...component, data: state });
  return () => {
    map.stop();
    maps.delete(parentElement);
  };
}

// Loaded by the pages that have it.
/** @param {Mount<any>} component @param {WalkData} data */
function drawPart({ parentElement, ...component }, data) {
  const fail = reportTo((message) => {
    parentElement.textContent = `The walk could not be drawn: ${message}`;
  });
  const part = parts.get(parentElement) ?? makePart(parentElement, data);
  parts.set(parentElement, part);
  part.then((made) => made.update({ ...component, data })).catch(fail);
  return () => {
    parts.delete(parentElement);
    part.then((made) => made.stop()).catch(() => {}); // said already
  };
}

/** @param {HTMLElement} parentElement @param {WalkData} data @returns {Promise<Part>} */
async function makePart(parentElement, data) {
  const walk = await import("./walk.js");
  return walk.makePart(parentElement, data);
}
