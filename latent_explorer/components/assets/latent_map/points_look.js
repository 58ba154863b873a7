// What the dots' colours say: their class, an amount, or whether something is wrong with them.

import { mix, toPixel } from "../shared/theme.js";
import { fixed, number } from "../shared/numbers.js";
import { quantile } from "./geometry.js";
import { gradientCss, scaleColours } from "./theme.js";

/** @import {Colour, DotsLook, Legend, MapTheme, Points, Scale, ValuesPayload} from "./types.d.ts" */
/** @typedef {Pick<DotsLook, "name" | "classes" | "colours" | "front"> & { legend: Legend | null }} Look */

// classes[row] -> colours, who stands out (front), and a legend; all for one set of points. Until
// the numbers are here, the points go by their class.
/**
 * @param {Points} points @param {Colour} colour @param {ValuesPayload | null} values
 * @param {MapTheme} theme @returns {Look}
 */
export function pointsLook(points, colour, values, theme) {
  const at = values ? points.first_id - values.first_id : 0;
  const areThere = values && at >= 0 && at + points.n <= values.n;
  const numbers = areThere && values.sections[colour.name]?.subarray(at, at + points.n);
  const { scale } = colour;
  if (colour.kind === "class" || !numbers || !scale) {
    return {
      name: `label/${theme.name}`,
      classes: points.sections.labels,
      colours: Int32Array.from(theme.digits, toPixel),
      front: null,
      legend: null, // the digits stand on the map
    };
  }
  const look = colour.kind === "flag" ? flagLook : amountLook;
  const { legend, ...rest } = look(scale, colour.decimals, numbers, theme);
  return {
    ...rest,
    name: `${colour.name}/${theme.name}/${values.id}`,
    legend: {
      ...legend,
      title: values.title ?? colour.legend ?? "",
      said: values.said[colour.name] ?? "",
    },
  };
}

/** @param {Scale} scale @param {number} _decimals @param {Uint8Array | Float32Array} wrong @param {MapTheme} theme */
function flagLook(scale, _decimals, wrong, theme) {
  let n = 0;
  for (const v of wrong) n += v;
  const share = n / wrong.length;
  const [right, bad] = [mix(theme.paper, theme.ink, 0.32), scaleColours(scale, theme)[0]];
  return {
    classes: wrong,
    colours: Int32Array.from([right, bad], toPixel),
    front: wrong, // larger and on top: not by colour alone
    legend: {
      items: [
        { colour: right, text: "right", isSmall: true },
        { colour: bad, text: `wrong (${number(100 * share, 1)} %)` },
      ],
    },
  };
}

/** @param {Scale} scale @param {number} decimals @param {Uint8Array | Float32Array} amounts @param {MapTheme} theme */
function amountLook(scale, decimals, amounts, theme) {
  const [low, high] = scale.range.map((share) => quantile(amounts, share));
  const step = 255 / (high - low || 1);
  const colours = scaleColours(scale, theme);
  return {
    classes: Uint8ClampedArray.from(amounts, (v) => (v - low) * step),
    colours: Int32Array.from(colours, toPixel),
    front: null,
    legend: {
      gradient: gradientCss(colours),
      colours,
      low: `\u2264 ${fixed(low, decimals)}`,
      high: `\u2265 ${fixed(high, decimals)}`,
    },
  };
}

// What a colour says of one digit, in words.
/** @param {number} id @param {Colour} colour @param {ValuesPayload | null} values */
export function valueOf(id, colour, values) {
  const amount = values?.sections[colour.name]?.[id - values.first_id];
  if (!values || colour.kind === "class" || amount === undefined) return "";
  if (colour.kind === "flag") return (amount ? colour.wrong : colour.right) ?? "";
  const words = [
    values.name ?? colour.title,
    number(amount, colour.decimals || 1),
    values.unit ?? colour.unit,
  ];
  return words.join(" ").trim();
}
