// Runs beside the page: decodes the mosaic's tiles, and unpacks sheets of digits' pictures.
import { penOf } from "../shared/elements.js";
import { PIXELS, SIDE } from "../shared/ink.js";
import { textOf } from "../shared/problem.js";
import { makeBatchDecoder } from "./decoder.js";
import { makeSimd } from "./simd.js";

/** @import {Bytes, DecoderPayload} from "./types.d.ts" */
/** @typedef {{ ink?: Bytes | Uint8ClampedArray<ArrayBuffer> }} Result */

/** @type {{ id: string, decode: ReturnType<typeof makeBatchDecoder> } | null} */
let decoder = null; // { id, decode }

/** @type {Record<string, (order: any) => Result | Promise<Result>>} */
const JOBS = {
  // Keeps a decoder; the next `tiles` are its own.
  /** @param {{ payload: DecoderPayload }} order */
  decoder({ payload }) {
    decoder = { id: payload.id, decode: makeBatchDecoder(payload, makeSimd) };
    return {};
  },

  /** @param {{ decoderId: string, places: Float64Array }} order */
  tiles({ decoderId, places }) {
    if (decoder?.id !== decoderId) return {}; // an order from before a change of checkpoint
    return { ink: decoder.decode(places) };
  },

  // One greyscale PNG of n digits -> n x PIXELS bytes of ink.
  /** @param {{ png: Bytes, n: number, columns: number }} order */
  async sheet({ png, n, columns }) {
    const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
    const { width } = bitmap; // read once: asked for at each pixel, it took most of the time
    const pen = penOf(new OffscreenCanvas(width, SIDE), { willReadFrequently: true });
    const ink = new Uint8Array(n * PIXELS);
    for (let row = 0; row * columns < n; row++) {
      pen.drawImage(bitmap, 0, -SIDE * row);
      const { data } = pen.getImageData(0, 0, width, SIDE);
      const count = Math.min(columns, n - row * columns);
      for (let k = 0; k < count; k++) {
        const out = (row * columns + k) * PIXELS;
        for (let i = 0; i < PIXELS; i++) {
          const [y, x] = [(i / SIDE) | 0, i % SIDE];
          ink[out + i] = data[4 * (y * width + k * SIDE + x)];
        }
      }
    }
    bitmap.close();
    return { ink };
  },
};

self.onmessage = async ({ data: { job, kind, ...order } }) => {
  try {
    const result = await JOBS[kind](order);
    const buffers = result.ink ? [result.ink.buffer] : [];
    self.postMessage({ job, ...result }, { transfer: buffers });
  } catch (error) {
    self.postMessage({ job, problem: textOf(error) });
  }
};
