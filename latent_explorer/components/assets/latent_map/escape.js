// Escape, from wherever on the page, gives the keys back to the map, once nothing is left to close.

// What Escape closes before: an open list, menu or dialog, or a box that has one open.
const OPEN = '[role="listbox"], [role="menu"], [role="dialog"], [aria-expanded="true"]';

// Whether something on the page is open that Escape closes by itself. A tooltip is not: it goes with
// the focus. What folds and unfolds in the page stays as it is: only boxes that take typing say by
// aria-expanded that they hang a list over it.
/** @param {Document} page */
export function hasOpen(page) {
  return [...page.querySelectorAll(OPEN)].some(
    (element) =>
      (!element.hasAttribute("aria-expanded") || element.getAttribute("role") === "combobox") &&
      element.checkVisibility(),
  );
}

// `mapOf` tells which map of the page takes the keys, null if there is none. The question what is
// open is asked before anybody has heard the key: afterwards it is closed.
/** @param {Document} page @param {() => HTMLElement | null} mapOf */
export function giveKeysBack(page, mapOf) {
  let wasOpen = false;
  page.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") wasOpen = hasOpen(page);
    },
    { capture: true },
  );
  page.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || wasOpen || event.isComposing) return;
    mapOf()?.focus({ focusVisible: true });
  });
}
