"""Every rule against Streamlit's markup still finds what it was written for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.browser.conftest import ROOT, Server
from tests.browser.tab import Tab

CSS = ROOT / "latent_explorer" / "theme.css"
DESKTOP, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}

# Looks ten times a second, since some selectors match for the time of a rerun only, and forgets
# those that have matched. Alternatives in :is(…) are selectors of their own: each must match.
WATCH = r"""css => {
  const split = text => {  // at commas outside of brackets
    const parts = [""];
    let depth = 0;
    for (const c of text) {
      depth += "([".includes(c) - ")]".includes(c);
      if (c === "," && !depth) parts.push(""); else parts[parts.length - 1] += c;
    }
    return parts.map(part => part.trim());
  };
  const expand = selector => {
    const at = selector.indexOf(":is(");
    if (at < 0) return [selector];
    let end = at + 4;
    for (let depth = 1; depth; end++) depth += (selector[end] === "(") - (selector[end] === ")");
    const [before, after] = [selector.slice(0, at), selector.slice(end)];
    return split(selector.slice(at + 4, end - 1)).flatMap(one => expand(before + one + after));
  };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  const wanted = new Map();
  const read = (rules, media) => {
    for (const rule of rules) {
      if (rule instanceof CSSMediaRule) read(rule.cssRules, rule.conditionText);
      else for (const one of split(rule.selectorText).flatMap(expand))
        wanted.set(`${media} { ${one} }`, [media, one]);
    }
  };
  read(sheet.cssRules, "all");
  window.unmatched = () => {
    for (const [name, [media, selector]] of wanted)
      // what has the focus is for test_accessibility.py to say
      if (matchMedia(media).matches
          && document.querySelector(selector.replaceAll(":focus-visible", ""))) wanted.delete(name);
    return [...wanted.keys()];
  };
  setInterval(window.unmatched, 100);
  return [...wanted.keys()];
}"""


def scenes(tab: Tab) -> Iterator[None]:
    """Go through the pages and their parts, those first that show the most."""
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 4 9")
    yield
    tab.go("Interpolate")
    yield
    tab.go("Likelihood")
    yield
    for number in (2, 4, 6, 3, 5):
        if number == 3:
            tab.go("Compare")
            yield
            for title in ("Morph", "Drift", "Classes", "Figures", "Through training"):
                with tab.rerun():
                    tab.choose_radio(title)
                yield
            tab.go("Likelihood")
        with tab.rerun():
            tab.choose_radio(re.compile(rf"^{number} · "))
        yield


def unmatched(tab: Tab, css: str) -> list[str]:
    """Selectors of a style sheet that match nothing on any page, on a laptop and on a phone."""
    left: list[str] = tab.page.evaluate(WATCH, css)
    assert len(left) >= css.count("{") - css.count("@media")
    for _ in scenes(tab):
        for size in (PHONE, DESKTOP):
            tab.page.set_viewport_size(size)
            left = tab.page.evaluate("unmatched()")
        if not left:
            break
    return left


def test_every_selector_matches(open_tab: Callable[..., Tab], server: Server) -> None:
    css = CSS.read_text(encoding="utf-8")
    tab = open_tab(server, viewport=DESKTOP).wait_ready()
    shown = "css => [...document.querySelectorAll('style')].some(one => one.textContent === css)"
    assert tab.page.evaluate(shown, css), "the app shows another style sheet"
    assert unmatched(tab, css) == []


def test_a_dead_selector_would_be_noticed(open_tab: Callable[..., Tab], server: Server) -> None:
    """In a page alone, else it would take as long as the test above."""
    tab = open_tab(server, viewport=DESKTOP).wait_ready()
    css = ".stApp :is(.stSidebar, .none) {} @media (max-width: 640px) { .stApp {} }"
    assert len(tab.page.evaluate(WATCH, css)) == 3
    phone = "(max-width: 640px) { .stApp }"
    assert tab.page.evaluate("unmatched()") == ["all { .stApp .none }", phone]
    tab.page.set_viewport_size(PHONE)
    assert tab.page.evaluate("unmatched()") == ["all { .stApp .none }"]


def test_no_other_file_styles_streamlit_s_markup() -> None:
    """Neither Python's inline styles nor the components' sheets."""
    others = [
        *(ROOT / "latent_explorer").rglob("*.css"),
        *(path for path in (ROOT / "latent_explorer").rglob("*.py") if "<style" in read(path)),
    ]
    found = {
        path.name
        for path in others
        if path != CSS and re.search(r"\.st[-A-Z]|\"st[A-Z]", css_of(path))
    }
    assert found == set()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def css_of(path: Path) -> str:
    text = read(path)
    return text if path.suffix == ".css" else "".join(re.findall(r"<style>.*?</style>", text, re.S))
