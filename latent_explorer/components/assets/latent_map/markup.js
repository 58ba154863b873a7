// The component's elements: canvases, one toolbar, its popovers, the lens.

/** @import {Layer} from "./types.d.ts" */
/** @import {Vocabulary} from "./vocabulary.js" */

/** @param {string} path */
const svg = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
/** @type {Record<string, string>} */
const ICONS = {
  in: "M8 3v10M3 8h10",
  out: "M3 8h10",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  pan: "M8 2v12M2 8h12M6 4l2-2 2 2M6 12l2 2 2-2M4 6L2 8l2 2M12 6l2 2-2 2",
  lasso:
    "M8 3c3.3 0 6 1.6 6 3.8s-2.7 3.7-6 3.7S2 9 2 6.8 4.7 3 8 3z" +
    "M5 10.3c-1.5.8-1.4 2.6.4 2.7 1.5.1 1.7-1.5.8-2.5",
  box: "M3 5V3h2M7 3h2M11 3h2v2M13 7v2M13 11v2h-2M9 13H7M5 13H3v-2M3 9V7",
  layers: "M8 2l6 3.2-6 3.2-6-3.2zM2.5 8.3L8 11.2l5.5-2.9M2.5 11.2L8 14l5.5-2.8",
  more: "M8 2v8M5 5l3-3 3 3M3 9v4.5h10V9",
  close: "M4 4l8 8M12 4l-8 8",
  help: "M5.9 6c0-1.3.9-2.2 2.1-2.2s2.1.9 2.1 2.1c0 1.8-2.1 1.8-2.1 3.7M8 12v.2",
};

/** @param {string} act @param {string} label @param {string} key */
const button = (act, label, key, extra = "") => `
  <button type="button" data-act="${act}" aria-label="${label}" title="${label} (${key})" ${extra}>
    ${svg(ICONS[act])}</button>`;

/** @param {Layer} layer */
const layerRow = ({ name, key, title }) => `
  <label class="row" data-layer="${name}">
    <input type="checkbox" data-switch="${name}">
    <span>${title}<kbd>${key}</kbd><small class="about"></small></span>
  </label>`;

/** @param {Vocabulary} vocabulary */
const layersPopover = ({ layers, colours }) => `
<div class="popover" data-popover="layers" role="dialog" aria-label="Layers" hidden>
  <h3>Under the points</h3>
  ${layers
    .filter(({ group }) => group === "under")
    .map(layerRow)
    .join("")}
  <h3>Points</h3>
  ${layers
    .filter(({ group }) => group !== "under")
    .map(layerRow)
    .join("")}
  <fieldset>
    <legend>Colour <kbd>c</kbd></legend>
    ${colours
      .map(
        ({ name, title }) => `<label><input type="radio" name="colour" value="${name}">
        <span>${title}</span></label>`,
      )
      .join("")}
    <small class="about" data-about="colour"></small>
  </fieldset>
  <fieldset>
    <legend>Lens <kbd>m</kbd></legend>
    <label><input type="radio" name="lens" value="mean"><span>Mean</span></label>
    <label><input type="radio" name="lens" value="sample"><span>Sample</span></label>
    <button type="button" class="small" data-act="resample">Resample <kbd>r</kbd></button>
    <small class="about">x ~ p(x|z), drawn anew at each move.</small>
    <label><input type="checkbox" data-rests>
      <span>Stays open at the pin<kbd>i</kbd></span></label>
  </fieldset>
</div>`;

/** @param {string} act @param {string} text */
const item = (act, text, key = "") => `
  <button type="button" role="menuitem" data-act="${act}">${text}
    ${key && `<kbd>${key}</kbd>`}</button>`;

const DOWNLOAD_POPOVER = `
<div class="popover menu" data-popover="more" role="menu" aria-label="Download or copy link" hidden>
  ${item("png-1", "Download map, PNG 1\u00d7")}${item("png-2", "Download map, PNG 2\u00d7")}
  ${item("png-4", "Download map, PNG 4\u00d7")}${item("png-lens", "Download lens, PNG 560 px")}
  <hr>${item("link", "Copy link", "k")}
</div>`;

