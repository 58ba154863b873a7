// Draws the images of a strip. Streamlit calls the default export again when data or theme change.

import { fromBase64, paintDigit, readTheme, SIDE } from "../shared/ink.js";

export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  const tag = data.choosable ? "button" : "figure";
  const reusable =
    strip.children.length === data.images.length &&
    [...strip.children].every((cell) => cell.localName === tag);
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
  paintDigit(canvas, fromBase64(image.pixels), theme, image.signed);
}
