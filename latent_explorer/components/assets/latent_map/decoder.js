// The decoder as in torch: a dense network, with Fourier features of z and residual layers allowed.

import { PIXELS } from "../shared/ink.js";

/** @import {DecoderPayload, Floats, Kernel, MakeKernel, Pixels} from "./types.d.ts" */

/** @type {Record<string, (v: Floats) => void>} */
const ACTIVATIONS = {
  relu: (v) => {
    for (let i = 0; i < v.length; i++) if (v[i] < 0) v[i] = 0;
  },
  silu: (v) => {
    for (let i = 0; i < v.length; i++) v[i] /= 1 + Math.exp(-v[i]);
  },
  tanh: (v) => {
    for (let i = 0; i < v.length; i++) v[i] = Math.tanh(v[i]);
  },
};
const BATCH = 4; // places that plain loops take at once
const onHeap = (/** @type {number} */ length) => new Float32Array(length);
/** @type {Kernel} */
const ONE = { batch: 1, product: affine, numbers: onHeap, keep: (values) => values };
/** @type {Kernel} */
const LOOPS = { ...ONE, batch: BATCH, product: affineBatch };

/** @param {Floats} v @param {number} n */
function sigmoid(v, n) {
  for (let i = 0; i < n; i++) v[i] = 1 / (1 + Math.exp(-v[i]));
}

// y = W x + b, four rows at a time: each x[j] is loaded once for four independent sums.
/** @type {Kernel["product"]} */
function affine(W, b, x, y) {
  const n = x.length;
  const whole = y.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const r0 = i * n;
    const r1 = r0 + n;
    const r2 = r1 + n;
    const r3 = r2 + n;
    let s0 = b[i];
    let s1 = b[i + 1];
    let s2 = b[i + 2];
    let s3 = b[i + 3];
    for (let j = 0; j < n; j++) {
      const v = x[j];
      s0 += W[r0 + j] * v;
      s1 += W[r1 + j] * v;
      s2 += W[r2 + j] * v;
      s3 += W[r3 + j] * v;
    }
    y[i] = s0;
    y[i + 1] = s1;
    y[i + 2] = s2;
    y[i + 3] = s3;
  }
  for (let i = whole; i < y.length; i++) {
    let sum = b[i];
    for (let j = 0; j < n; j++) sum += W[i * n + j] * x[j];
    y[i] = sum;
  }
}

// The same for BATCH inputs, interleaved (x[BATCH * j + k] is number j of input k), two rows at a
// time: a weight is loaded once for four inputs, and an input once for two rows.
/** @type {Kernel["product"]} */
function affineBatch(W, b, x, y) {
  const n = x.length / BATCH;
  const m = y.length / BATCH;
  for (let i = 0; i < m; i += 2) {
    const r0 = i * n;
    const r1 = i + 1 < m ? r0 + n : r0; // an odd last row is done twice
    let s0 = b[i];
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let t0 = b[i + 1];
    let t1 = t0;
    let t2 = t0;
    let t3 = t0;
    for (let j = 0, at = 0; j < n; j++, at += BATCH) {
      const w = W[r0 + j];
      const v = W[r1 + j];
      const x0 = x[at];
      const x1 = x[at + 1];
      const x2 = x[at + 2];
      const x3 = x[at + 3];
      s0 += w * x0;
      s1 += w * x1;
      s2 += w * x2;
      s3 += w * x3;
      t0 += v * x0;
      t1 += v * x1;
      t2 += v * x2;
      t3 += v * x3;
    }
    const out = BATCH * i;
    y[out] = s0;
    y[out + 1] = s1;
    y[out + 2] = s2;
    y[out + 3] = s3;
    if (i + 1 === m) continue;
    y[out + 4] = t0;
    y[out + 5] = t1;
    y[out + 6] = t2;
    y[out + 7] = t3;
  }
}