/** @param {Layer[]} layers */
const keys = (layers) => [
  ["\u2190 \u2191 \u2192 \u2193", "move z; with Shift five times as far"],
  ["+ \u2212", "zoom in, out"],
  ["0, Home", "show all digits"],
  ["Enter", "pin z, or set a corner of a box or lasso"],
  ["Esc", "close, then leave the tool, the selection, the pin; elsewhere, back to the map"],
  ["p l b", "pan, lasso, box; Shift adds, Alt removes"],
  [`${layers[0]?.key} \u2026 ${layers.at(-1)?.key}`, "layers on and off"],
  ["c", "next colouring of the points"],
  ["m, r", "mean or sample in the lens; sample again"],
  ["i", "close or open the lens that rests at the pin"],
  ["n", "next of the digits that lie at one place; with Shift the one before"],
  ["g", "take hold of A, B or a way-point, then arrow keys"],
  ["y, e, k", "layers, download, copy link"],
  ["?", "this list"],
];

/** @param {Layer[]} layers */
const helpPopover = (layers) => `
<div class="popover help" data-popover="help" role="dialog" aria-label="Keys" tabindex="0"
     hidden>
  <h3>Keys</h3>
  <dl>${keys(layers)
    .map(([names, text]) => `<dt>${names}</dt><dd>${text}</dd>`)
    .join("")}</dl>
  <p>Touch: drag pans, two fingers zoom, a tap pins; hold still, then drag, to look through the
  lens.</p>
</div>`;

/** @param {string} name */
const popup = (name) => `aria-haspopup="true" aria-expanded="false" data-opens="${name}"`;
/** @param {string} name */
const tool = (name) => `aria-pressed="${name === "pan"}" data-tool="${name}"`;

/** @param {Vocabulary} vocabulary */
export const markup = (vocabulary) => `
<div class="map" data-testid="latent-map" data-ready="false" data-settled="false" tabindex="0"
     role="application" aria-roledescription="map" aria-description="Arrow keys move, with Shift
     faster; plus and minus zoom, 0 fits all digits, Enter pins, Escape lets go, question mark lists
     all keys.">
  <canvas class="points"></canvas>
  <canvas class="overlay"></canvas>
  <div class="hair across" hidden></div>
  <div class="hair down" hidden></div>
  <div class="ring" hidden></div>
  <div class="legends" data-testid="legends"></div>
  <div class="lens" hidden>
    <button type="button" class="lens-close" data-act="rest" aria-label="Close the lens, keep the pin"
      title="Close the lens, keep the pin (i)">${svg(ICONS.close)}</button>
    <figure>
      <span class="lens-name">generated</span>
      <canvas data-testid="lens" width="28" height="28"></canvas>
      <figcaption><span class="lens-z"></span>
        <button type="button" class="lens-kind" data-act="switch" tabindex="-1"></button>
      </figcaption>
    </figure>
    <figure class="lens-near">
      <span class="lens-name">real</span>
      <canvas data-testid="lens-nearest" width="28" height="28"></canvas>
      <figcaption><span class="lens-digit"></span><span class="lens-away"></span>
        <span class="lens-pile"></span><span class="lens-value"></span></figcaption>
    </figure>
  </div>
  <div class="toolbar" role="toolbar" aria-label="Map" aria-orientation="vertical">
    <div class="controls">
      ${button("in", "Zoom in", "+")}${button("out", "Zoom out", "\u2212")}
      ${button("fit", "Fit all digits", "0")}
    </div>
    <div class="controls">
      ${button("pan", "Pan", "p", tool("pan"))}${button("lasso", "Lasso", "l", tool("lasso"))}
      ${button("box", "Box", "b", tool("box"))}
    </div>
    <div class="controls">
      ${button("layers", "Layers", "y", popup("layers"))}
      ${button("more", "Download or copy link", "e", popup("more"))}
      ${button("help", "Keys", "?", popup("help"))}
    </div>
  </div>
  ${layersPopover(vocabulary)}${DOWNLOAD_POPOVER}${helpPopover(vocabulary.layers)}
  <p class="toast" hidden></p>
  <p class="notice"><span>Drawing the map\u2026</span></p>
  <p class="spoken" aria-live="polite"></p>
</div>`;
