// What the dots' colours say: the label, a number of nats, whether neighbours vote wrongly, or how
// far digits drifted.

import { number, quantile } from "./geometry.js";
import { gradientCss, mix, scaleColours, toPixel } from "./theme.js";

export const COLOURS = ["label", "elbo", "reconstruction", "knn", "drift"];
export const COLOUR_NAMES = {
  label: "Label",
  elbo: "ELBO",
  reconstruction: "log p(x|z)",
  knn: "kNN wrong",
  drift: "Drift",
};
const TITLES = {
  elbo: "ELBO, nats a digit",
  reconstruction: "Reconstruction, log p(x|z), nats a digit",
};
const RANGE = [0.02, 0.98]; // of the digits; beyond, the scale's end colours

// classes[row] -> colours, who stands out (front), and a legend; all for one set of points.
export function pointsLook(points, colour, values, theme) {
  const at = values ? points.first_id - values.first_id : 0;
  const areThere = values && at >= 0 && at + points.n <= values.n;
  if (colour === "label" || !areThere) {
    return {
      name: `label/${theme.name}`,
      classes: points.sections.labels,
      colours: Int32Array.from(theme.digits, toPixel),
      front: null,
      legend: null, // the digits stand on the map
    };
  }
  const said = values.said[colour] ?? "";
  if (colour === "knn") {
    const wrong = values.sections.knn.subarray(at, at + points.n);
    const share = wrong.reduce((sum, v) => sum + v, 0) / points.n;
    const [right, bad] = [mix(theme.paper, theme.ink, 0.32), scaleColours("values", theme)[0]];
    return {
      name: `knn/${theme.name}/${values.id}`,
      classes: wrong,
      colours: Int32Array.from([right, bad], toPixel),
      front: wrong, // larger and on top: not by colour alone
      legend: {
        title: "Vote of the nearest neighbours in z",
        items: [
          { colour: right, text: "right", isSmall: true },
          { colour: bad, text: `wrong (${number(100 * share, 1)} %)` },
        ],
        said,
      },
    };
  }
  const amounts = values.sections[colour]?.subarray(at, at + points.n);
  if (!amounts) return { ...pointsLook(points, "label", null, theme), isMissing: true };
  const [low, high] = RANGE.map((share) => quantile(amounts, share));
  const step = 255 / (high - low || 1);
  const scale = [...scaleColours("values", theme)];
  if (colour === "drift") scale.reverse(); // its first colours warn, and here more is worse
  return {
    name: `${colour}/${theme.name}/${values.id}`,
    classes: Uint8ClampedArray.from(amounts, (v) => (v - low) * step),
    colours: Int32Array.from(scale, toPixel),
    front: null,
    legend: {
      title: values.title ?? TITLES[colour],
      gradient: gradientCss(scale),
      colours: scale,
      low: `\u2264 ${number(low, decimals(colour))}`,
      high: `\u2265 ${number(high, decimals(colour))}`,
      said,
    },
  };
}

// What a colour says of one digit, in words.
export function valueOf(id, colour, values) {
  const row = values ? id - values.first_id : -1;
  if (colour === "label" || row < 0 || row >= values?.n) return "";
  if (colour === "knn") {
    return values.sections.knn[row] ? "neighbours vote wrongly" : "neighbours agree";
  }
  const amount = values.sections[colour]?.[row];
  if (amount === undefined) return "";
  const digits = decimals(colour) || 1;
  const words = [
    values.name ?? COLOUR_NAMES[colour],
    number(amount, digits),
    values.unit ?? "nats",
  ];
  return words.join(" ").trim();
}

const decimals = (colour) => (colour === "drift" ? 2 : 0); // nats are many, drifts around one
