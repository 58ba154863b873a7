// The map's colours: Streamlit's theme, the classes' palette, and scales from a number to a colour.

import { mix, readTheme, toCss, toRgb } from "../shared/theme.js";

/** @import {MapTheme, Palette, Rgb, Scale} from "./types.d.ts" */

/** @param {HTMLElement} root @param {Palette} palette @param {string[]} classes @returns {MapTheme} */
export function readMapTheme(root, palette, classes) {
  const style = getComputedStyle(root);
  const { name, dark } = readTheme(root);
  const paper = toRgb(style.backgroundColor);
  const ink = toRgb(style.color);
  const digits = palette[name].map(toRgb);
  return {
    dark,
    paper,
    ink,
    accent: toRgb(style.getPropertyValue("--accent")),
    font: style.fontFamily,
    grid: toCss(mix(paper, ink, dark ? 0.09 : 0.07)),
    origin: toCss(mix(paper, ink, dark ? 0.24 : 0.2)),
    digits,
    classes,
    name: `${name}/${paper}/${ink}/${digits}`,
  };
}

// 256 colours of a scale.
/** @param {Scale} scale @param {MapTheme} theme */
export function scaleColours(scale, theme) {
  const stops = scale[theme.dark ? "dark" : "light"].map(toRgb);
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(at), stops.length - 2);
    return mix(stops[k], stops[k + 1], at - k);
  });
}

/** @param {Rgb[]} colours */
export const gradientCss = (colours) =>
  `linear-gradient(90deg, ${colours.filter((_, i) => i % 15 === 0).map((c) => toCss(c))})`;
