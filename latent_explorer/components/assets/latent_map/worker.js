// Runs beside the page: decodes the mosaic's tiles, and unpacks sheets of digits' pictures.
import { makeBatchDecoder } from "./decoder.js";
import { makeSimd } from "./simd.js";

let decoder = null; // { id, decode }

const JOBS = {
  // Keeps a decoder; the next `tiles` are its own.
  decoder({ payload }) {
    decoder = { id: payload.id, decode: makeBatchDecoder(payload, makeSimd) };
    return {};
  },

  tiles({ decoderId, places }) {
    if (decoder?.id !== decoderId) return {}; // an order from before a change of checkpoint
    return { ink: decoder.decode(places) };
  },

  // One greyscale PNG of n digits -> n x 784 bytes of ink.
  async sheet({ png, n, columns }) {
    const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
    const { width } = bitmap; // read once: asked for at each pixel, it took most of the time
    const pen = new OffscreenCanvas(width, 28).getContext("2d", {
      willReadFrequently: true,
    });
    const ink = new Uint8Array(n * 784);
    for (let row = 0; row * columns < n; row++) {
      pen.drawImage(bitmap, 0, -28 * row);
      const { data } = pen.getImageData(0, 0, width, 28);
      const count = Math.min(columns, n - row * columns);
      for (let k = 0; k < count; k++) {
        const out = (row * columns + k) * 784;
        for (let i = 0; i < 784; i++) {
          const [y, x] = [(i / 28) | 0, i % 28];
          ink[out + i] = data[4 * (y * width + k * 28 + x)];
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
    self.postMessage({ job, ...result }, buffers);
  } catch (error) {
    self.postMessage({ job, problem: error.message });
  }
};
