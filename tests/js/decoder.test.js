// The decoder against one that is written as the formula reads, in float64.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  makeBatchDecoder,
  makeDecoder,
} from "../../latent_explorer/components/assets/latent_map/decoder.js";
import { makeSimd } from "../../latent_explorer/components/assets/latent_map/simd.js";
import { makeDecoderPayload, makeRandom } from "./payloads.js";

/** @type {Record<string, (v: number) => number>} */
const ACTIVATIONS = {
  relu: (v) => Math.max(0, v),
  silu: (v) => v / (1 + Math.exp(-v)),
  tanh: Math.tanh,
};

/** @param {any} payload @param {number[]} z @returns {number[]} of the last layer */
function reference({ sections, layers, fourier, activation, residual }, z) {
  let h = [...z];
  const angles = Array.from({ length: fourier }, (_, f) =>
    z.reduce((sum, v, d) => sum + v * sections.fourier[d * fourier + f], 0),
  );
  h.push(...angles.map(Math.sin), ...angles.map(Math.cos));
  layers.forEach((/** @type {[number, number]} */ [nOut, nIn], /** @type {number} */ i) => {
    let out = Array.from({ length: nOut }, (_, row) =>
      h.reduce((sum, v, j) => sum + sections[`w${i}`][row * nIn + j] * v, sections[`b${i}`][row]),
    );
    if (i < layers.length - 1) {
      out = out.map(ACTIVATIONS[activation]);
      if (residual && nOut === nIn) out = out.map((v, k) => v + h[k]);
    }
    h = out;
  });
  return h;
}
const sigmoid = (/** @type {number} */ v) => 1 / (1 + Math.exp(-v));

const PAYLOADS = {
  relu: makeDecoderPayload([2, 16, 16, 784], { activation: "relu" }),
  silu: makeDecoderPayload([2, 16, 16, 784]),
  tanh: makeDecoderPayload([2, 16, 16, 784], { activation: "tanh" }),
  residual: makeDecoderPayload([2, 24, 24, 16, 16, 784], { residual: true }),
  "not residual": makeDecoderPayload([2, 24, 24, 784]),
  linear: makeDecoderPayload([2, 784]),
  "odd widths": makeDecoderPayload([2, 7, 9, 784]),
  Fourier: makeDecoderPayload([2, 16, 784], { n_fourier: 8 }),
  "three dimensions": makeDecoderPayload([3, 13, 13, 784], {
    latent_dim: 3,
    n_fourier: 5,
    residual: true,
  }),
};
const random = makeRandom(7);
const PLACES = Array.from({ length: 11 }, () => [3 * random(), 3 * random()]); // no whole batches

for (const [name, payload] of Object.entries(PAYLOADS)) {
  const { center, axes } = payload.plane;
  const latents = PLACES.map(([x, y]) =>
    center.map(
      (/** @type {number} */ c, /** @type {number} */ d) => c + axes[d][0] * x + axes[d][1] * y,
    ),
  );
  const expected = latents.map((z) => reference(payload, z).slice(0, 784).map(sigmoid));

  test(`one place at a time: ${name}`, () => {
    const decode = makeDecoder(payload);
    PLACES.forEach(([x, y], k) => {
      const { mean, sigma } = decode(x, y);
      assert.equal(mean.length, 784);
      assert.equal(sigma, null);
      mean.forEach((v, i) => assert.ok(Math.abs(v - expected[k][i]) < 1e-5));
    });
    assert.ok(Math.max(...expected[0]) - Math.min(...expected[0]) > 0.1); // not all alike
  });

  for (const [how, makeKernel] of /** @type {const} */ ([
    ["plain loops", undefined],
    ["SIMD", makeSimd],
  ])) {
    test(`many places by ${how}: ${name}`, () => {
      if (makeKernel) assert.ok(makeKernel(payload.layers), "Node has SIMD");
      for (const isLatent of [false, true]) {
        const ink = makeBatchDecoder(
          payload,
          makeKernel,
          isLatent,
        )(Float64Array.from((isLatent ? latents : PLACES).flat()));
        assert.equal(ink.length, PLACES.length * 784);
        expected.flat().forEach((v, i) => assert.ok(Math.abs(ink[i] - 255 * v) <= 0.51));
      }
    });
  }
}

test("SIMD takes many columns and rows that four does not divide", () => {
  const payload = makeDecoderPayload([2, 130, 785], { min_log_sigma: -4 });
  const places = Float64Array.from(PLACES.flat());
  const plain = makeBatchDecoder(payload)(places);
  const fast = makeBatchDecoder(payload, makeSimd)(places);
  plain.forEach((v, i) => assert.ok(Math.abs(v - fast[i]) <= 1));
});

test("a layer too narrow for SIMD is left to plain loops", () => {
  assert.equal(
    makeSimd([
      [3, 2],
      [784, 3],
    ]),
    null,
  );
  assert.ok(
    makeSimd([
      [4, 2],
      [784, 4],
    ]),
  );
});

test("sigma: none, one for all places, or one of the place that is clamped below", () => {
  const fixed = makeDecoderPayload([2, 16, 784], { likelihood: "gaussian", sigma: 0.25 });
  assert.equal(makeDecoder(fixed)(1, 2).sigma, 0.25);
  const learned = makeDecoderPayload([2, 16, 785], { likelihood: "gaussian", min_log_sigma: -0.5 });
  const decode = makeDecoder(learned);
  const logs = PLACES.map((place) => reference(learned, place)[784]);
  assert.ok(Math.min(...logs) < -0.5 && Math.max(...logs) > -0.5); // both happen
  PLACES.forEach(([x, y], k) => {
    const { mean, sigma } = decode(x, y);
    assert.equal(mean.length, 784);
    assert.ok(Math.abs(Number(sigma) - Math.exp(Math.max(logs[k], -0.5))) < 1e-5);
  });
});

test("an unknown activation is refused", () => {
  const payload = makeDecoderPayload([2, 784], { activation: "gelu" });
  assert.throws(() => makeDecoder(payload), /activation gelu is unknown/);
});
