// The latent map: a Streamlit components-v2 module; canvas 2-D, no dependency, no build.
//
// The same component is mounted in two ways. A mount whose data is bytes keeps a payload under its
// id and draws nothing. A mount whose data is JSON is a map that waits for the payloads it names,
// then hovers, pans and zooms without the server.

import { LatentMap } from "./map.js";
import { keepPayload } from "./store.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(await (await fetch(new URL("./latent_map.css", import.meta.url))).text());
const maps = new Map(); // parentElement -> LatentMap

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
  const root = parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
  const map = maps.get(parentElement) ?? new LatentMap(parentElement);
  maps.set(parentElement, map);
  map.update(component);
  return () => {
    map.stop();
    maps.delete(parentElement);
  };
}

// An empty element would still cost the page a row and its gap.
function takeOutOfFlow(parentElement) {
  const holder = parentElement.host?.closest('[data-testid="stElementContainer"]');
  const style = { position: "absolute", width: "0" }; // as wide as the page it would stick out
  for (const [name, value] of Object.entries(style)) holder?.style.setProperty(name, value);
  return () => Object.keys(style).forEach((name) => holder?.style.removeProperty(name));
}
