// Changes one thing of a module at a time and counts the changes that its tests notice; not a part
// of the gate. `node mutants.mjs [TEST …]` works on a copy, and lists what survived.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const ASSETS = "latent_explorer/components/assets";
const run = promisify(execFile);

// Test -> module -> [what stands there, what to write instead], each found once or first.
/** @type {Record<string, Record<string, [string, string][]>>} */
const MUTANTS = {
  decoder: {
    "latent_map/decoder.js": [
      ["v[i] < 0) v[i] = 0", "v[i] < 0) v[i] = 1"],
      ["1 + Math.exp(-v[i])", "1 + Math.exp(v[i])"],
      ["let s1 = b[i + 1]", "let s1 = b[i]"],
      ["i + 1 < m ? r0 + n : r0", "i + 1 < m ? r0 : r0"],
      ["if (i + 1 === m) continue", "if (i + 2 === m) continue"],
      ["residual && out.length", "out.length"],
      ["out[k] += h[k]", "out[k] -= h[k]"],
      ["d * nFourier + f", "f * nLatent + d"],
      ["Math.sin(angle)", "Math.cos(angle)"],
      ["axes[d][1] * places[2 * k + 1]", "axes[d][1] * places[2 * k]"],
      ["Math.max(found[PIXELS]", "Math.min(found[PIXELS]"],
      ["c < batch && k + c < n", "c < batch && k + c < n - 1"],
    ],
    "latent_map/simd.js": [
      ["Math.min(i, m - 4)", "Math.min(i, m - 3)"],
      ["16 * half", "8 * half"],
      ["nOut < 4", "nOut < 5"],
      ["value % 128) | 128", "value % 128) | 64"],
    ],
  },
  payload: {
    "latent_map/payload.js": [
      ["bytes.byteLength < 8", "bytes.byteLength < 0"],
      ["end > bytes.byteLength", "end > bytes.byteLength + 8"],
      ["Math.ceil(end / 8) * 8", "end"],
      ["offset + length *", "length *"],
      ["> body.byteLength", ">= body.byteLength"],
      ["exponent + 112", "exponent + 111"],
      ["2 ** -24", "2 ** -25"],
      ["(half & 0x8000) << 16", "0"],
      ["exponent === 31 ? 255", "exponent === 31 ? 254"],
    ],
  },
  point_index: {
    "latent_map/point_index.js": [
      ["this.starts[cellOf[i] + 1]++", "this.starts[cellOf[i]]++"],
      ["row * this.side + last + 1]", "row * this.side + last]"],
      ["found.length <= most", "found.length < most"],
      ["x >= x0 && x <= x1", "x > x0 && x <= x1"],
      ["y <= y1) found", "y < y1) found"],
      ["(ring * cell) ** 2", "((ring + 2) * cell) ** 2"],
      ["square <= best", "square > best"],
      ["Math.abs(r - row) === ring", "Math.abs(r - row) !== ring"],
      ["column + ring < side", "column + ring < 0"],
      ["column - ring >= 0", "column - ring >= side"],
      ["nearest + this.firstId", "nearest"],
      ["polygon.length < 3", "polygon.length < 4"],
      ["ay > y !== by > y", "ay > y"],
      ["polygon[(i + 1) % polygon.length]", "polygon[i]"],
      ["coords[i] > this.bounds[axis + 1]", "coords[i] < this.bounds[axis + 1]"],
    ],
  },
  camera: {
    "latent_map/camera.js": [
      ["> 0.5)", "> 0.99)"],
      ["!isKnown || this.isFitted", "!isKnown"],
      ["margin * shorter", "shorter"],
      ["Math.min(this.size.width, this.size.height)", "this.size.width"],
      ["height / 2 - (y - this.y)", "height / 2 + (y - this.y)"],
      ["full / ZOOM.in", "full / ZOOM.out"],
      ["x1 + this.span / 3", "x1 + this.span / 2"],
      ["this.isFitted = false;", "this.isFitted = true;"],
      ["this.x - x) * share", "this.x - x) / share"],
      ["1 - (1 - t) ** 3", "t ** 3"],
      ["(reached - span) / (to.span - span)", "share"],
      ["if (t === 1) this.look(to)", ""],
      ["height + margin", "height - margin"],
    ],
  },
  geometry: {
    "latent_map/geometry.js": [
      ["Number(text) !== 0", "true"],
      ["rough * 0.999", "rough * 1.001"],
      ["k * step <= high", "k * step < high"],
      ["k === 0", "k === 1"],
      ["Math.floor(Math.log10(step) + 1e-9)", "Math.floor(Math.log10(step))"],
      ["area(b) - shared", "area(b)"],
      ["(a - c) / 2, b", "(a + c) / 2, b"],
      ["mean - spread", "mean + spread"],
      ["2 * b, a - c", "b, a - c"],
      ["sorted.length - 1", "sorted.length"],
      ["v - center[d]", "v + center[d]"],
    ],
    "latent_map/way.js": [
      ["(whole * k) / (n - 1)", "(whole * k) / n"],
      ["left > lengths[i]", "left >= 0"],
      ["lengths[i] > 0 ?", "lengths[i] >= 0 ?"],
      ["at - i)", "i - at)"],
      ["points.length - 1));", "points.length - 2));"],
    ],
    "shared/dots.js": [
      ["x * x + y * y <= radius", "x * x + y * y < radius"],
      ["start[i] * rest", "start[i] * share"],
      ["square < least", "square > least"],
      ["side / 2 - top", "top - side / 2"],
      ["const NEAR = 9", "const NEAR = 11"],
      ["x >= side - margin ||", "false ||"],
      ["side / 2 - coords", "side / 2 + coords"],
    ],
  },
  selection: {
    "latent_map/selection.js": [
      ["points.first_id - selected.first_id", "points.first_id"],
      ["bit < 0 ||", "bit <= 0 ||"],
      ["8 * bytes.length", "4 * bytes.length"],
      ["bytes[bit >> 3] >>", "bytes[bit >> 2] >>"],
      ["count ? marks : null", "marks"],
      ["marks[row] << (row & 7)", "marks[row] << (row & 3)"],
      ["old[row] | mark", "old[row] & mark"],
      ["mark ^ 1", "mark"],
      ['event.altKey ? "remove"', 'event.ctrlKey ? "remove"'],
      [">= LASSO_STEP", "> LASSO_STEP"],
      ["[bx, ay],", "[ax, by],"],
    ],
    "shared/bytes.js": [["i += AT_ONCE", "i += AT_ONCE + 1"]],
  },
  fields: {
    "latent_map/fields.js": [
      ["(-sigmas * sigmas) / 2", "(-sigmas * sigmas) / 3"],
      ["const SIGMAS = [1, 2, 3]", "const SIGMAS = [1, 2, 4]"],
      ["const MIXED_SIGMAS = [1, 2]", "const MIXED_SIGMAS = [1]"],
      ["y + c * u + d * v", "y + b * u + d * v"],
      ["y + d * sigmas", "y - d * sigmas"],
      ["i <= RING_STEPS", "i < RING_STEPS"],
      ["x * a + y * c", "x * a + y * b"],
      ["height - 1 - row", "row"],
      ["(share - 0.2) / 0.8", "(share - 0.3) / 0.8"],
      ["> classes[label * size + cell]", "< classes[label * size + cell]"],
      ["share >= SURE", "share > 1"],
      ["const SURE = 0.5", "const SURE = 0.3"],
      ["high - scale.depth", "high + scale.depth"],
      ["Math.max(low, high", "Math.min(low, high"],
      ["4 * share)", "share)"],
      ["column > 0 ?", "column >= 0 ?"],
      ["labels[other] !== labels[cell]) continue", "false) continue"],
      ["(column + 0.5) * cellSize", "column * cellSize"],
      ["b[3] - a[3]", "a[3] - b[3]"],
      ["1 + near)", "near)"],
      ["n === 1 ?", "n !== 1 ?"],
    ],
  },
  problem: {
    "latent_map/mosaic.js": [
      ["this.isBroken = true;", ""],
      [".catch(this.onProblem);\n    return shown", ".catch(() => {});\n    return shown"],
    ],
    "shared/problem.js": [["console.error(error);", ""]],
  },
};

const root = join(import.meta.dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "mutants-"));
cpSync(join(root, ASSETS), join(copy, ASSETS), { recursive: true });
cpSync(import.meta.dirname, join(copy, "tests/js"), {
  recursive: true,
  filter: (path) => !path.includes("node_modules"),
});
let [n, killed] = [0, 0];
const asked = process.argv.slice(2);
for (const [test, modules] of Object.entries(MUTANTS)) {
  if (asked.length && !asked.includes(test)) continue;
  for (const [module, changes] of Object.entries(modules)) {
    const path = join(copy, ASSETS, module);
    const text = readFileSync(path, "utf8");
    for (const [old, fresh] of changes) {
      if (!text.includes(old)) throw new Error(`${module} has no "${old}".`);
      writeFileSync(
        path,
        text.replace(old, () => fresh),
      );
      n++;
      const isKilled = await run(process.execPath, [join(copy, `tests/js/${test}.test.js`)], {
        timeout: 60_000,
      }).then(
        () => false,
        () => true,
      );
      if (isKilled) killed++;
      else console.log(`${module}: "${old}" -> "${fresh}" survives`);
      writeFileSync(path, text);
    }
  }
}
rmSync(copy, { recursive: true });
console.log(`${killed} of ${n} killed`);
