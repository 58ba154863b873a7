// Reads what components/latent_map/payload.py packs: a header in JSON, then sections of numbers.

/** @import {Bytes, Floats} from "./types.d.ts" */
/** @typedef {{ name: string, dtype: string, offset: number, length: number }} Section */

/** @type {Record<string, Uint16ArrayConstructor | Float32ArrayConstructor | Uint8ArrayConstructor>} */
const SECTION_TYPES = { f2: Uint16Array, f4: Float32Array, u1: Uint8Array };

/** @param {Uint8Array} bytes */
export function readHeader(bytes) {
  const frame = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 8 || new TextDecoder().decode(bytes.subarray(0, 4)) !== "LMAP") {
    throw new Error("it is not a map payload.");
  }
  const end = 8 + frame.getUint32(4, true);
  if (end > bytes.byteLength) throw new Error("it ends within its header.");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  return { header, start: Math.ceil(end / 8) * 8 };
}

/** @param {Uint8Array} bytes @returns {any} of the kind that its header names */
export function parsePayload(bytes) {
  const { header, start } = readHeader(bytes);
  const body = bytes.slice(start).buffer; // a copy, because sections must start at multiples of 8
  /** @type {Record<string, Floats | Bytes>} */
  const sections = {};
  for (const { name, dtype, offset, length } of /** @type {Section[]} */ (header.sections)) {
    const Type = SECTION_TYPES[dtype];
    if (!Type) throw new Error(`section ${name} has the unknown type ${dtype}.`);
    if (offset + length * Type.BYTES_PER_ELEMENT > body.byteLength) {
      throw new Error(`it ends within section ${name}.`);
    }
    const values = new Type(body, offset, length);
    sections[name] = values instanceof Uint16Array ? halfToFloat(values) : values;
  }
  return { ...header, sections };
}

const floatOfHalf = makeTable();

function makeTable() {
  const bits = new Uint32Array(65536); // of float32
  const floats = new Float32Array(bits.buffer);
  for (let half = 0; half < 65536; half++) {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (!exponent) floats[half] = fraction * 2 ** -24;
    else bits[half] = ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    bits[half] |= (half & 0x8000) << 16;
  }
  return floats;
}

/** @param {Uint16Array} halves @returns {Floats} */
function halfToFloat(halves) {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = floatOfHalf[halves[i]];
  return floats;
}
