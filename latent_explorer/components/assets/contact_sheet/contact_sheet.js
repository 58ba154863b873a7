// One page of small digits. Streamlit calls the default export again when data or theme change.

import { fromBase64, paintDigit, readTheme, SIDE } from "../shared/ink.js";

const DIGIT_BYTES = SIDE * SIDE;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".contact-sheet");
  const parts = (root.parts ??= build(root));
  const theme = readTheme(root);
  drawBars(parts.bars, data, theme);
  drawPager(parts, data, (page) => setTriggerValue("turn", page));
  drawSheet(parts, data, theme, (id) => setTriggerValue("choose", id));
  root.dataset.ids = data.ids.join();
  root.dataset.total = data.total;
}

function build(root) {
  const make = (tag, className, parent = root) => {
    const element = document.createElement(tag);
    element.className = className;
    parent.append(element);
    return element;
  };
  const bars = make("ul", "bars");
  bars.setAttribute("aria-label", "Digits of each class");
  const sheet = make("div", "sheet");
  sheet.setAttribute("role", "group");
  sheet.setAttribute("aria-label", "Selected digits");
  const caption = make("p", "caption");
  const pager = make("div", "pager");
  const [before, range, after] = ["button", "span", "button"].map((tag) => make(tag, "", pager));
  before.textContent = "‹";
  before.setAttribute("aria-label", "Previous page");
  after.textContent = "›";
  after.setAttribute("aria-label", "Next page");
  range.setAttribute("role", "status");
  return { bars, sheet, caption, pager, before, range, after };
}

const grouped = (n) => n.toLocaleString("en");

function drawBars(bars, { counts, total, palette }, theme) {
  if (bars.children.length !== counts.length) {
    bars.replaceChildren(
      ...counts.map(() => {
        const item = document.createElement("li");
        item.innerHTML = '<span class="count"></span><span class="bar"></span><b></b>';
        return item;
      }),
    );
  }
  const most = Math.max(1, ...counts);
  counts.forEach((count, label) => {
    const item = bars.children[label];
    const [number, bar, name] = item.children;
    const share = ((100 * count) / Math.max(1, total)).toFixed(1);
    item.title = `${label}: ${grouped(count)} digits, ${share} %`;
    number.textContent = grouped(count);
    bar.style.setProperty("--share", count / most);
    bar.style.background = palette[theme.name][label];
    name.textContent = label;
  });
}

function drawPager({ pager, before, range, after }, data, turn) {
  const { page, pageSize, total, ids } = data;
  const first = page * pageSize;
  pager.hidden = total <= pageSize;
  range.textContent = `${grouped(first + 1)}–${grouped(first + ids.length)} of ${grouped(total)}`;
  // aria-disabled keeps the focus where it is on the last page
  const set = (button, to, isPossible) => {
    button.setAttribute("aria-disabled", String(!isPossible));
    button.onclick = () => isPossible && turn(to);
  };
  set(before, page - 1, page > 0);
  set(after, page + 1, first + ids.length < total);
}

function drawSheet({ sheet, caption, before, after }, data, theme, choose) {
  const { ids, captions, chosen } = data;
  while (sheet.children.length > ids.length) sheet.lastChild.remove();
  while (sheet.children.length < ids.length) sheet.append(makeButton());
  const all = fromBase64(data.pixels);
  const says = (i) => (caption.textContent = captions[i] ?? "");
  const rest = ids.indexOf(chosen);
  const focused = [...sheet.children].indexOf(sheet.getRootNode().activeElement);
  ids.forEach((id, i) => {
    const button = sheet.children[i];
    paintDigit(button.firstChild, all.subarray(i * DIGIT_BYTES, (i + 1) * DIGIT_BYTES), theme);
    button.setAttribute("aria-label", captions[i]);
    button.setAttribute("aria-pressed", String(id === chosen));
    button.tabIndex = i === Math.max(0, focused >= 0 ? focused : rest) ? 0 : -1; // one stop for all
    button.onclick = () => choose(id);
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
    const from = [...sheet.children].indexOf(event.target.closest("button"));
    const to = neighbour(sheet, from, event.key);
    if (to === null) return;
    event.preventDefault();
    sheet.children[from].tabIndex = -1;
    sheet.children[to].tabIndex = 0;
    sheet.children[to].focus();
  };
}

function makeButton() {
  const button = document.createElement("button");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  button.append(canvas);
  return button;
}

// Where a key moves the focus to, null if nowhere.
function neighbour(sheet, from, key) {
  const cells = [...sheet.children];
  const top = cells[0]?.offsetTop;
  const inSecondRow = cells.findIndex((cell) => cell.offsetTop > top);
  const perRow = inSecondRow < 0 ? cells.length : inSecondRow;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow };
  const to = { Home: 0, End: cells.length - 1 }[key] ?? (key in steps ? from + steps[key] : null);
  return to !== null && to >= 0 && to < cells.length ? to : null;
}
