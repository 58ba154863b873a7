"""One browser tab on the app: what a user does, what the screen shows, what the tab sent."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import ConsoleMessage, Locator, Page, Response, WebSocket
from sklearn.neighbors import KDTree
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

Bytes = NDArray[np.uint8]
Point = tuple[float, float]

TIMEOUT_S = 90.0  # the machines that run this are busy
_SUCCESSES = (
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)
_LOCAL = {"127.0.0.1", "localhost"}
_PROBE = re.compile(r"/(interpolate|compare|likelihood)/_stcore/(health|host-config)")


class Frame(NamedTuple):
    """A websocket frame."""

    time: float
    size: int


class View(NamedTuple):
    """What a map shows, and where it lies in the window, css px."""

    x0: float
    x1: float
    y0: float
    y1: float
    left: float
    top: float
    width: float
    height: float

    @property
    def scale(self) -> float:
        """Css px per unit of the plane."""
        return self.width / (self.x1 - self.x0)

    def to_plane(self, px: Point) -> Point:
        """From the window to the plane."""
        x, y = (px[0] - self.left) / self.width, (px[1] - self.top) / self.height
        return self.x0 + x * (self.x1 - self.x0), self.y1 - y * (self.y1 - self.y0)

    def to_px(self, coords: NDArray[np.floating]) -> NDArray[np.float64]:
        """From the plane, shape (N, 2), to the window."""
        x, y = np.asarray(coords, np.float64).T
        return np.stack(
            [
                self.left + (x - self.x0) / (self.x1 - self.x0) * self.width,
                self.top + (self.y1 - y) / (self.y1 - self.y0) * self.height,
            ],
            axis=-1,
        )

    def free_grid(self) -> NDArray[np.float64]:
        """Whole pixels of the window, 8 apart, that nothing but the map covers; shape (N, 2)."""
        x, y = np.meshgrid(
            np.arange(round(self.left) + 60, self.left + self.width - 60, 8.0),
            np.arange(round(self.top) + 60, self.top + self.height - 60, 8.0),
        )
        grid = np.stack([x.ravel(), y.ravel()], axis=-1)
        under_buttons = (grid[:, 0] > self.left + self.width - 80) & (grid[:, 1] < self.top + 180)
        return grid[~under_buttons]


class Map:
    """A map of the page."""

    def __init__(self, tab: Tab, root: Locator) -> None:
        self.tab = tab
        self.root = root

    def wait_ready(self, *, points: int | None = None) -> Map:
        """Wait until it is drawn, with so many points if given."""
        wanted = "" if points is None else f'[data-points="{points}"]'
        self.root.and_(self.tab.page.locator(f'[data-ready="true"]{wanted}')).wait_for()
        return self

    def view(self) -> View:
        """Where it looks now."""
        corners, box = self.root.evaluate(
            """root => {
                const { left, top, width, height } = root.getBoundingClientRect();
                const view = root.dataset.view.split(",").map(Number);
                return [view, [left, top, width, height]];
            }"""
        )
        return View(*corners, *box)

    def z(self) -> Point | None:
        """What lies under the lens, None if there is no lens."""
        text = self.root.get_attribute("data-z")
        if text is None:
            return None
        x, y = map(float, text.split(","))
        return x, y

    def hover(self, px: Point) -> Point:
        """Move the pointer to a place of the window; returns what is then under the lens."""
        x, y = self.view().to_plane(px)
        self.tab.page.mouse.move(*px)
        tolerance = 1.01 / self.view().scale

        def has_followed() -> bool:
            z = self.z()
            return z is not None and max(abs(z[0] - x), abs(z[1] - y)) <= tolerance

        self.tab.until(has_followed, "the lens to follow the pointer")
        z = self.z()
        assert z is not None
        return z

    def click(self, px: Point) -> None:
        """Click a place of the window."""
        self.tab.page.mouse.click(*px)

    def zoom_at(self, px: Point, *, deltas: int, delta: float = -400) -> None:
        """Turn the wheel."""
        self.tab.page.mouse.move(*px)
        for _ in range(deltas):
            before = self.view()
            self.tab.page.mouse.wheel(0, delta)
            self.tab.until(lambda: self.view() != before, "the wheel to zoom")  # noqa: B023

    def lens(self) -> Bytes:
        """Levels of the lens's pixels, shape (784,)."""
        return read_grey(self.root.get_by_test_id("lens"))

    def settle(self) -> View:
        """Wait until the view stays the same for three frames."""
        self.root.evaluate(
            """root => new Promise(done => {
                let [before, same] = ["", 0];
                const look = () => {
                    same = root.dataset.view === before ? same + 1 : 0;
                    before = root.dataset.view;
                    same >= 3 ? done() : requestAnimationFrame(look);
                };
                look();
            })"""
        )
        return self.view()

    def empty_place(self, coords: NDArray[np.floating], *, away: float = 14.0) -> Point:
        """Find a whole pixel of the window with no digit near, the most central one."""
        view = self.view()
        grid = view.free_grid()
        free = grid[KDTree(view.to_px(coords)).query(grid)[0][:, 0] > away]
        assert len(free), "the whole map is covered by digits"
        middle = (view.left + view.width / 2, view.top + view.height / 2)
        x, y = free[np.hypot(*(free - middle).T).argmin()].tolist()
        return x, y

    def lone_digits(self, coords: NDArray[np.floating], *, n: int) -> list[tuple[int, Point]]:
        """Find rows that a click cannot miss, the farthest from others first, and their pixels."""
        view = self.view()
        px = view.to_px(coords)
        grid = view.free_grid()
        (left, top), (right, bottom) = grid.min(0), grid.max(0)
        inside = (px[:, 0] > left) & (px[:, 0] < right) & (px[:, 1] > top) & (px[:, 1] < bottom)
        inside &= ~((px[:, 0] > right - 40) & (px[:, 1] < top + 140))
        rows = np.flatnonzero(inside)
        gaps = KDTree(px).query(px[rows], 2)[0][:, 1]
        best = gaps.argsort()[::-1][:n]
        assert gaps[best[-1]] > 4, "the digits lie too close to tell clicks apart"
        return [
            (int(row), (float(px[row, 0].round()), float(px[row, 1].round()))) for row in rows[best]
        ]


