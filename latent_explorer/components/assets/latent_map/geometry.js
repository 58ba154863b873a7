// Small mathematics of the plane and of numbers on screen; knows neither the page nor the map.

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

export function number(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `\u2212${text}` : text; // no "-0.00"
}

// Round values of an axis, at least `spacing` apart.
export function ticks(low, high, spacing) {
  const rough = Math.max(spacing, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    found.push({ value: k * step, text: number(k * step, digits), isOrigin: k === 0 });
  }
  return found;
}

// Share of two rectangles [x0, x1, y0, y1] that both cover.
export function overlapOf(a, b) {
  const area = ([x0, x1, y0, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const shared = area([
    Math.max(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.min(a[3], b[3]),
  ]);
  return shared / (area(a) + area(b) - shared || 1);
}

// Semi-axes of a covariance at one standard deviation, and the angle of the major one.
export function ellipseOf([[a, b], [, c]]) {
  const mean = (a + c) / 2;
  const spread = Math.hypot((a - c) / 2, b);
  return {
    major: Math.sqrt(Math.max(0, mean + spread)),
    minor: Math.sqrt(Math.max(0, mean - spread)),
    angle: 0.5 * Math.atan2(2 * b, a - c),
  };
}

// The value below which a share of the numbers lies.
export function quantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.round(share * (sorted.length - 1))];
}
