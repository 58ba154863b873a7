// The square to draw on. Streamlit calls the default export again when data or theme change.
//
// Strokes are lists of points [x, y, width] in units of the square's side, y down. They are kept
// by Python's key in this module, which outlives reruns and page switches.

import { toBase64 } from "../shared/bytes.js";
import { find, penOf } from "../shared/elements.js";

/** @import {DrawingData, Ink, Mount} from "../shared/types.d.ts" */
/** @typedef {[x: number, y: number, width: number][]} Stroke */

const BRUSH = 0.115; // of the side; a digit over 0.8 of it gets strokes as wide as MNIST's, some 3 of 20
const LEAST_PAUSE = 150; // ms between two pictures sent while drawing
const MOST_PAUSE = 600;
const NO_ANSWER = 2000; // ms after which the next is sent all the same
const STEP = 1 / 48; // of the pen moved by keys
const BIG_STEP = 1 / 12;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {ReturnType<typeof newPad>} Pad */
/** @type {Map<string, Pad>} */
const pads = new Map();

/** @param {Mount<DrawingData>} mount */
export default function ({ data, parentElement, setTriggerValue }) {
  const { key, seen } = data;
  const root = find(parentElement, ".pad", HTMLElement);
  const known = pads.get(key);
  const pad = known ?? newPad(root, data);
  pads.set(key, pad);
  pad.side = data.side;
  pad.tell = (/** @type {Ink} */ ink) => setTriggerValue("ink", ink);
  if (pad.root !== root || !pad.observer) {
    Object.assign(pad, partsOf(root));
    listen(pad);
  }
  answered(pad, seen, !known);
  redraw(pad);
  return () => {
    pad.observer?.disconnect();
    pad.observer = null;
    pad.pointer = null;
  };
}

/** @param {HTMLElement} root */
const partsOf = (root) => ({
  root,
  canvas: find(root, "canvas", HTMLCanvasElement),
  undoButton: find(root, ".undo", HTMLButtonElement),
  clearButton: find(root, ".clear", HTMLButtonElement),
  spoken: find(root, ".spoken", HTMLElement),
});

/** @param {HTMLElement} root @param {DrawingData} data */
const newPad = (root, { seen, side }) => ({
  ...partsOf(root),
  side,
  tell: (/** @type {Ink} */ _ink) => {},
  observer: /** @type {ResizeObserver | null} */ (null),
  strokes: /** @type {Stroke[]} */ ([]),
  pointer: /** @type {number | null} */ (null), // id of the one that draws
  pen: { x: 0.5, y: 0.5, isDown: false, isShown: false }, // moved by keys
  isDirty: false, // not sent yet
  sent: seen,
  seen,
  sentAt: 0,
  restUntil: 0,
  timer: 0,
  frame: 0,
});

// ---- what the server has seen

/** @param {Pad} pad @param {number} seen @param {boolean} isNew */
function answered(pad, seen, isNew) {
  const isLost = seen < pad.seen; // a new session of the server, which knows nothing of it
  if (isLost) {
    pad.sent = pad.seen = seen;
  } else if (seen > pad.seen) {
    const took = performance.now() - pad.sentAt;
    // As long again for the rest of the page, so that drawing on does not cut its run short.
    pad.restUntil = performance.now() + Math.min(Math.max(took, LEAST_PAUSE), MOST_PAUSE);
    pad.seen = Math.min(seen, pad.sent);
  }
  if (isLost ? pad.strokes.length > 0 : isNew && seen > 0) pad.isDirty = true;
  pump(pad);
}

/** @param {Pad} pad */
function pump(pad, isUrgent = false) {
  clearTimeout(pad.timer);
  const isWaiting = pad.seen < pad.sent;
  pad.root.dataset.waiting = String(pad.isDirty || isWaiting);
  if (!pad.isDirty) return;
  const rest = (isWaiting ? pad.sentAt + NO_ANSWER : pad.restUntil) - performance.now();
  if (isUrgent || rest <= 0) {
    send(pad);
  } else {
    pad.timer = window.setTimeout(() => pump(pad), rest);
  }
}

/** @param {Pad} pad */
function send(pad) {
  pad.isDirty = false;
  pad.sent += 1;
  pad.sentAt = performance.now();
  pad.tell({ n: pad.sent, levels: pad.strokes.length ? levels(pad) : null });
}

// The strokes as side x side bytes, 255 for ink, in base64.
/** @param {Pad} pad */
function levels({ strokes, side }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = penOf(canvas, { willReadFrequently: true });
  for (const stroke of strokes) paint(context, stroke, side);
  const { data } = context.getImageData(0, 0, side, side);
  return toBase64(Uint8Array.from({ length: side * side }, (_, i) => data[4 * i + 3]));
}

// ---- strokes

/** @param {Pad} pad */
function changed(pad, isUrgent = false) {
  pad.isDirty = true;
  pump(pad, isUrgent);
  redraw(pad);
}

// Leaves these strokes alone.
/** @param {Pad} pad @param {Stroke[]} rest @param {string} did */
function keep(pad, rest, did) {
  if (!pad.strokes.length) return;
  pad.pointer = null;
  pad.pen.isDown = false;
  pad.strokes = rest;
  say(pad, did);
  changed(pad, true);
}

/** @param {Pad} pad */
function undo(pad) {
  const rest = pad.strokes.slice(0, -1);
  keep(pad, rest, rest.length ? `Undone, ${count(rest)} left` : "Undone, nothing is left");
}

/** @param {Pad} pad */
const clear = (pad) => keep(pad, [], "Cleared");

