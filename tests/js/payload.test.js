import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parsePayload,
  readHeader,
} from "../../latent_explorer/components/assets/latent_map/payload.js";
import { pack } from "./payloads.js";

const HALVES = {
  0x3c00: 1,
  0xbc00: -1,
  0x0001: 2 ** -24,
  0x8200: -(2 ** -15),
  0x7bff: 65504,
  0x3555: 1365 / 4096,
};
const PACKED = pack(
  { id: "abc", kind: "test" },
  {
    halves: Uint16Array.from(Object.keys(HALVES).map(Number)),
    bytes: Uint8Array.of(1, 2, 255),
    floats: Float32Array.of(1.5, -2.25),
  },
);

test("header and sections come back, halves as float32", () => {
  // somewhere within a larger buffer, as Streamlit gives it
  const shifted = new Uint8Array(PACKED.length + 3).subarray(3);
  shifted.set(PACKED);
  for (const bytes of [PACKED, shifted]) {
    const { id, kind, sections } = parsePayload(bytes);
    assert.deepEqual([id, kind], ["abc", "test"]);
    assert.deepEqual([...sections.halves], Object.values(HALVES));
    assert.deepEqual([...sections.bytes], [1, 2, 255]);
    assert.deepEqual([...sections.floats], [1.5, -2.25]);
  }
});

test("halves: infinities and NaN", () => {
  const { sections } = parsePayload(
    pack({ id: "" }, { x: Uint16Array.of(0x7c00, 0xfc00, 0x7e00, 0x8000) }),
  );
  assert.deepEqual([...sections.x], [Infinity, -Infinity, NaN, -0]);
});

test("a body that ends exactly with its last section is whole", () => {
  const exact = pack({ id: "" }, { x: new Float32Array(4) });
  assert.equal(parsePayload(exact).sections.x.length, 4);
  assert.throws(() => parsePayload(exact.subarray(0, -1)), /ends within section x/);
});

/** @type {[string, (bytes: Uint8Array) => Uint8Array, RegExp][]} */
const DAMAGES = [
  ["another magic", (b) => Uint8Array.of(80, ...b.subarray(1)), /not a map payload/],
  ["hardly anything", (b) => b.subarray(0, 7), /not a map payload/],
  ["half a header", (b) => b.subarray(0, 40), /ends within its header/],
  ["all but the end of its header", (b) => b.subarray(0, headerEnd(b) - 1), /within its header/],
  ["no header", (b) => b.subarray(0, 8), /ends within its header/],
  ["half its sections", (b) => b.subarray(0, -8), /ends within section floats/],
  ["an unknown type", (b) => replaced(b, '"f2"', '"f8"'), /unknown type f8/],
  ["no JSON", (b) => replaced(b, '{"id"', '("id"'), /JSON/],
];

const headerEnd = (/** @type {Uint8Array} */ bytes) =>
  8 + new DataView(bytes.buffer).getUint32(4, true);

/** @param {Uint8Array} bytes @param {string} old @param {string} fresh of the same length */
function replaced(bytes, old, fresh) {
  return Uint8Array.from(
    Buffer.from(Buffer.from(bytes).toString("latin1").replace(old, fresh), "latin1"),
  );
}

for (const [what, spoil, message] of DAMAGES) {
  test(`refused: ${what}`, () => assert.throws(() => parsePayload(spoil(PACKED)), message));
}

test("a header alone can be read", () => {
  assert.equal(readHeader(PACKED).header.id, "abc");
  assert.equal(readHeader(PACKED).start % 8, 0);
});
