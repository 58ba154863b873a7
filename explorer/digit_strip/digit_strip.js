// Draws the images of a strip. Streamlit calls the default export again when data or theme change.

const SIDE = 28;
const MORE = [214, 94, 0]; // a difference: more ink than the original (orange) …
const LESS = [0, 114, 178]; // … or less (blue); the pair stays apart for colour-blind eyes

export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  const tag = data.choosable ? "button" : "figure";
  const reusable = strip.children.length === data.images.length
    && [...strip.children].every((cell) => cell.localName === tag);
  if (!reusable) {
    strip.replaceChildren(...data.images.map(() => makeCell(tag)));
  }
  strip.style.display = data.perRow ? "grid" : "flex";
  strip.style.gridTemplateColumns = `repeat(${data.perRow ?? 1}, minmax(0, ${data.size}px))`;
  const theme = readTheme(strip);
  data.images.forEach((image, i) => {
    const cell = strip.children[i];
    cell.style.width = data.perRow ? "auto" : `${data.size}px`;
    fill(cell, image, theme);
    if (data.choosable) {
      cell.onclick = () => setTriggerValue("choose", i);
      cell.setAttribute("aria-label", `Choose ${image.title} ${image.caption}`.trim());
    }
  });
}

function makeCell(tag) {
  const cell = document.createElement(tag);
  cell.className = "digit";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  const title = document.createElement("div");
  title.className = "title";
  const caption = document.createElement("div");
  caption.className = "caption";
  cell.append(canvas, title, caption);
  return cell;
}

function fill(cell, image, theme) {
  const [canvas, title, caption] = cell.children;
  title.textContent = image.title;
  caption.textContent = image.caption;
  canvas.setAttribute("aria-label", `${image.title} ${image.caption}`.trim());
  canvas.dataset.title = image.title;
  const bytes = Uint8Array.from(atob(image.pixels), (letter) => letter.charCodeAt(0));
  const picture = new ImageData(SIDE, SIDE);
  bytes.forEach((byte, i) => {
    const [colour, share] = image.signed
      ? [byte > 127 ? MORE : LESS, Math.abs(byte - 127) / 127]
      : [theme.ink, byte / 255];
    for (let c = 0; c < 3; c++) {
      picture.data[4 * i + c] = Math.round(theme.paper[c] + (colour[c] - theme.paper[c]) * share);
    }
    picture.data[4 * i + 3] = 255;
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// Ink on paper in the light, paper on ink in the dark.
function readTheme(element) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color") || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  const dark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
  return dark ? { paper: [0, 0, 0], ink: [255, 255, 255] } : { paper: [255, 255, 255], ink: [0, 0, 0] };
}
