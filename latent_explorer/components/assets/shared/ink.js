// Pictures of digits, painted in the theme's own ink and paper.

export const SIDE = 28;
const MORE = [214, 94, 0]; // a difference: more ink than the original (orange) …
const LESS = [0, 114, 178]; // … or less (blue); the pair stays apart for colour-blind eyes

// 784 levels on a canvas of 28 x 28: 0…255 for ink; for a difference 0…254 with 127 as none.
export function paintDigit(canvas, bytes, theme, isSigned = false) {
  const picture = new ImageData(SIDE, SIDE);
  bytes.forEach((byte, i) => {
    const [colour, share] = isSigned
      ? [byte > 127 ? MORE : LESS, Math.abs(byte - 127) / 127]
      : [theme.ink, byte / 255];
    for (let c = 0; c < 3; c++) {
      picture.data[4 * i + c] = Math.round(theme.paper[c] + (colour[c] - theme.paper[c]) * share);
    }
    picture.data[4 * i + 3] = 255;
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Ink on paper in the light, paper on ink in the dark.
export function readTheme(element) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color") || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const isDark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
  const [black, white] = [
    [0, 0, 0],
    [255, 255, 255],
  ];
  return isDark
    ? { name: "dark", paper: black, ink: white }
    : { name: "light", paper: white, ink: black };
}
