// Payloads for the tests, laid out as components/latent_map/payload.py does.

/** @param {Uint16Array | Float32Array | Uint8Array} values */
const dtypeOf = (values) =>
  values instanceof Uint16Array ? "f2" : values instanceof Float32Array ? "f4" : "u1";

/**
 * @param {object} header
 * @param {Record<string, Uint16Array | Float32Array | Uint8Array>} sections
 */
export function pack(header, sections) {
  const listing = [];
  const parts = [];
  let offset = 0;
  for (const [name, values] of Object.entries(sections)) {
    listing.push({ name, dtype: dtypeOf(values), offset, length: values.length });
    const size = Math.ceil(values.byteLength / 8) * 8;
    parts.push({
      offset,
      bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
    offset += size;
  }
  const text = new TextEncoder().encode(JSON.stringify({ ...header, sections: listing }));
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const packed = new Uint8Array(start + offset);
  packed.set(new TextEncoder().encode("LMAP"));
  new DataView(packed.buffer).setUint32(4, text.length, true);
  packed.set(text, 8);
  for (const part of parts) packed.set(part.bytes, start + part.offset);
  return packed;
}

// Numbers from -1 to 1 that are the same at each run.
export function makeRandom(seed = 1) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/**
 * @param {number[]} widths from the inputs to the outputs
 * @param {object} [about]
 */
export function makeDecoderPayload(widths, about = {}) {
  const random = makeRandom(widths.length + widths[0]);
  const { n_fourier: fourier = 0, latent_dim: dim = 2, ...rest } = /** @type {any} */ (about);
  /** @type {Record<string, Float32Array>} */
  const sections = {};
  if (fourier) sections.fourier = Float32Array.from({ length: dim * fourier }, random);
  const layers = widths.slice(1).map((nOut, i) => {
    const nIn = i ? widths[i] : dim + 2 * fourier;
    const gain = 2 / Math.sqrt(nIn);
    sections[`w${i}`] = Float32Array.from({ length: nOut * nIn }, () => gain * random());
    sections[`b${i}`] = Float32Array.from({ length: nOut }, random);
    return [nOut, nIn];
  });
  const axes = Array.from({ length: dim }, (_, d) =>
    dim === 2 ? [Number(d === 0), Number(d === 1)] : [random(), random()],
  );
  const center = Array.from({ length: dim }, () => (dim === 2 ? 0 : random()));
  return /** @type {any} */ ({
    id: "made up",
    kind: "decoder",
    latent_dim: dim,
    plane: { center, axes },
    activation: "silu",
    residual: false,
    fourier,
    likelihood: "bernoulli",
    sigma: null,
    min_log_sigma: null,
    layers,
    sections,
    ...rest,
  });
}

/** @param {[number, number, number][]} rows x, y, label @param {number} firstId */
export function makePoints(rows, firstId = 0) {
  const xs = rows.map(([x]) => x);
  const ys = rows.map(([, y]) => y);
  return /** @type {any} */ ({
    id: "points",
    kind: "points",
    n: rows.length,
    first_id: firstId,
    extent: [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)],
    medoids: [],
    sections: {
      coords: Float32Array.from(rows.flatMap(([x, y]) => [x, y])),
      labels: Uint8Array.from(rows, ([, , label]) => label),
    },
  });
}
