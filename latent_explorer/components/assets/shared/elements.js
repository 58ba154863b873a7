// Elements of a component: found by selector, or made.

/** @import {Mount} from "./types.d.ts" */

/**
 * @template {Element} T
 * @param {ParentNode} root @param {string} selector @param {new () => T} Type @returns {T}
 */
export function find(root, selector, Type) {
  const found = root.querySelector(selector);
  if (found instanceof Type) return found;
  throw new Error(`There is no ${selector} of the kind ${Type.name}.`);
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} className @param {string} text
 */
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/**
 * @overload @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D}
 */
/**
 * @overload @param {OffscreenCanvas} canvas @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {OffscreenCanvasRenderingContext2D}
 */
// Every canvas here is painted in two dimensions.
/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function penOf(canvas, settings) {
  return /** @type {any} */ (canvas).getContext("2d", settings);
}

// The element of the page in which Streamlit holds a component.
/** @param {Mount<unknown>["parentElement"]} parentElement */
export function holderOf({ host }) {
  const holder = host?.closest('[data-testid="stElementContainer"]');
  return holder instanceof HTMLElement ? holder : null;
}

// An empty element would still cost the page a row and its gap.
/** @param {Mount<unknown>["parentElement"]} parentElement */
export function takeOutOfFlow(parentElement) {
  const holder = holderOf(parentElement);
  const looks = { position: "absolute", width: "0" }; // as wide as the page it would stick out
  for (const [name, value] of Object.entries(looks)) holder?.style.setProperty(name, value);
  return () => Object.keys(looks).forEach((name) => holder?.style.removeProperty(name));
}
