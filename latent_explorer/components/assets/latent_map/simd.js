// Products of dense layers in WebAssembly SIMD, some five times as fast as plain loops. No compiler
// and no file of bytes: the one function of it is short enough to be assembled here.

/** @import {Floats, Kernel} from "./types.d.ts" */
/** @typedef {(w: number, b: number, x: number, end: number, y: number) => void} Rows */

const BATCH = 8; // inputs at once: two vectors of four float32

const I32 = 0x7f;
const V128 = 0x7b;
const OPS = {
  end: [0x0b],
  getLocal: [0x20],
  setLocal: [0x21],
  loop: [0x03, 0x40],
  branchIf: [0x0d],
  constI32: [0x41],
  addI32: [0x6a],
  lessI32: [0x49],
  load: [0xfd, 0], // v128.load
  loadSplat: [0xfd, 9], // v128.load32_splat
  store: [0xfd, 11], // v128.store
  add: [0xfd, 0xe4, 0x01], // f32x4.add
  multiply: [0xfd, 0xe6, 0x01], // f32x4.mul
};

// An unsigned LEB128 number; `constI32` is signed, so that it takes numbers below 64 alone.
/** @param {number} value */
function leb(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

/** @param {number[]} bytes */
const sized = (bytes) => [...leb(bytes.length), ...bytes];
/** @param {number} number @param {...(number | number[])} items */
const section = (number, ...items) => [number, ...sized([...leb(items.length), ...items.flat()])];
/** @param {string} word */
const text = (word) => sized([...new TextEncoder().encode(word)]);
/** @param {number} local */
const get = (local) => [...OPS.getLocal, local];
/** @param {number} local */
const set = (local) => [...OPS.setLocal, local];
/** @param {number} offset */
const at = (offset) => [2, ...leb(offset)]; // aligned to 4 bytes
/** @param {number} local @param {number} by */
const advance = (local, by) => [...get(local), ...OPS.constI32, by, ...OPS.addI32, ...set(local)];

// The module of rows(w, b, x, end, y): four rows of y = W x + b, W with `n` columns from address w
// on, BATCH inputs interleaved from x to end.
/** @param {number} n */
function rowsModule(n) {
  const [w, b, x, end, y, x0, x1, weight] = [0, 1, 2, 3, 4, 5, 6, 7];
  const sum = (/** @type {number} */ row, /** @type {number} */ half) => 8 + 2 * row + half;
  const rows = [0, 1, 2, 3];
  const halves = [0, 1];
  const accumulate = (/** @type {number} */ row, /** @type {number} */ half) => [
    ...get(sum(row, half)),
    ...get(weight),
    ...get([x0, x1][half]),
    ...OPS.multiply,
    ...OPS.add,
    ...set(sum(row, half)),
  ];
  const code = [
    ...[1, 11, V128], // locals: x0, x1, weight and eight sums
    ...rows.flatMap((row) =>
      halves.flatMap((half) => [
        ...[...get(b), ...OPS.loadSplat, ...at(4 * row)],
        ...set(sum(row, half)),
      ]),
    ),
    ...OPS.loop,
    ...[...get(x), ...OPS.load, ...at(0), ...set(x0)],
    ...[...get(x), ...OPS.load, ...at(16), ...set(x1)],
    ...rows.flatMap((row) => [
      ...[...get(w), ...OPS.loadSplat, ...at(4 * n * row), ...set(weight)],
      ...halves.flatMap((half) => accumulate(row, half)),
    ]),
    ...advance(w, 4),
    ...advance(x, 4 * BATCH),
    ...[...get(x), ...get(end), ...OPS.lessI32, ...OPS.branchIf, 0],
    ...OPS.end,
    ...rows.flatMap((row) =>
      halves.flatMap((half) => [
        ...[...get(y), ...get(sum(row, half))],
        ...[...OPS.store, ...at(4 * BATCH * row + 16 * half)],
      ]),
    ),
    ...OPS.end,
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [0x60, 5, I32, I32, I32, I32, I32, 0]), // the function's type
    ...section(2, [...text("page"), ...text("memory"), 2, 0, 1]),
    ...section(3, [0]),
    ...section(7, [...text("rows"), 0, 0]),
    ...section(10, sized(code)),
  ]);
}

// A kernel for `makeNetwork` with layers of these shapes, [outputs, inputs] each; null where the
// browser has no SIMD or a layer is too narrow.
/** @param {[nOut: number, nIn: number][]} layers @returns {Kernel | null} */
export function makeSimd(layers) {
  if (layers.some(([nOut]) => nOut < 4)) return null;
  const room = layers.reduce((sum, [m, n]) => sum + m * n + m + BATCH * m, BATCH * layers[0][1]);
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((4 * room) / 65536) });
    /** @type {Map<number, Rows>} */
    const functions = new Map(); // columns -> rows()
    for (const [, n] of layers) {
      const module = new WebAssembly.Module(rowsModule(n));
      const { exports } = new WebAssembly.Instance(module, { page: { memory } });
      functions.set(n, /** @type {Rows} */ (exports.rows));
    }
    let used = 0;
    const numbers = (/** @type {number} */ length) => {
      const values = new Float32Array(memory.buffer, used, length);
      used += 4 * length;
      return values;
    };
    const keep = (/** @type {Floats} */ values) => {
      const kept = numbers(values.length);
      kept.set(values);
      return kept;
    };
    /** @type {Kernel["product"]} */
    const product = (W, b, x, y) => {
      const n = x.length / BATCH;
      const m = y.length / BATCH;
      const rows = functions.get(n);
      if (!rows) throw new Error(`there are no layers of ${n} inputs.`);
      const [w, start, end] = [W.byteOffset, x.byteOffset, x.byteOffset + 4 * x.length];
      for (let i = 0; i < m; i += 4) {
        const row = Math.min(i, m - 4); // the last four may overlap those before them
        rows(w + 4 * n * row, b.byteOffset + 4 * row, start, end, y.byteOffset + 4 * BATCH * row);
      }
    };
    return { batch: BATCH, product, numbers, keep };
  } catch {
    return null;
  }
}