// A function of `batch` places of the plane, or of latents themselves, with numbers interleaved as
// above; it returns a buffer that the next call reuses. A kernel takes its numbers from arrays of its
// own: `numbers` makes one of some length, `keep` one of given values.
/** @param {DecoderPayload} parsed @param {Kernel} kernel */
function makeNetwork(parsed, { batch, product, numbers, keep }, isLatent = false) {
  const { latent_dim: nLatent, fourier: nFourier, layers, residual, sections } = parsed;
  const { center, axes } = parsed.plane;
  const activate = ACTIVATIONS[parsed.activation];
  if (!activate) throw new Error(`the activation ${parsed.activation} is unknown.`);
  const inputs = numbers(batch * (nLatent + 2 * nFourier));
  const outputs = layers.map(([nOut]) => numbers(batch * nOut));
  const weights = layers.map((_, i) => keep(sections[`w${i}`]));
  const biases = layers.map((_, i) => keep(sections[`b${i}`]));

  /** @param {number} k @param {Float64Array} places */
  function embed(k, places) {
    for (let d = 0; d < nLatent; d++) {
      inputs[batch * d + k] = isLatent
        ? places[nLatent * k + d]
        : center[d] + axes[d][0] * places[2 * k] + axes[d][1] * places[2 * k + 1];
    }
    for (let f = 0; f < nFourier; f++) {
      let angle = 0;
      for (let d = 0; d < nLatent; d++) {
        angle += inputs[batch * d + k] * sections.fourier[d * nFourier + f];
      }
      inputs[batch * (nLatent + f) + k] = Math.sin(angle);
      inputs[batch * (nLatent + nFourier + f) + k] = Math.cos(angle);
    }
  }

  return (/** @type {Float64Array} */ places) => {
    for (let k = 0; k < batch; k++) embed(k, places);
    let h = inputs;
    outputs.forEach((out, i) => {
      product(weights[i], biases[i], h, out);
      if (i === outputs.length - 1)
        sigmoid(out, PIXELS * batch); // a learned log sigma, after them, stays as it is
      else {
        activate(out);
        if (residual && out.length === h.length) for (let k = 0; k < h.length; k++) out[k] += h[k];
      }
      h = out;
    });
    return h;
  };
}

// (x, y) on the plane -> { mean, sigma } of p(x|z): 784 levels of ink, in a buffer that the next
// call reuses, and the standard deviation of each, null for binary pixels.
/** @param {DecoderPayload} parsed @returns {(x: number, y: number) => Pixels} */
export function makeDecoder(parsed) {
  const decode = makeNetwork(parsed, ONE);
  const least = parsed.min_log_sigma;
  const place = new Float64Array(2);
  return (x, y) => {
    place[0] = x;
    place[1] = y;
    const found = decode(place);
    const sigma = least === null ? parsed.sigma : Math.exp(Math.max(found[PIXELS], least));
    return { mean: found.subarray(0, PIXELS), sigma };
  };
}

// Places (x, y one after another) -> ink from 0 to 255, 784 bytes per place. `makeKernel` is
// `makeSimd`, or left out for plain loops, which are also what a browser without SIMD gets. With
// `isLatent` the places are latents, D numbers each.
/** @param {DecoderPayload} parsed @param {MakeKernel} makeKernel */
export function makeBatchDecoder(parsed, makeKernel = () => null, isLatent = false) {
  const kernel = makeKernel(parsed.layers) ?? LOOPS;
  const { batch } = kernel;
  const decode = makeNetwork(parsed, kernel, isLatent);
  const size = isLatent ? parsed.latent_dim : 2; // numbers per place
  return (/** @type {Float64Array} */ places) => {
    const n = places.length / size;
    const ink = new Uint8ClampedArray(n * PIXELS);
    const group = new Float64Array(size * batch);
    for (let k = 0; k < n; k += batch) {
      group.set(places.subarray(size * k, size * Math.min(k + batch, n)));
      const found = decode(group);
      for (let c = 0; c < batch && k + c < n; c++) {
        for (let i = 0; i < PIXELS; i++) ink[(k + c) * PIXELS + i] = found[batch * i + c] * 255;
      }
    }
    return ink;
  };
}
