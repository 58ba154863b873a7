// The latent map: a Streamlit components-v2 module; canvas 2-D, no dependency, no build.
//
// The same component is mounted in three ways. A mount whose data is [null] only brings this file
// and those that it needs. A mount whose data is bytes keeps a payload under its id and draws
// nothing. A mount whose data is [state] is a map that awaits the payloads it names, then hovers,
// pans and zooms without the server.

// All files at once: imports that are found only in one another's texts come in four turns.
const style = fetch(new URL("./map.css", import.meta.url));
const FIRST = ["map", "store"];
const OTHERS = [
  ...["background", "camera", "cloud", "controls", "decoder", "exporting", "fields", "geometry"],
  ...["input", "lens", "markup", "mosaic", "overlay", "payload", "point_index", "points_look"],
  ...["scene", "selection", "theme", "vocabulary", "walks", "wants", "mark_drag"],
];
const modules = [...FIRST, ...OTHERS].map((name) => import(`./${name}.js`));
const [{ LatentMap }, { keepPayload }] = await Promise.all(modules);
const sheet = new CSSStyleSheet();
sheet.replaceSync(await (await style).text());
const maps = new Map(); // parentElement -> LatentMap
const PARTS = { walk: () => import("./walk.js") }; // loaded by the pages that have them
const parts = new Map(); // parentElement -> promise of what draws there

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
  if (!data[0]) return takeOutOfFlow(parentElement);
  if (data[0].part) return drawPart(component, data[0]);
  const root = parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  const map = maps.get(parentElement) ?? new LatentMap(parentElement, data[0].vocabulary);
  maps.set(parentElement, map);
  map.update({ ...component, data: data[0] });
  return () => {
    map.stop();
    maps.delete(parentElement);
  };
}

function drawPart({ parentElement, ...component }, data) {
  if (!parts.has(parentElement)) {
    const made = PARTS[data.part]().then(({ makePart }) => makePart(parentElement));
    parts.set(parentElement, made);
  }
  parts.get(parentElement).then((part) => part.update({ ...component, data }));
  return () => {
    parts.get(parentElement)?.then((part) => part.stop());
    parts.delete(parentElement);
  };
}

// An empty element would still cost the page a row and its gap.
function takeOutOfFlow(parentElement) {
  const holder = parentElement.host?.closest('[data-testid="stElementContainer"]');
  const style = { position: "absolute", width: "0" }; // as wide as the page it would stick out
  for (const [name, value] of Object.entries(style)) holder?.style.setProperty(name, value);
  return () => Object.keys(style).forEach((name) => holder?.style.removeProperty(name));
}
