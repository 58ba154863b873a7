import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera } from "../../latent_explorer/components/assets/latent_map/camera.js";
import {
  classRegions,
  Fields,
  outlinesLegend,
  paintOutlines,
  turned,
} from "../../latent_explorer/components/assets/latent_map/fields.js";
import { mockCanvas } from "./canvas.js";

const images = mockCanvas();
const camera = new Camera();
camera.resize({ width: 400, height: 400 });
camera.aim({ id: "a", extent: [-4, 4, -4, 4], index: { bounds: [-4, 4, -4, 4] } });
const theme = /** @type {any} */ ({
  name: "t",
  dark: false,
  ink: [0, 0, 0],
  paper: [255, 255, 255],
  digits: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  classes: ["0", "1"],
});
const view = { width: 400, height: 400, camera, theme, ratio: 1, turn: null };
const layer = (/** @type {object} */ more) => /** @type {any} */ ({ title: "T", ...more });
const fields = (/** @type {object} */ more) =>
  /** @type {any} */ ({
    id: "f",
    extent: [0, 4, 10, 12],
    said: {},
    outlines: {},
    sections: {},
    ...more,
  });

function makePen() {
  const lines = /** @type {[number, number][][]} */ ([]);
  const pen = /** @type {any} */ ({
    beginPath: () => lines.push([]),
    lineTo: (/** @type {number} */ x, /** @type {number} */ y) =>
      lines[lines.length - 1].push([x, y]),
  });
  for (const name of ["setTransform", "setLineDash", "stroke"]) pen[name] = () => {};
  return { pen, lines };
}

test("outlines of the prior: to scale, with the mass inside", () => {
  const { pen, lines } = makePen();
  const labels = paintOutlines(pen, [[0, 0, 1, 0, 0, 1]], view);
  assert.deepEqual(
    labels.map(({ text }) => text),
    ["1\u03c3 \u00b7 39.3 %", "2\u03c3 \u00b7 86.5 %", "3\u03c3 \u00b7 98.9 %"],
  );
  const radii = lines.map((line) => line.map((px) => Math.hypot(...camera.toPlane(px))));
  radii.forEach((line, i) => line.forEach((r) => assert.ok(Math.abs(r - i - 1) < 1e-9)));
  labels.forEach(({ at }, i) => assert.ok(Math.abs(camera.toPlane(at)[1] - i - 1) < 1e-9));
  for (const line of lines)
    assert.ok(Math.hypot(line[0][0] - line[180][0], line[0][1] - line[180][1]) < 1e-9); // closed
});

test("outlines of many Gaussians have their factors' shape and no labels", () => {
  const { pen, lines } = makePen();
  const one = /** @type {[number, number, number, number, number, number]} */ ([
    1, -1, 2, 0, 0.5, 1,
  ]);
  assert.deepEqual(paintOutlines(pen, [one, one], view), []);
  assert.equal(lines.length, 4);
  const [x, y] = camera.toPlane(lines[0][0]); // u = (1, 0)
  assert.ok(Math.abs(x - 3) < 1e-9 && Math.abs(y + 0.5) < 1e-9);
  const [, top] = camera.toPlane(lines[1][45]); // u = (0, 2)
  assert.ok(Math.abs(top - 1) < 1e-9);
});

test("the legend says how many", () => {
  const prior = layer({ name: "prior", legend: "One", legend_of_many: "{n} of them" });
  const one = [0, 0, 1, 0, 0, 1];
  assert.equal(outlinesLegend(prior, fields({ outlines: { prior: [one] } })).title, "One");
  assert.equal(
    outlinesLegend(prior, fields({ outlines: { prior: [one, one] } })).title,
    "2 of them",
  );
});

test("places turn as coords @ turn", () => {
  assert.deepEqual(
    turned(
      [1, 2],
      [
        [0, 1],
        [-1, 0],
      ],
    ),
    [-2, 1],
  );
  assert.deepEqual(turned([1, 2], null), [1, 2]);
});

