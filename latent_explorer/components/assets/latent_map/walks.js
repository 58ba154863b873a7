// What a map and the strip of its walk tell each other within the tab, by the map's key.
//
// { type: "drag", text, coords }: a mark is under way; { type: "drag-end" }: it is not any more;
// { type: "live", points }: the straight way meanwhile; { type: "step", at }: the step that is
// looked at, a whole number or between two, null for none.

const listeners = new Map(); // key -> Set of functions

export function listen(key, listener) {
  if (!listeners.has(key)) listeners.set(key, new Set());
  listeners.get(key).add(listener);
  return () => listeners.get(key)?.delete(listener);
}

export function tell(key, message, from) {
  for (const listener of listeners.get(key) ?? []) if (listener !== from) listener(message);
}
