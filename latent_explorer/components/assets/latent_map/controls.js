// The toolbar, its popovers, legends and the toast; all are plain elements with plain focus.

import { toCss } from "./theme.js";
import { NONE } from "./vocabulary.js";

const TOAST_MS = 2_600;
const PROBLEM_MS = 12_000; // of a toast that says what is wrong

export class Controls {
  constructor(root, map, signal) {
    this.root = root;
    this.map = map;
    const on = (selector, type, handler) =>
      root
        .querySelectorAll(selector)
        .forEach((element) => element.addEventListener(type, handler.bind(this), { signal }));
    on(".toolbar, .popover, .lens", "click", this.onClick);
    on(".popover", "change", this.onChange);
    on(".toolbar, .popover", "keydown", this.onKey);
    root.addEventListener("pointerdown", (event) => this.closeOutside(event), { signal });
    this.open = null;
  }

  stop() {
    clearTimeout(this.toastTimer);
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { act, opens } = button.dataset;
    if (opens) this.toggle(opens);
    else {
      if (button.role === "menuitem") this.close();
      this.map.act(act);
    }
  }

  onChange({ target }) {
    if (target.dataset.switch) this.map.setLayer(target.dataset.switch, target.checked);
    else if (target.name === "colour") this.map.setColour(target.value);
    else if (target.name === "lens") this.map.setSample(target.value === "sample");
  }

  // Arrow keys walk along the toolbar and the menu; Escape closes what is open.
  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const group = event.currentTarget;
    if (step && event.target.matches("button")) {
      const buttons = [...group.querySelectorAll("button")];
      const next = buttons.indexOf(event.target) + step;
      buttons[(next + buttons.length) % buttons.length].focus();
    } else if (event.key === "Escape" && this.open) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  toggle(name) {
    if (this.open === name) {
      this.close();
      return;
    }
    this.close();
    const popover = this.find(name);
    popover.hidden = false;
    this.opener(name).setAttribute("aria-expanded", "true");
    this.open = name;
    const first = popover.querySelector("input, button");
    (first ?? popover).focus({ preventScroll: true });
  }

  close() {
    if (!this.open) return false;
    const popover = this.find(this.open);
    const opener = this.opener(this.open);
    const hasFocus = popover.contains(this.root.getRootNode().activeElement);
    popover.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    this.open = null;
    if (hasFocus) opener.focus({ preventScroll: true });
    return true;
  }

  closeOutside({ target }) {
    if (!target.closest(".popover, .toolbar")) this.close();
  }

  find = (name) => this.root.querySelector(`[data-popover="${name}"]`);
  opener = (name) => this.root.querySelector(`[data-opens="${name}"]`);

  // Shows what is on; `missing` are layers that this checkpoint has not, `said` how each was made,
  // or why there is none.
  show({ layers, colour, isSample, tool, missing, said, waiting, canSelect }) {
    const { layers: all, colours } = this.map.vocabulary;
    for (const { name, about = "" } of all) {
      const row = this.root.querySelector(`[data-layer="${name}"]`);
      const input = row.querySelector("input");
      input.checked = layers.has(name);
      input.disabled = missing.has(name);
      const note = said[name] ?? (missing.has(name) ? NONE : about);
      row.querySelector(".about").textContent = waiting.has(name) ? "Computing\u2026" : note;
    }
    for (const input of this.root.querySelectorAll('input[name="colour"]')) {
      input.checked = input.value === colour;
      input.disabled = missing.has(input.value);
      const isCompared = colours.find(({ name }) => name === input.value).source === "drift";
      input.parentElement.hidden = isCompared && input.disabled;
    }
    this.root.querySelector('[data-about="colour"]').textContent = waiting.has("colour")
      ? "Computing\u2026"
      : (said[colour] ?? "");
    for (const input of this.root.querySelectorAll('input[name="lens"]')) {
      input.checked = (input.value === "sample") === isSample;
    }
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      const { tool: name } = button.dataset;
      button.setAttribute("aria-pressed", String(name === tool));
      button.hidden = !canSelect;
    }
    this.root.querySelector('[data-tool="pan"]').parentElement.hidden = !canSelect;
  }

  legends(legends) {
    const holder = this.root.querySelector(".legends");
    holder.replaceChildren(...legends.map(legendElement));
    holder.hidden = !legends.length;
  }

  toast(text, duration = TOAST_MS) {
    const toast = this.root.querySelector(".toast");
    toast.textContent = text;
    toast.hidden = false;
    this.root.querySelector(".spoken").textContent = text;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => {
      toast.hidden = true;
    }, duration);
  }

  /** @param {string[]} problems Sentences. */
  complain(problems) {
    if (problems.length) this.toast(problems.join(" "), PROBLEM_MS);
  }
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function legendElement({ title, gradient, low, high, items, said }) {
  const box = element("div", "legend");
  box.title = said;
  box.append(element("div", "legend-title", title));
  if (gradient) {
    const row = element("div", "legend-scale");
    const bar = element("span", "legend-bar");
    bar.style.background = gradient;
    row.append(element("span", "", low), bar, element("span", "", high));
    box.append(row);
  }
  if (items) {
    const row = element("div", "legend-items");
    for (const { colour, text, isSmall } of items) {
      const item = element("span", "legend-item", text);
      const dot = element("i", isSmall ? "minor" : "");
      if (colour) dot.style.background = toCss(colour);
      item.prepend(...(colour ? [dot] : []));
      row.append(item);
    }
    box.append(row);
  }
  return box;
}