// Class 1 fills a square of 3 x 3 cells in the corner of 4 x 8, class 0 the rest.
const shape = [4, 8];
const isOne = (/** @type {number} */ cell) => cell % 8 < 3 && cell < 24;
const classes = Uint8Array.from({ length: 64 }, (_, i) => (isOne(i % 32) === i >= 32 ? 200 : 55));

test("regions: one place deep inside each, the largest first", () => {
  const made = fields({ shape, sections: { classes } });
  const regions = classRegions(made, layer({ name: "classes" }));
  assert.deepEqual(regions, [
    [1, 0.75, 10.75, 1], // depth 2 of cells of 0.5
    [0, 2.75, 11.25, 1],
  ]);
  assert.equal(classRegions(made, layer({ name: "classes" })), regions); // found once
});

test("nowhere a region where no class is likely", () => {
  const vague = new Uint8Array(64).fill(127);
  assert.deepEqual(
    classRegions(fields({ shape, sections: { classes: vague } }), layer({ name: "classes" })),
    [],
  );
  const sure = new Uint8Array(64).fill(128);
  assert.equal(
    classRegions(fields({ shape, sections: { classes: sure } }), layer({ name: "classes" })).length,
    1,
  );
});

test("regions of one class that only touch at a corner are two", () => {
  const diagonal = Uint8Array.of(1, 0, 0, 1, 0, 1, 1, 0).map((v) => 255 * v);
  const found = classRegions(
    fields({ shape: [2, 2], sections: { classes: diagonal } }),
    layer({ name: "classes" }),
  );
  assert.equal(found.length, 4);
});

test("the class layer's image: the top row is the highest y, stronger is surer", () => {
  const image = new Fields().imageOf(
    layer({ name: "classes", kind: "classes", legend: "L" }),
    fields({ shape, sections: { classes } }),
    theme,
  );
  assert.deepEqual(
    image?.legend.items?.map(({ text }) => text),
    ["0", "1"],
  );
  const { data } = images[images.length - 1];
  const strength = (200 / 255 - 0.2) / 0.8;
  assert.deepEqual([...data.slice(0, 4)], [1, 2, 3, Math.round(127.5 * strength)]);
  assert.deepEqual([...data.slice(4 * 24, 4 * 24 + 3)], [4, 5, 6]); // the field's first cell
});

test("a scale: from a quantile to another, at most so deep, clear at its low end", () => {
  const values = Float32Array.from({ length: 101 }, (_, i) => i);
  const stops = ["#000000", "#ff0000"];
  const scale = { light: stops, dark: stops, range: [0.1, 0.9], depth: 60 };
  const density = layer({ name: "d", kind: "scale", unit: "nats", scale });
  const made = fields({ shape: [1, 101], sections: { d: values } });
  const image = new Fields().imageOf(density, made, theme);
  assert.equal(image?.legend.title, "T, nats");
  assert.deepEqual([image?.legend.low, image?.legend.high], ["\u2264 30.0", "90.0"]); // 90 - 60
  const { data } = images[images.length - 1];
  const pixel = (/** @type {number} */ i) => [...data.slice(4 * i, 4 * i + 4)];
  assert.deepEqual(pixel(20), [0, 0, 0, 0]);
  assert.deepEqual(pixel(60), [128, 0, 0, 255]);
  assert.deepEqual(pixel(100), [255, 0, 0, 255]);
  assert.equal(pixel(33)[3], Math.round(255 * 4 * 0.05));
  const shallow = { ...density, scale: { ...scale, depth: null } };
  assert.equal(new Fields().imageOf(shallow, made, theme)?.legend.low, "\u2264 10.0");
});

test("regions come by size, and do not go on at the other border", () => {
  const isOne = (/** @type {number} */ cell) => cell % 5 === 0 || cell === 9; // 3 rows of 5 cells
  const bytes = Array.from({ length: 30 }, (_, i) => (isOne(i % 15) === i >= 15 ? 255 : 0));
  const sections = { classes: Uint8Array.from(bytes) };
  const found = classRegions(fields({ shape: [3, 5], sections }), layer({ name: "classes" }));
  assert.deepEqual(
    found.map(([label, , , radius]) => [label, radius]),
    [
      [0, 1.6],
      [1, 0.8],
      [1, 0.8],
    ],
  );
});
