// Numbers as people read them, as latent_explorer/theme.py says and writes them: a true minus, no
// sign on zero, a power of ten where decimals would show nothing.

const ROUNDING = 1e-9; // what float32 leaves where there is nothing
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// With exactly so many decimals: of places, which stand beside one another.
/** @param {number} value @param {number} digits */
export function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) ? `−${text}` : text;
}

// With so many decimals, unless these would show nothing of it.
/** @param {number} value @param {number} [digits] */
export function number(value, digits = 3) {
  const isLost = Math.abs(value) >= ROUNDING && !Number(value.toFixed(digits));
  return isLost ? significant(value) : fixed(value, digits);
}

// With two significant figures, of any size.
/** @param {number} value */
export function significant(value) {
  if (!value) return "0";
  const sign = value < 0 ? "−" : "";
  const [mantissa, exponent] = Math.abs(value).toExponential(1).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 6) {
    return `${sign}${mantissa.replace(/\.0$/, "")} × 10${superscript(power)}`;
  }
  const decimals = Math.max(0, 1 - power);
  const rounded = Number(`${mantissa}e${exponent}`);
  return sign + rounded.toLocaleString("en-US", { maximumFractionDigits: decimals });
}

/** @param {number} power */
function superscript(power) {
  const digits = [...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return (power < 0 ? "⁻" : "") + digits.join("");
}
