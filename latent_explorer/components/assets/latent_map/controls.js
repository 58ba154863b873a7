// The toolbar, its popovers, legends and the toast; all are plain elements with plain focus.

import { find, make } from "../shared/elements.js";
import { toCss } from "../shared/theme.js";
import { NONE } from "./vocabulary.js";

/** @import {LatentMap} from "./map.js" */
/** @import {Legend, Shown} from "./types.d.ts" */

const TOAST_MS = 2_600;
const PROBLEM_MS = 12_000; // of a toast that says what is wrong

export class Controls {
  /** @param {HTMLElement} root @param {LatentMap} map @param {AbortSignal} signal */
  constructor(root, map, signal) {
    this.root = root;
    this.map = map;
    /** @type {string | null} */
    this.open = null;
    this.toastTimer = 0;
    /** @param {string} selector @param {string} type @param {(event: any) => void} handler */
    const on = (selector, type, handler) =>
      root
        .querySelectorAll(selector)
        .forEach((element) => element.addEventListener(type, handler.bind(this), { signal }));
    on(".toolbar, .popover, .lens", "click", this.onClick);
    on(".popover", "change", this.onChange);
    on(".toolbar, .popover", "keydown", this.onKey);
    root.addEventListener("pointerdown", (event) => this.closeOutside(event), { signal });
  }

  stop() {
    clearTimeout(this.toastTimer);
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const button = /** @type {Element} */ (event.target).closest("button");
    if (!button) return;
    const { act, opens } = button.dataset;
    if (opens) this.toggle(opens);
    else {
      if (button.role === "menuitem") this.close();
      if (act) this.map.act(act);
    }
  }

  /** @param {Event} event */
  onChange({ target }) {
    const { dataset, checked, name, value } = /** @type {HTMLInputElement} */ (target);
    if (dataset.switch) this.map.setLayer(dataset.switch, checked);
    else if (name === "colour") this.map.setColour(value);
    else if ("rests" in dataset) this.map.setRests(checked);
    else if (name === "lens") this.map.setSample(value === "sample");
  }

  // Arrow keys walk along the toolbar and the menu; Escape closes what is open.
  /** @param {KeyboardEvent} event */
  onKey(event) {
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    const group = /** @type {Element} */ (event.currentTarget);
    const buttons = [...group.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button === event.target);
    if (step && at >= 0) {
      buttons[(at + step + buttons.length) % buttons.length].focus();
    } else if (event.key === "Escape" && this.open) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} name */
  toggle(name) {
    if (this.open === name) {
      this.close();
      return;
    }
    this.close();
    const popover = this.popover(name);
    popover.hidden = false;
    this.opener(name).setAttribute("aria-expanded", "true");
    this.open = name;
    const first = /** @type {HTMLElement | null} */ (popover.querySelector("input, button"));
    (first ?? popover).focus({ preventScroll: true });
  }

  close() {
    if (!this.open) return false;
    const popover = this.popover(this.open);
    const opener = this.opener(this.open);
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    const hasFocus = popover.contains(root.activeElement);
    popover.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    this.open = null;
    if (hasFocus) opener.focus({ preventScroll: true });
    return true;
  }

  /** @param {Event} event */
  closeOutside({ target }) {
    if (!(/** @type {Element} */ (target).closest(".popover, .toolbar"))) this.close();
  }

  /** @param {string} selector */
  part(selector) {
    return find(this.root, selector, HTMLElement);
  }

  /** @param {string} name */
  popover(name) {
    return this.part(`[data-popover="${name}"]`);
  }

  /** @param {string} name */
  opener(name) {
    return this.part(`[data-opens="${name}"]`);
  }

  /** @param {string} name */
  inputs(name) {
    const found = this.root.querySelectorAll(`input[name="${name}"]`);
    return /** @type {NodeListOf<HTMLInputElement>} */ (found);
  }

  /** @param {Shown} shown */
  show({ layers, colour, isSample, rests, tool, missing, said, waiting, canSelect }) {
    const { layers: all, colours } = this.map.vocabulary;
    for (const { name, about = "" } of all) {
      const row = this.part(`[data-layer="${name}"]`);
      const input = find(row, "input", HTMLInputElement);
      input.checked = layers.has(name);
      input.disabled = missing.has(name);
      const note = said[name] ?? (missing.has(name) ? NONE : about);
      find(row, ".about", HTMLElement).textContent = waiting.has(name) ? "Computing\u2026" : note;
    }
    for (const input of this.inputs("colour")) {
      input.checked = input.value === colour;
      input.disabled = missing.has(input.value);
      const isCompared = colours.find(({ name }) => name === input.value)?.source === "drift";
      const row = /** @type {HTMLElement} */ (input.parentElement);
      row.hidden = isCompared && input.disabled;
    }
    this.part('[data-about="colour"]').textContent = waiting.has("colour")
      ? "Computing\u2026"
      : (said[colour] ?? "");
    for (const input of this.inputs("lens")) {
      input.checked = (input.value === "sample") === isSample;
    }
    find(this.root, "[data-rests]", HTMLInputElement).checked = rests;
    for (const button of this.root.querySelectorAll("button")) {
      const { tool: name } = button.dataset;
      if (!name) continue;
      button.setAttribute("aria-pressed", String(name === tool));
      button.hidden = !canSelect;
    }
    this.part('.controls:has([data-tool="pan"])').hidden = !canSelect;
  }

  /** @param {Legend[]} legends */
  legends(legends) {
    const holder = this.part(".legends");
    holder.replaceChildren(...legends.map(legendElement));
    holder.hidden = !legends.length;
  }

  /** @param {string} text */
  toast(text, duration = TOAST_MS) {
    const toast = this.part(".toast");
    toast.textContent = text;
    toast.hidden = false;
    this.part(".spoken").textContent = text;
    clearTimeout(this.toastTimer);
    this.toastTimer = window.setTimeout(() => {
      toast.hidden = true;
    }, duration);
  }

  /** @param {string[]} problems Sentences. */
  complain(problems) {
    this.toast(problems.join(" "), PROBLEM_MS);
  }
}

/** @param {Legend} legend */
function legendElement({ title, gradient, low, high, items, said }) {
  const box = make("div", "legend");
  box.title = said;
  box.append(make("div", "legend-title", title));
  if (gradient) {
    const row = make("div", "legend-scale");
    const bar = make("span", "legend-bar");
    bar.style.background = gradient;
    row.append(make("span", "", low), bar, make("span", "", high));
    box.append(row);
  }
  if (items) {
    const row = make("div", "legend-items");
    for (const { colour, text, isSmall, isDiamond } of items) {
      const item = make("span", "legend-item", text);
      const dot = make("i", isDiamond ? "diamond" : isSmall ? "minor" : "");
      if (colour) dot.style.background = toCss(colour);
      item.prepend(...(colour ? [dot] : []));
      row.append(item);
    }
    box.append(row);
  }
  return box;
}
