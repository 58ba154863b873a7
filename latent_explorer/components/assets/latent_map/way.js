// Geometry of a walk: steps on a polyline, of places or of latents.

// The place at a step of a way, where a fraction lies straight between two steps.
/**
 * @template {number[]} T
 * @param {T[]} points @param {number} at @returns {T}
 */
export function alongWay(points, at) {
  const i = Math.max(0, Math.min(Math.floor(at), points.length - 1));
  const next = points[Math.min(i + 1, points.length - 1)];
  return between(points[i], next, at - i);
}

// n points of a polyline that cut its length into equal parts, ends included.
/**
 * @template {number[]} T
 * @param {T[]} corners @param {number} n @returns {T[]}
 */
export function evenSteps(corners, n) {
  const lengths = corners
    .slice(1)
    .map((corner, i) => Math.hypot(...corner.map((v, d) => v - corners[i][d])));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return Array.from({ length: n }, (_, k) => {
    let left = (whole * k) / (n - 1);
    let i = 0;
    while (i < lengths.length - 1 && left > lengths[i]) left -= lengths[i++];
    const share = lengths[i] > 0 ? Math.min(left / lengths[i], 1) : 0;
    return between(corners[i], corners[i + 1], share);
  });
}

/**
 * @template {number[]} T
 * @param {T} from @param {T} to @param {number} share @returns {T}
 */
function between(from, to, share) {
  return /** @type {T} */ (from.map((v, d) => v + (to[d] - v) * share));
}
