// What a map and the strip of its walk tell each other within the tab, by the map's key: a mark is
// under way or not any more, the straight way meanwhile, the step that is looked at (a whole number
// or between two, null for none).

/** @import {WalkMessage} from "./types.d.ts" */
/** @typedef {(message: WalkMessage) => void} Listener */

/** @type {Map<string, Set<Listener>>} */
const listeners = new Map(); // by the map's key

/** @param {string} key @param {Listener} listener */
export function listen(key, listener) {
  const group = listeners.get(key) ?? new Set();
  listeners.set(key, group.add(listener));
  return () => {
    group.delete(listener);
  };
}

/** @param {string} key @param {WalkMessage} message @param {Listener} [from] */
export function tell(key, message, from) {
  for (const listener of listeners.get(key) ?? []) if (listener !== from) listener(message);
}
