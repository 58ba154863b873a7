// One page of small digits. Streamlit calls the default export again when data or theme change.

import { fromBase64 } from "../shared/bytes.js";
import { find, make } from "../shared/elements.js";
import { digitCanvas, paintDigit, PIXELS } from "../shared/ink.js";
import { readTheme } from "../shared/theme.js";

/** @import {Mount, SheetData, Theme} from "../shared/types.d.ts" */
/** @typedef {ReturnType<typeof build>} Parts */

/** @type {WeakMap<HTMLElement, Parts>} */
const built = new WeakMap();

/** @param {Mount<SheetData>} mount */
export default function ({ data, parentElement, setTriggerValue }) {
  const root = find(parentElement, ".contact-sheet", HTMLElement);
  const parts = built.get(root) ?? build(root);
  built.set(root, parts);
  const theme = readTheme(root);
  drawBars(parts.bars, data, theme);
  drawPager(parts, data, (page) => setTriggerValue("turn", page));
  drawSheet(parts, data, theme, (id) => setTriggerValue("choose", id));
  root.dataset.ids = data.ids.join();
  root.dataset.total = String(data.total);
}

/** @param {HTMLElement} root */
function build(root) {
  const bars = make("ul", "bars");
  bars.setAttribute("aria-label", "Digits of each class");
  const sheet = make("div", "sheet");
  sheet.setAttribute("role", "group");
  sheet.setAttribute("aria-label", "Selected digits");
  const caption = make("p", "caption");
  const pager = make("div", "pager");
  const before = make("button", "", "‹");
  before.setAttribute("aria-label", "Previous page");
  const range = make("span");
  range.setAttribute("role", "status");
  const after = make("button", "", "›");
  after.setAttribute("aria-label", "Next page");
  pager.append(before, range, after);
  root.append(bars, sheet, caption, pager);
  return { bars, sheet, caption, pager, before, range, after };
}

/** @param {number} n */
const grouped = (n) => n.toLocaleString("en");

/** @param {HTMLElement} bars @param {SheetData} data @param {Theme} theme */
function drawBars(bars, { counts, total, palette }, theme) {
  const most = Math.max(1, ...counts);
  const items = counts.map((count, label) => {
    const item = make("li");
    const share = ((100 * count) / Math.max(1, total)).toFixed(1);
    item.title = `${label}: ${grouped(count)} digits, ${share} %`;
    const bar = make("span", "bar");
    bar.style.setProperty("--share", String(count / most));
    bar.style.background = palette[theme.name][label];
    item.append(make("span", "count", grouped(count)), bar, make("b", "", String(label)));
    return item;
  });
  bars.replaceChildren(...items);
}

/** @param {Parts} parts @param {SheetData} data @param {(page: number) => void} turn */
function drawPager({ pager, before, range, after }, data, turn) {
  const { page, pageSize, total, ids } = data;
  const first = page * pageSize;
  pager.hidden = total <= pageSize;
  range.textContent = `${grouped(first + 1)}–${grouped(first + ids.length)} of ${grouped(total)}`;
  // aria-disabled keeps the focus where it is on the last page
  /** @param {HTMLElement} button @param {number} to @param {boolean} isPossible */
  const set = (button, to, isPossible) => {
    button.setAttribute("aria-disabled", String(!isPossible));
    button.onclick = () => isPossible && turn(to);
  };
  set(before, page - 1, page > 0);
  set(after, page + 1, first + ids.length < total);
}

/**
 * @param {Parts} parts @param {SheetData} data @param {Theme} theme
 * @param {(id: number) => void} choose
 */
function drawSheet({ sheet, caption, before, after }, data, theme, choose) {
  const { ids, captions, chosen } = data;
  while (sheet.children.length > ids.length) sheet.lastChild?.remove();
  while (sheet.children.length < ids.length) sheet.append(makeButton());
  const buttons = [...sheet.querySelectorAll("button")];
  const all = fromBase64(data.pixels);
  const says = (/** @type {number} */ i) => {
    caption.textContent = captions[i] ?? "";
  };
  const indexOf = (/** @type {unknown} */ element) =>
    buttons.findIndex((button) => button === element);
  const rest = chosen === null ? -1 : ids.indexOf(chosen);
  const root = /** @type {Document | ShadowRoot} */ (sheet.getRootNode());
  const focused = indexOf(root.activeElement);
  buttons.forEach((button, i) => {
    const canvas = find(button, "canvas", HTMLCanvasElement);
    paintDigit(canvas, all.subarray(i * PIXELS, (i + 1) * PIXELS), theme);
    button.setAttribute("aria-label", captions[i]);
    button.setAttribute("aria-pressed", String(ids[i] === chosen));
    button.tabIndex = i === Math.max(0, focused >= 0 ? focused : rest) ? 0 : -1; // one stop for all
    button.onclick = () => choose(ids[i]);
    button.onpointerenter = button.onfocus = () => says(i);
    button.onpointerleave = button.onblur = () => says(rest);
  });
  says(focused >= 0 ? focused : rest);
  sheet.onkeydown = (event) => {
    if (event.key === "PageDown" || event.key === "PageUp") {
      (event.key === "PageDown" ? after : before).click();
      event.preventDefault();
      return;
    }
    const from = indexOf(/** @type {Element} */ (event.target).closest("button"));
    const to = neighbour(buttons, from, event.key);
    if (to === null) return;
    event.preventDefault();
    buttons[from].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  };
}

function makeButton() {
  const button = make("button");
  button.append(digitCanvas());
  return button;
}

// Where a key moves the focus to, null if nowhere.
/** @param {HTMLElement[]} cells @param {number} from @param {string} key */
function neighbour(cells, from, key) {
  const top = cells[0]?.offsetTop;
  const inSecondRow = cells.findIndex((cell) => cell.offsetTop > top);
  const perRow = inSecondRow < 0 ? cells.length : inSecondRow;
  /** @type {Record<string, number>} */
  const places = {
    ...{ Home: 0, End: cells.length - 1 },
    ...{ ArrowLeft: from - 1, ArrowRight: from + 1 },
    ...{ ArrowUp: from - perRow, ArrowDown: from + perRow },
  };
  const to = places[key] ?? -1;
  return to >= 0 && to < cells.length ? to : null;
}
