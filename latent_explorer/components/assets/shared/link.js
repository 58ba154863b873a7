// "Copy link": to what the page shows.

import { address } from "./address.js";
import { make } from "./elements.js";
import { reportTo } from "./problem.js";

const COPIED_MS = 2600;

// Copies a link to what is seen. Returns whether the clipboard took it; where it refuses, as in a
// frame of another site or without https, the link stands in a field to be copied by hand.
/** @param {HTMLElement} element which keeps the link as data-link */
export async function copyLink(element) {
  const link = address.link();
  element.dataset.link = link;
  try {
    await navigator.clipboard.writeText(link);
    return true;
  } catch {
    await showLink(element, link);
    return false;
  }
}

// The same, for a button that says so.
/** @param {HTMLElement} button */
export function copyByButton(button) {
  const say = (/** @type {string} */ text) => {
    button.textContent = text;
    setTimeout(() => {
      button.textContent = "Copy link";
    }, COPIED_MS);
  };
  copyLink(button)
    .then((isCopied) => isCopied && say("Link copied"))
    .catch(reportTo(() => say("No link")));
}

/** @param {HTMLElement} element @param {string} link */
async function showLink(element, link) {
  const root = /** @type {Document | ShadowRoot} */ (element.getRootNode());
  await addStyle(root);
  const dialog = make("dialog", "link");
  const label = make("label", "", "Your browser keeps this page from copying. Copy the link here:");
  const field = make("input");
  field.readOnly = true;
  field.value = link;
  label.append(field);
  const close = make("button", "", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    element.focus();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // a map has keys of its own
  dialog.append(label, close);
  (root instanceof Document ? root.body : root).append(dialog);
  dialog.showModal();
  field.focus();
  field.select();
}

/** @type {Promise<CSSStyleSheet> | undefined} */
let sheet; // fetched when it is first needed

/** @param {Document | ShadowRoot} root */
async function addStyle(root) {
  sheet ??= fetch(new URL("./link.css", import.meta.url))
    .then((answer) => answer.text())
    .then((text) => new CSSStyleSheet().replace(text));
  const style = await sheet;
  if (!root.adoptedStyleSheets.includes(style)) root.adoptedStyleSheets.push(style);
}
