import assert from "node:assert/strict";
import { test } from "node:test";
import { giveKeysBack } from "../../latent_explorer/components/assets/latent_map/escape.js";

// A page with what is open on it, whose `press` tells how often the map has got the focus. `heard` is
// what others on the page do about the key: after those who listen on its way down, before those on
// its way up.
/** @param {{ role?: string, expanded?: boolean, isVisible?: boolean }[]} open */
function pageWith(open = []) {
  /** @type {{ down: ((event: any) => void)[], up: ((event: any) => void)[] }} */
  const listeners = { down: [], up: [] };
  let focused = 0;
  const page = {
    querySelectorAll: () =>
      open.map(({ role, expanded, isVisible = true }) => ({
        hasAttribute: () => Boolean(expanded),
        getAttribute: () => role ?? null,
        checkVisibility: () => isVisible,
      })),
    addEventListener: (
      /** @type {string} */ _,
      /** @type {(event: any) => void} */ listener,
      /** @type {{ capture?: boolean }} */ { capture } = {},
    ) => listeners[capture ? "down" : "up"].push(listener),
  };
  const map = { focus: () => focused++ };
  giveKeysBack(/** @type {any} */ (page), () => /** @type {any} */ (map));
  const press = (
    /** @type {string} */ key,
    heard = (/** @type {any} */ _event) => {},
    more = {},
  ) => {
    const event = { key, defaultPrevented: false, isComposing: false, ...more };
    for (const listen of [...listeners.down, heard, ...listeners.up]) listen(event);
    return focused;
  };
  return { open, press };
}

test("Escape focuses the map where nothing is open", () => {
  const { press } = pageWith();
  assert.equal(press("a"), 0);
  assert.equal(press("Escape"), 1);
  assert.equal(press("Escape", undefined, { isComposing: true }), 1);
});

test("what is open is closed first, though it is closed by the time that all have heard", () => {
  for (const one of [{ role: "listbox" }, { role: "menu" }, { role: "dialog" }]) {
    const { open, press } = pageWith([one]);
    assert.equal(
      press("Escape", () => open.splice(0)),
      0,
    );
    assert.equal(press("Escape"), 1);
  }
  assert.equal(pageWith([{ role: "combobox", expanded: true }]).press("Escape"), 0);
});

test("what is hidden, or folds within the page, is not in the way", () => {
  const folded = [
    { role: "button", expanded: true },
    { role: "dialog", isVisible: false },
  ];
  assert.equal(pageWith(folded).press("Escape"), 1);
});

test("who has taken the key keeps it", () => {
  const take = (/** @type {{ defaultPrevented: boolean }} */ event) => {
    event.defaultPrevented = true;
  };
  assert.equal(pageWith().press("Escape", take), 0);
});
