// Links to what a component shows.

import { reportTo } from "./problem.js";

const COPIED_MS = 2600;

// Copies a link to what is seen: the page's own parameters and the component's. Returns whether the
// clipboard took it; `element` keeps it as data-link.
/** @param {HTMLElement} element @param {Record<string, string> | URLSearchParams} params */
export async function copyLink(element, params) {
  const link = `${location.origin}${location.pathname}?${new URLSearchParams(params)}`;
  element.dataset.link = link;
  try {
    await navigator.clipboard.writeText(link);
    return true;
  } catch {
    window.prompt("Copy this link:", link); // no clipboard without https
    return false;
  }
}

// The same, for a button that says so.
/** @param {HTMLElement} button @param {Record<string, string>} params */
export function copyByButton(button, params) {
  const say = (/** @type {string} */ text) => {
    button.textContent = text;
    setTimeout(() => {
      button.textContent = "Copy link";
    }, COPIED_MS);
  };
  copyLink(button, params)
    .then((isCopied) => isCopied && say("Link copied"))
    .catch(reportTo(() => say("No link")));
}