class Tab:
    """A browser tab on the app; closing it checks that all went quietly.

    Attributes
    ----------
    n_finished : int
        Runs of the script, or of a fragment, that went through to their end.
    sent, received : list of Frame
        Websocket frames so far.
    foreign : list of str
        Requests to any other host: there must be none.
    problems : list of str
        Errors on the console and uncaught in the page, and failed requests: there must be none.
    probes : list of str
        Requests that failed as they must: at /compare Streamlit's front end first asks below
        /compare/, once for each of two files, whether its server is there.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.n_finished = 0
        self.sent: list[Frame] = []
        self.received: list[Frame] = []
        self.foreign: list[str] = []
        self.problems: list[str] = []
        self.probes: list[str] = []
        self.page = page
        self.page.set_default_timeout(TIMEOUT_S * 1000)
        self._listeners: dict[Any, Callable[[Any], None]] = {
            "websocket": self._watch,
            "request": lambda request: self._note_request(request.url),
            "response": self._note_response,
            "pageerror": lambda error: self.problems.append(f"uncaught: {error}"),
            "console": self._note_message,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)
        self.page.goto(url)

    def leave(self) -> None:
        """Watch the page no longer."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda data: self.sent.append(Frame(time.monotonic(), len(data))))
        socket.on("framereceived", self._note_received)

    def _note_received(self, data: str | bytes) -> None:
        self.received.append(Frame(time.monotonic(), len(data)))
        if isinstance(data, bytes):
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "script_finished":
                self.n_finished += message.script_finished in _SUCCESSES

    def _note_message(self, message: ConsoleMessage) -> None:
        where = message.location["url"]
        if message.type == "error" and not _PROBE.fullmatch(urlsplit(where).path):
            self.problems.append(f"console: {message.text} ({where})")

    def _note_response(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if response.status == 404 and _PROBE.fullmatch(path):
            self.probes.append(path)
        elif response.status >= 400:
            self.problems.append(f"request: {response.status} {response.url}")

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in _LOCAL:
            self.foreign.append(url)

    # ---- waiting

    def until(self, holds: Callable[[], object], what: str, timeout: float = TIMEOUT_S) -> None:
        """Wait for a condition; while waiting the browser's events come in."""
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end, f"waited {timeout:.0f} s in vain for {what}"
            self.page.wait_for_timeout(20)

    def wait_ready(self, *, points: int | None = None, maps: int = 1) -> Tab:
        """Wait for the maps and for the end of the script's run."""
        for i in range(maps):
            self.map(i).wait_ready(points=points)
            # and for the pictures that it asks for when it has nothing else to do
            self.map(i).root.and_(self.page.locator('[data-settled="true"]')).wait_for()
        self.until(lambda: self.n_finished > 0, "the first run's end")
        return self.wait_idle()

    def wait_idle(self) -> Tab:
        """Wait until the server has nothing more to say."""
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        return self

    @contextmanager
    def rerun(self) -> Iterator[None]:
        """Wait, after what is done inside, for the end of the run that answers it."""
        before = self.n_finished
        yield
        self.until(lambda: self.n_finished > before, "the page to tell the server, and its answer")
        self.wait_idle()

    # ---- what is there

    def map(self, i: int = 0) -> Map:
        """The page's map, or one of them from the left."""
        return Map(self, self.page.get_by_test_id("latent-map").nth(i))

    def keyed(self, key: str) -> Locator:
        """The element that the app gave this key."""
        return self.page.locator(f".st-key-{key}")

    def picture(self, title: str) -> Locator:
        """Canvas of a digit strip by its title."""
        return self.page.locator(f'[data-testid="digit-strip"] canvas[data-title="{title}"]')

    def sheet(self, *, total: int | None = None) -> Locator:
        """The contact sheet, of so many digits if given."""
        sheet = self.page.get_by_test_id("contact-sheet")
        return sheet if total is None else sheet.and_(self.page.locator(f'[data-total="{total}"]'))

    def alerts(self) -> list[str]:
        """Sentences in boxes: errors, warnings, hints; each box holds one paragraph."""
        paragraphs: list[list[str]] = self.page.get_by_test_id("stAlert").evaluate_all(
            "boxes => boxes.map(box => [...box.querySelectorAll('p')].map(p => p.innerText))"
        )
        assert all(len(texts) == 1 for texts in paragraphs), paragraphs
        return [text for (text,) in paragraphs]

    def wait_alert(self, text: str | re.Pattern[str]) -> str:
        """Wait for the one box that says this; returns all it says."""
        box = self.page.get_by_test_id("stAlert").filter(has_text=text)
        box.wait_for()
        return box.locator("p").inner_text()

    def wait_picture(self, title: str, expected: NDArray[np.floating], *, within: int) -> None:
        """Wait until a picture shows these levels, 0 to 255, shape (784,)."""
        canvas = self.picture(title)
        canvas.wait_for()
        off = np.inf

        def shows() -> bool:
            nonlocal off
            off = float(np.abs(read_grey(canvas) - expected).max())
            return off <= within

        try:
            self.until(shows, f"the picture “{title}”", timeout=15)
        except AssertionError as err:
            raise AssertionError(f"“{title}” is off by up to {off:g} levels of 255") from err

    # ---- what a user does

    def go(self, title: str) -> Tab:
        """Switch to another page by the navigation."""
        link = self.page.get_by_role("link", name=title, exact=True)
        with self.rerun():
            link.click()
        link.and_(self.page.locator("[aria-current=page]")).wait_for()
        return self

    def open_panel(self, name: str) -> None:
        """Open one of the panels beside Explore's map."""
        tab = self.page.get_by_role("tab", name=name, exact=True)
        if tab.get_attribute("aria-selected") != "true":
            with self.rerun():
                tab.click()
        self.page.get_by_role("tab", name=name, exact=True, selected=True).wait_for()

    def choose(self, label: str, option: str) -> None:
        """Choose from a select box; of a checkpoint its name, without what kind it is."""
        self.page.get_by_role("combobox", name=label, exact=True).click()
        name = re.compile(rf"^{re.escape(option)}( · .*)?$")
        self.page.get_by_role("option", name=name).click()

    def choose_radio(self, text: str | re.Pattern[str]) -> None:
        """Choose a radio button, or one of a segmented control."""
        radio = self.page.get_by_role("radio", name=text, exact=isinstance(text, str))
        self.page.get_by_test_id("stRadioOption").filter(has=radio).or_(
            radio.and_(self.page.locator("button"))
        ).click()

    def type(self, label: str | re.Pattern[str], text: str) -> None:
        """Type into a box and press Enter."""
        box = self.page.get_by_role("textbox", name=label)
        box.fill(text)
        box.press("Enter")

    def typed(self, label: str | re.Pattern[str]) -> str:
        """What a box holds."""
        return self.page.get_by_role("textbox", name=label).input_value()

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name).click()

    def open_downloads(self) -> None:
        """Open what the page offers to download; a map's toolbar has a button of its own."""
        self.page.get_by_test_id("stPopoverButton").filter(has_text="Download").click()

    def check_quiet(self) -> None:
        """Nothing went out to another host, and nothing went wrong in the page."""
        assert not self.foreign, f"requests to other hosts: {self.foreign}"
        assert not self.problems, f"errors in the page: {self.problems}"
        exceptions = self.page.get_by_test_id("stException").all_inner_texts()
        assert not exceptions, f"exceptions shown: {exceptions}"


def read_canvas(canvas: Locator) -> Bytes:
    """Pixels of a canvas, shape (height, width, 4)."""
    width, height, text = canvas.evaluate(
        """canvas => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            let text = "";
            for (let i = 0; i < data.length; i += 8192) {
                text += String.fromCharCode(...data.subarray(i, i + 8192));
            }
            return [width, height, btoa(text)];
        }"""
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def read_grey(canvas: Locator) -> NDArray[np.int64]:
    """Levels of a canvas of 28 x 28 grey pixels, shape (784,); asserts that it is one."""
    pixels = read_canvas(canvas).astype(np.int64)
    assert pixels.shape == (28, 28, 4)
    assert (pixels[..., 3] == 255).all()
    assert (pixels[..., :1] == pixels[..., :3]).all()
    return pixels[..., 0].ravel()
