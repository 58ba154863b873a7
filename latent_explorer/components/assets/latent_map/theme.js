// Colours: Streamlit's theme, the digits' palette, and scales from a number to a colour.

const swatch = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// Any CSS colour as [r, g, b]; the canvas is the one parser that knows all of them.
export function toRgb(css) {
  swatch.clearRect(0, 0, 1, 1);
  swatch.fillStyle = css;
  swatch.fillRect(0, 0, 1, 1);
  return [...swatch.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

export const mix = (from, to, share) => from.map((v, i) => Math.round(v + (to[i] - v) * share));
export const toCss = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;
export const fromPixel = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
export const toPixel = ([r, g, b]) => 0xff000000 | (b << 16) | (g << 8) | r;

export function readTheme(root, palette) {
  const style = getComputedStyle(root);
  const paper = toRgb(style.backgroundColor);
  const ink = toRgb(style.color);
  const dark = 0.299 * paper[0] + 0.587 * paper[1] + 0.114 * paper[2] < 128;
  const digits = palette[dark ? "dark" : "light"].map(toRgb);
  return {
    dark,
    paper,
    ink,
    accent: toRgb(style.getPropertyValue("--accent")),
    font: style.fontFamily,
    grid: toCss(mix(paper, ink, dark ? 0.09 : 0.07)),
    origin: toCss(mix(paper, ink, dark ? 0.24 : 0.2)),
    digits,
    name: `${dark}/${paper}/${ink}/${digits}`, // equal names look alike
  };
}

/**
 * 256 colours [r, g, b] of a scale.
 * @param {import("./vocabulary.js").Scale} scale
 */
export function scaleColours(scale, theme) {
  const stops = scale[theme.dark ? "dark" : "light"].map(toRgb);
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(at), stops.length - 2);
    return mix(stops[k], stops[k + 1], at - k);
  });
}

export const gradientCss = (colours) =>
  `linear-gradient(90deg, ${colours.filter((_, i) => i % 15 === 0).map((c) => toCss(c))})`;

// Ink on paper by day, paper on ink by night: the level of each amount of ink, 0 to 255.
export const levelOf = (ink, dark) => (dark ? ink : 255 - ink);

// An opaque picture of 28 x 28 bytes of ink.
export function pictureData(ink, dark) {
  const image = new ImageData(28, 28);
  for (let i = 0; i < 784; i++) {
    const level = levelOf(ink[i], dark);
    image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = level;
    image.data[4 * i + 3] = 255;
  }
  return image;
}