/** @param {Stroke[]} strokes */
const count = ({ length: n }) => (n === 1 ? "1 stroke" : `${n} strokes`);

/** @param {Pad} pad @param {string} text */
function say(pad, text) {
  pad.spoken.textContent = text;
}

// ---- pointer and keys

/** @param {Pad} pad */
function listen(pad) {
  const { canvas, undoButton, clearButton } = pad;
  pad.observer?.disconnect();
  pad.observer = new ResizeObserver(() => redraw(pad));
  pad.observer.observe(canvas);
  undoButton.onclick = () => undo(pad);
  clearButton.onclick = () => clear(pad);
  canvas.onpointerdown = (event) => {
    if (pad.pointer !== null || event.button !== 0) return; // a second finger, another button
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    pad.pen.isShown = pad.pen.isDown = false;
    pad.pointer = event.pointerId;
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // the pointer is gone already
    }
    pad.strokes.push([]);
    extend(pad, [event]);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== pad.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    extend(pad, events.length ? events : [event]);
  };
  canvas.onpointerup =
    canvas.onpointercancel =
    canvas.onlostpointercapture =
      (/** @type {PointerEvent} */ event) => {
        if (event.pointerId !== pad.pointer) return;
        pad.pointer = null;
        changed(pad, true);
      };
  canvas.onkeydown = (event) => onKey(pad, event);
  canvas.onblur = () => {
    pad.pen.isShown = pad.pen.isDown = false;
    redraw(pad);
  };
}

/** @param {Pad} pad @param {PointerEvent[]} events */
function extend(pad, events) {
  const box = pad.canvas.getBoundingClientRect();
  const stroke = pad.strokes[pad.strokes.length - 1];
  for (const event of events) {
    // Only a pen knows how hard it is pressed.
    const force = event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1;
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    stroke.push([x, y, BRUSH * force]);
  }
  changed(pad);
}

/** @param {Pad} pad @param {KeyboardEvent} event */
function onKey(pad, event) {
  const { pen } = pad;
  const isUndo =
    event.key === "Backspace" || ((event.ctrlKey || event.metaKey) && event.key === "z");
  if (isUndo) {
    undo(pad);
  } else if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === "Delete") {
    clear(pad);
  } else if (event.key in ARROWS) {
    const [dx, dy] = ARROWS[event.key];
    const step = event.shiftKey ? BIG_STEP : STEP;
    pen.isShown = true;
    pen.x = Math.min(Math.max(pen.x + dx * step, 0), 1);
    pen.y = Math.min(Math.max(pen.y + dy * step, 0), 1);
    if (pen.isDown) {
      pad.strokes[pad.strokes.length - 1].push([pen.x, pen.y, BRUSH]);
      changed(pad);
    }
  } else if (event.key === " ") {
    pen.isShown = true;
    pen.isDown = !pen.isDown;
    if (pen.isDown) pad.strokes.push([[pen.x, pen.y, BRUSH]]);
    say(pad, pen.isDown ? "Pen down" : `Pen lifted, ${count(pad.strokes)}`);
    changed(pad, !pen.isDown);
  } else {
    return;
  }
  event.preventDefault();
  redraw(pad);
}

// ---- picture

/** @param {Pad} pad */
function redraw(pad) {
  pad.frame ||= requestAnimationFrame(() => {
    pad.frame = 0;
    draw(pad);
  });
}

/** @param {Pad} pad */
function draw(pad) {
  const { root, canvas, undoButton, clearButton, strokes, pen } = pad;
  undoButton.disabled = clearButton.disabled = strokes.length === 0;
  root.dataset.strokes = String(strokes.length);
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (!side) return; // hidden
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = penOf(canvas);
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue("--st-text-color").trim() || "#000";
  context.clearRect(0, 0, side, side);
  if (!strokes.length) {
    context.fillStyle = ink;
    context.globalAlpha = 0.72;
    context.font = `${Math.round(15 * devicePixelRatio)}px ${style.fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("Draw a digit", side / 2, side / 2);
    context.globalAlpha = 1;
  }
  for (const stroke of strokes) paint(context, stroke, side, ink);
  if (pen.isShown) {
    context.strokeStyle = style.getPropertyValue("--st-primary-color").trim() || ink;
    context.lineWidth = (pen.isDown ? 3 : 1.5) * devicePixelRatio;
    context.beginPath();
    context.arc(pen.x * side, pen.y * side, (BRUSH / 2) * side, 0, 2 * Math.PI);
    context.stroke();
  }
}

// One stroke, smooth through the middles between its points.
/** @param {CanvasRenderingContext2D} context @param {Stroke} stroke @param {number} side */
function paint(context, stroke, side, ink = "#000") {
  context.strokeStyle = context.fillStyle = ink;
  context.lineCap = context.lineJoin = "round";
  const [x0, y0, width0] = stroke[0];
  context.beginPath();
  context.arc(x0 * side, y0 * side, (width0 / 2) * side, 0, 2 * Math.PI);
  context.fill();
  let from = [x0, y0];
  for (let i = 1; i < stroke.length; i++) {
    const [px, py] = stroke[i - 1];
    const [x, y, width] = stroke[i];
    const isLast = i === stroke.length - 1;
    const to = isLast ? [x, y] : [(px + x) / 2, (py + y) / 2];
    context.lineWidth = width * side;
    context.beginPath();
    context.moveTo(from[0] * side, from[1] * side);
    context.quadraticCurveTo(px * side, py * side, to[0] * side, to[1] * side);
    context.stroke();
    from = to;
  }
}
