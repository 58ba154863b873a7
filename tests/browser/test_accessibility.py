"""axe-core finds nothing serious, in light, in dark and on a phone; and the focus is seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from tests.browser.conftest import Server, Shipped
from tests.browser.tab import Tab

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

# Of Streamlit's own, which the app cannot change: rule by rule, and only within its elements.
EXCLUDED: dict[str, str] = {}

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def findings(tab: Tab) -> list[str]:
    """Serious and critical findings of axe-core on what the tab shows now."""
    if not tab.page.evaluate("'axe' in window"):
        tab.page.evaluate(AXE)
    result: dict[str, Any] = tab.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'], elementRef: false })"
    )
    assert len(result["passes"]) > 10, "axe found little to look at"
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: "
        + "; ".join(f"{node['target']} {node['html'][:160]}" for node in nodes[:4])
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        and (
            nodes := [
                node
                for node in found["nodes"]
                if found["id"] not in EXCLUDED or EXCLUDED[found["id"]] not in node["html"]
            ]
        )
    ]


# Focuses, as the keys would, one after another all that can be; tells those that look as before,
# but for a shade of the background. Rings may be drawn by what is around them, or after it.
UNSEEN = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const found = [];
    const walk = root => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) walk(element.shadowRoot);
            const takes = "a[href], button, input, textarea, select, summary, [tabindex]";
            if (element.matches(takes) && element.tabIndex >= 0 && !element.disabled
                && element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
                found.push(element);
        }
    };
    walk(document);
    const looks = element => {
        let told = [];
        for (let each = element, i = 0; each && i < 5; each = each.parentElement, i++) {
            for (const part of ["", "::after"]) {
                const style = getComputedStyle(each, part || null);
                const outline = style.outlineStyle === "none" ? "" : style.outline;
                told.push(outline, style.boxShadow, style.borderColor, style.borderWidth);
            }
            if (getComputedStyle(each).clipPath !== "none") told = []; // none of it is seen
        }
        return told.join("|");
    };
    document.activeElement.blur();
    await frame();
    const before = found.map(looks);
    const unseen = [];
    for (const [i, element] of found.entries()) {
        element.focus({ focusVisible: true, preventScroll: true });
        if (!element.matches(":focus")) continue;
        await frame(); await frame();
        if (looks(element) === before[i]) unseen.push(element.outerHTML.slice(0, 160));
        element.blur();
    }
    return [found.length, unseen];
}"""


def check_focus(tab: Tab) -> None:
    """Whatever the keys can reach on the page shows that they have reached it."""
    tab.page.keyboard.press("Tab")  # rings are for those who use the keys
    n, unseen = tab.page.evaluate(UNSEEN)
    assert n > 15, "there is little to focus"
    assert unseen == []


def turn(tab: Tab, scheme: str) -> None:
    """Let the system turn dark or light, and wait until the app has followed."""
    tab.page.emulate_media(color_scheme=scheme)
    tab.page.wait_for_function(
        """isDark => {
            const app = document.querySelector("[data-testid=stApp]");
            return getComputedStyle(app).backgroundColor.match(/\\d+/g)[0] < 60 === isDark;
        }""",
        arg=scheme == "dark",
    )


def wait_components(tab: Tab) -> None:
    """Wait until what takes its time to draw is there: before, its buttons have no names yet."""
    tab.wait_idle()
    for name in ("latent-map", "morph"):
        for one in tab.page.get_by_test_id(name).all():
            one.and_(tab.page.locator('[data-ready="true"]')).wait_for()


@pytest.fixture(params=["day and night", "phone"])
def open_checked(
    request: pytest.FixtureRequest, open_tab: Callable[..., Tab], server: Server
) -> Callable[[str], tuple[Tab, Callable[[], list[str]]]]:
    """Open a page, and get what finds fault with all that it shows: in both schemes, or small."""

    def open_one(path: str) -> tuple[Tab, Callable[[], list[str]]]:
        if request.param == "phone":
            tab = open_tab(server, path, **PHONE)
            return tab, lambda: findings(tab)
        tab = open_tab(server, path)

        def by_day_and_night() -> list[str]:
            found = findings(tab)
            turn(tab, "dark")
            dark = findings(tab)
            if dark:  # some colours take a few frames to change
                tab.page.wait_for_timeout(600)
                dark = findings(tab)
            turn(tab, "light")
            return found + [f"dark: {one}" for one in dark]

        return tab, by_day_and_night

    return open_one


def test_axe_notices(tab: Tab) -> None:
    """Else an empty list would mean nothing; it must see into the components too."""
    assert findings(tab) == []
    tab.map().root.evaluate(
        """root => {
            const button = document.createElement("button");
            root.append(button);
        }"""
    )
    assert any(found.startswith("button-name") for found in findings(tab))


def test_explore(open_checked: Callable[..., Any], first: Shipped) -> None:
    tab, found = open_checked("")
    tab.wait_ready()
    assert found() == []
    _, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    tab.picture("Original").wait_for()
    assert found() == []
    tab.open_panel("Selection")
    assert found() == []
    with tab.rerun():
        tab.type("Search", "nonsense")
    assert found() == []
    with tab.rerun():
        tab.type("Search", "label 4 9")
    tab.sheet().wait_for()
    assert found() == []
    tab.open_downloads()
    tab.page.get_by_role("button", name="The map as an interactive page").wait_for()
    assert found() == []
    tab.page.keyboard.press("Escape")
    tab.open_panel("Draw")
    assert found() == []
    check_focus(tab)


def test_interpolate(open_checked: Callable[..., Any]) -> None:
    tab, found = open_checked("interpolate")
    tab.wait_ready()
    assert found() == []
    check_focus(tab)


def test_compare(open_checked: Callable[..., Any]) -> None:
    tab, found = open_checked("compare?checkpoint=line&other=autoencoder")
    tab.wait_ready(maps=2)
    assert found() == []
    for title in ("Morph", "Drift", "Classes", "Figures", "Through training"):
        with tab.rerun():
            tab.choose_radio(title)
        wait_components(tab)
        assert found() == [], title


def test_likelihood(open_checked: Callable[..., Any]) -> None:
    tab, found = open_checked("likelihood?chapter=1")
    tab.wait_ready()
    assert found() == []
    n = tab.page.get_by_role("radio", name=re.compile(r"^\d · ")).count()
    assert n >= 3
    for number in range(2, n + 1):
        with tab.rerun():
            tab.choose_radio(re.compile(rf"^{number} · "))
        wait_components(tab)
        assert found() == [], f"chapter {number}"
