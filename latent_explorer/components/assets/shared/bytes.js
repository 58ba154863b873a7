// Bytes as base64, the form in which they travel within JSON.

/** @import {Bytes} from "./types.d.ts" */

const AT_ONCE = 4096; // bytes: a call takes only so many arguments

/** @param {string} text @returns {Bytes} */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
/** @param {string} text */
export const floatsFromBase64 = (text) => new Float32Array(fromBase64(text).buffer);

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(i, i + AT_ONCE));
  }
  return btoa(text);
}
