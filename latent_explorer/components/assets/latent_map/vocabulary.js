// The map's words as Python's vocabulary sends them: its layers, its points' colours, its classes.
// No layer, no colour and no class is known by name in the browser; layers are known by their kind.

/** @import {Colour, FieldsPayload, Layer, Payloads, Start, Words} from "./types.d.ts" */

export const NONE = "This checkpoint has none.";

const COMPUTED = ["scale", "classes", "outlines"]; // kinds whose data the server computes
const KINDS = [...COMPUTED, "mosaic", "labels", "points", "thumbnails"];

export class Vocabulary {
  /** @param {Partial<Words>} [words] */
  constructor(words = {}) {
    /** @type {string[]} */
    this.problems = []; // a sentence each
    /** @type {Layer[]} */
    this.layers = (words.layers ?? []).filter((layer) => this.keep("layer", layer, layerLack));
    /** @type {Colour[]} */
    this.colours = (words.colours ?? []).filter((one) => this.keep("colour", one, colourLack));
    /** @type {string[]} */
    this.classes = words.classes ?? [];
    this.isEmpty = !this.layers.length || !this.colours.length;
  }

  // Half an entry is left out, with a word on what it lacks.
  /**
   * @template {{ name: string }} T
   * @param {string} what @param {T} entry @param {(entry: T) => string} lackOf
   */
  keep(what, entry, lackOf) {
    const lack = entry?.name ? lackOf(entry) : "its name";
    if (lack) this.problems.push(`The ${what} \u201c${entry?.name ?? "?"}\u201d lacks ${lack}.`);
    return !lack;
  }

  /** @param {string} name */
  layer(name) {
    return this.layers.find((layer) => layer.name === name);
  }

  /** @param {string} name */
  colour(name) {
    return this.colours.find((colour) => colour.name === name);
  }

  // Names of the layers and colours of which the payloads are known to hold nothing.
  /** @param {Payloads} payloads */
  missing({ fields, values, isCompared }) {
    const isMissing = (/** @type {Colour} */ { name, source }) =>
      (source === "values" && values !== null && !values.sections[name]) ||
      (source === "drift" && !isCompared);
    return new Set(
      [
        ...this.layers.filter((one) => isComputed(one) && fields && !holds(fields, one)),
        ...this.colours.filter(isMissing),
      ].map(({ name }) => name),
    );
  }

  // What one should know, a sentence each: half entries, data or names in a link that have no
  // entry, and what is asked for but missing.
  /**
   * @param {Payloads} payloads @param {(Layer | Colour)[]} asked @param {Set<string>} missing
   * @param {Start | null} link
   */
  complaints({ fields, values }, asked, missing, link) {
    const known = new Set([...this.layers, ...this.colours].map(({ name }) => name));
    const named = link ? [...(link.layers ?? []), link.colour] : [];
    const brought = [fields?.sections, fields?.outlines, values?.sections];
    const unknown = (/** @type {string[]} */ names) => names.filter((name) => !known.has(name));
    return [
      ...this.problems,
      ...unknown(named).map((name) => `The link names \u201c${name}\u201d, which no map has.`),
      ...unknown(brought.flatMap((part) => Object.keys(part ?? {}))).map(
        (name) => `There are data for \u201c${name}\u201d, which is no layer and no colour.`,
      ),
      ...asked
        .filter(({ name }) => missing.has(name))
        .map(({ name, title }) => `${title}: ${fields?.said[name] ?? NONE}`),
    ];
  }
}

// Whether a payload holds what a layer shows.
/** @param {FieldsPayload} fields @param {Layer} layer */
export const holds = (fields, { name, kind }) =>
  Boolean(kind === "outlines" ? fields.outlines[name]?.length : fields.sections[name]);

/** @param {Layer} layer */
export const isComputed = (layer) => COMPUTED.includes(layer.kind);

/** @param {Layer} layer */
function layerLack(layer) {
  if (!KINDS.includes(layer.kind)) return `a kind that can be painted (${layer.kind})`;
  if (!layer.title) return "a title";
  if (!layer.key) return "a key";
  return layer.kind === "scale" ? scaleLack(layer) : "";
}

/** @param {Colour} colour */
function colourLack(colour) {
  if (!colour.title) return "a title";
  return colour.kind === "class" ? "" : scaleLack(colour);
}

/** @param {Layer | Colour} entry */
function scaleLack({ scale }) {
  return scale?.light?.length && scale.dark?.length && scale.range ? "" : "a scale";
}
