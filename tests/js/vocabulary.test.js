// Half a layer or colour is a sentence, never a TypeError.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Vocabulary } from "../../latent_explorer/components/assets/latent_map/vocabulary.js";

const SCALE = { light: ["#fff", "#000"], dark: ["#000", "#fff"], range: [0, 1], depth: null };
const LAYER = { name: "a", kind: "scale", key: "1", title: "A", group: "under", scale: SCALE };
const RINGS = { name: "r", kind: "outlines", key: "2", title: "R", group: "under" };
const LABEL = { name: "label", kind: "class", title: "Label", source: "points", decimals: 0 };
const NATS = {
  ...LABEL,
  name: "nats",
  kind: "amount",
  title: "Nats",
  source: "values",
  scale: SCALE,
};
const WORDS = { layers: [LAYER, RINGS], colours: [LABEL, NATS], classes: ["0"] };
const NOTHING = /** @type {any} */ ({ fields: null, values: null, isCompared: false });

test("whole entries are kept without a word", () => {
  const found = new Vocabulary(/** @type {any} */ (WORDS));
  assert.deepEqual(found.problems, []);
  assert.equal(found.layer("a")?.title, "A");
  assert.equal(found.colour("nats")?.title, "Nats");
  assert.equal(found.isEmpty, false);
});

test("half entries are left out, with a word on what they lack", () => {
  const lacks = {
    "a scale": { scale: undefined },
    "a title": { title: "" },
    "a key": { key: "" },
    "a kind that can be painted (blob)": { kind: "blob" },
  };
  for (const [lack, changes] of Object.entries(lacks)) {
    const words = { ...WORDS, layers: [{ ...LAYER, ...changes }, RINGS] };
    const found = new Vocabulary(/** @type {any} */ (words));
    assert.deepEqual(found.problems, [`The layer \u201ca\u201d lacks ${lack}.`]);
    assert.deepEqual(found.layers, [RINGS]);
  }
  const words = { ...WORDS, colours: [LABEL, { ...NATS, scale: { ...SCALE, range: null } }, null] };
  assert.deepEqual(new Vocabulary(/** @type {any} */ (words)).problems, [
    "The colour \u201cnats\u201d lacks a scale.",
    "The colour \u201c?\u201d lacks its name.",
  ]);
});

test("no vocabulary is an empty one", () => {
  for (const words of [undefined, {}]) assert.equal(new Vocabulary(words).isEmpty, true);
});

test("what is missing is known only once the payload is here", () => {
  const found = new Vocabulary(/** @type {any} */ (WORDS));
  assert.deepEqual([...found.missing(NOTHING)], []);
  const fields = { sections: {}, outlines: { r: [] }, said: { a: "Nothing computes this layer." } };
  const payloads = { ...NOTHING, fields, values: { sections: { other: [1] } } };
  const missing = found.missing(payloads);
  assert.deepEqual([...missing], ["a", "r", "nats"]);
  const link = { view: null, layers: ["a", "rings"], colour: "red" };
  assert.deepEqual(found.complaints(payloads, [...found.layers], missing, link), [
    "The link names \u201crings\u201d, which no map has.",
    "The link names \u201cred\u201d, which no map has.",
    "There are data for \u201cother\u201d, which is no layer and no colour.",
    "A: Nothing computes this layer.",
    "R: This checkpoint has none.",
  ]);
});
