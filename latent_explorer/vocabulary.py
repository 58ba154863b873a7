"""The explorer's words, one table each: layers, colours of points, classes, splits, measures.

What is said of a thing on screen stands here and nowhere else; the browser gets the tables of the
map as data (`map_words`), and knows no layer, no colour and no class by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from vae_core.data import Split

# Who paints a layer in the browser. The first three need data of the server, under the layer's own
# name: a grid of numbers, one of the classes' probabilities, or the outlines of Gaussians.
LayerKind = Literal["scale", "classes", "outlines", "mosaic", "labels", "points", "thumbnails"]
Group = Literal["under", "points"]  # of the popover: what lies under the points, or is them
# What a point's number is: its class, an amount, or whether something is wrong with it.
ColourKind = Literal["class", "amount", "flag"]
# What brings the numbers: the points themselves, what the browser asks for, what a page compares.
Source = Literal["points", "values", "drift"]
Best = Literal["highest", "lowest"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a number becomes a colour."""

    # CSS colours from low to high, equally spaced
    light: tuple[str, ...]
    dark: tuple[str, ...]
    # shares of the values, from 0 to 1, that lie below the scale's two ends
    range: tuple[float, float]
    # what the scale spans at most, below its upper end, in the values' unit
    depth: float | None = None

    def reversed(self) -> Scale:
        """Turn the colours round, for values of which more is worse."""
        return replace(self, light=self.light[::-1], dark=self.dark[::-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of the map."""

    name: str  # in links, and of its data
    kind: LayerKind  # who paints it
    key: str  # on the keyboard
    title: str  # in the popover
    group: Group
    unit: str = ""  # of a scale: in the legend it stands after the title
    legend: str = ""  # title of another kind's legend; empty for none
    # the same where the outlines are of several Gaussians; "{n}" is how many
    legend_of_many: str = ""
    scale: Scale | None = None  # of kind "scale"
    about: str = ""  # how it is computed, where that is always the same; otherwise its data say
    is_on: bool = False  # whether it is on at first

    def __post_init__(self) -> None:
        if (self.kind == "scale") != (self.scale is not None):
            has = "no scale" if self.scale is None else "a scale"
            raise ValueError(f"Layer {self.name} is of kind {self.kind} and has {has}.")

    @property
    def is_computed(self) -> bool:
        """Whether the server computes what it shows."""
        return self.kind in ("scale", "classes", "outlines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """What the colours of the map's points say."""

    name: str  # in links, and of its data
    kind: ColourKind
    title: str  # in the popover and in the lens
    # what brings the numbers; what a page compares brings its own title, unit and legend
    source: Source = "values"
    legend: str = ""  # title of its legend; empty for none, because the classes stand on the map
    unit: str = ""  # of a number in the lens
    decimals: int = 0  # of the legend's ends
    scale: Scale | None = None  # of an amount; of a flag its low end marks what is wrong
    # what a flag says in the lens
    right: str = ""
    wrong: str = ""

    def __post_init__(self) -> None:
        if (self.kind == "class") != (self.scale is None):
            has = "no scale" if self.scale is None else "a scale"
            raise ValueError(f"Colour {self.name} is of kind {self.kind} and has {has}.")


@dataclass(frozen=True, slots=True)
class ClassWords:
    """A class of the data: its name and its colours."""

    name: str
    light: str
    dark: str


@dataclass(frozen=True, slots=True)
class SplitWords:
    """What a part of the data is called: where one chooses it, and in a sentence."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is measured of a checkpoint."""

    name: str  # in a checkpoint's header
    title: str
    unit: str
    decimals: int  # that it is worth showing
    best: Best | None  # None: neither more nor less is better


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Entry = TypeVar("_Entry", bound=_Named)


def table(entries: Iterable[_Entry]) -> Mapping[str, _Entry]:
    """Put entries under their names, no two under one, in their order."""
    found: dict[str, _Entry] = {}
    for entry in entries:
        if entry.name in found:
            raise ValueError(f"There are two entries of the name {entry.name}.")
        found[entry.name] = entry
    return MappingProxyType(found)


# Scales of layers run in one direction of lightness, from the paper, and never so far that the
# points would not stand out.
_DENSITY = Scale(
    light=("#ffffff", "#dbe8f5", "#aecdea", "#77abda", "#3f83c4"),
    dark=("#0e1117", "#102a4a", "#184a80", "#2b6fb5", "#5b9de0"),
    range=(0.25, 1.0),
    depth=8.0,  # nats: the tails of a density go down without end
)
_SENSITIVITY = Scale(
    light=("#ffffff", "#fde8d2", "#f9cfa4", "#efae6e", "#d98a3d"),
    dark=("#0e1117", "#35190a", "#693310", "#a0591b", "#d9924a"),
    range=(0.02, 0.98),
)
# Of points, hence never as pale as the paper; low is bad, and stands out.
_POINTS = Scale(
    light=("#b3123f", "#d9603b", "#b58a2b", "#4d8c74", "#2a5d8f"),
    dark=("#ff5c7f", "#ff9464", "#dcb45a", "#6fbfa4", "#5f97d6"),
    range=(0.02, 0.98),
)

# In the order of the popover, of a link, and of painting.
LAYERS = table(
    [
        Layer(
            name="mosaic",
            kind="mosaic",
            key="1",
            title="Decoded manifold",
            group="under",
            about="The mean of p(x|z) at the middle of each tile, decoded in your browser.",
        ),
        Layer(
            name="classes",
            kind="classes",
            key="2",
            title="Which digit lives where",
            group="under",
            legend="Likeliest digit; stronger = surer",
        ),
        Layer(
            name="prior",
            kind="outlines",
            key="3",
            title="Prior p(z)",
            group="under",
            legend="Prior N(0, I): σ and the mass inside",
            legend_of_many="Prior: {n} Gaussians at 1 and 2 σ",
            about="Outlines to scale, at stated σ; of N(0, I) with the mass inside: "
            "1 − exp(−r²/2).",
        ),
        Layer(
            name="density",
            kind="scale",
            key="4",
            title="Aggregate posterior",
            group="under",
            unit="nats: log q(z), per unit area of z",
            scale=_DENSITY,
        ),
        Layer(
            name="sensitivity",
            kind="scale",
            key="5",
            title="Decoder sensitivity",
            group="under",
            unit="log √det G, nats: pixel area per unit area of z",
            scale=_SENSITIVITY,
        ),
        Layer(
            name="labels",
            kind="labels",
            key="6",
            title="Digits at their medoids",
            group="points",
            is_on=True,
        ),
        Layer(name="points", kind="points", key="7", title="Points", group="points", is_on=True),
        Layer(
            name="thumbnails",
            kind="thumbnails",
            key="8",
            title="Thumbnails when near",
            group="points",
            is_on=True,
        ),
    ]
)

# In the order in which a key goes through them; the first is the one at first.
COLOURS = table(
    [
        Colour(name="label", kind="class", title="Label", source="points"),
        Colour(
            name="elbo",
            kind="amount",
            title="ELBO",
            legend="ELBO, nats a digit",
            unit="nats",
            scale=_POINTS,
        ),
        Colour(
            name="reconstruction",
            kind="amount",
            title="log p(x|z)",
            legend="Reconstruction, log p(x|z), nats a digit",
            unit="nats",
            scale=_POINTS,
        ),
        Colour(
            name="knn",
            kind="flag",
            title="kNN wrong",
            legend="Vote of the nearest neighbours in z",
            scale=_POINTS,
            right="neighbours agree",
            wrong="neighbours vote wrongly",
        ),
        Colour(
            name="drift",
            kind="amount",
            title="Drift",
            source="drift",
            decimals=2,  # nats are many, drifts around one
            scale=_POINTS.reversed(),
        ),
    ]
)

# A class has one hue in both themes, to within 7 degrees in OKLCH, so that a figure made in one can
# be read beside the other; lightness and chroma follow the background. Chosen so that the least
# distance in Oklab between any two is large, seen with normal vision and with simulated protanopia,
# deuteranopia and tritanopia (Machado et al. 2009), at a contrast to the background of at least 2.6
# (light) and 3.6 (dark). Look-alike digits (4 7 9, 3 5 8) got colours far apart. The digit itself
# is drawn on its cluster too: colour never stands alone.
CLASSES = (
    ClassWords("0", "#9a0c4f", "#ff3983"),
    ClassWords("1", "#c77471", "#ff9d90"),
    ClassWords("2", "#246ce5", "#4092f3"),
    ClassWords("3", "#97a701", "#cbfa0a"),
    ClassWords("4", "#d176ff", "#d2a6fd"),
    ClassWords("5", "#004b19", "#167e46"),
    ClassWords("6", "#0bafb9", "#08f7ff"),
    ClassWords("7", "#331c60", "#7e40ff"),
    ClassWords("8", "#cd01ad", "#c404b7"),
    ClassWords("9", "#846000", "#b08a01"),
)
PALETTE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"light": tuple(one.light for one in CLASSES), "dark": tuple(one.dark for one in CLASSES)}
)

SPLIT_WORDS: Mapping[Split, SplitWords] = MappingProxyType(
    {
        "test": SplitWords("10,000 test", "the test set"),
        "train": SplitWords("60,000 training", "the training set"),
        "all": SplitWords("all 70,000", "the 70,000"),
    }
)

# Of the symbols in p(x) = ∫ p(x|z) p(z) dz, in formulas and in the charts beside them; all have a
# contrast to the background of at least 4.5.
SYMBOLS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "light": {
            "likelihood": "#0b5fc0",  # p(x|z)
            "prior": "#7a5200",  # p(z)
            "posterior": "#b3261e",  # p(z|x)
            "encoder": "#1b7a3d",  # q(z|x)
            "evidence": "#6f2dbd",  # p(x)
            "ink": "#1b1f27",  # of what is no symbol: a guide line
        },
        "dark": {
            "likelihood": "#6fb0ff",
            "prior": "#e8b64a",
            "posterior": "#ff8f86",
            "encoder": "#5fd38a",
            "evidence": "#c79bff",
            "ink": "#e8eaf0",
        },
    }
)


# In the order of a table of them all.
MEASURES = table(
    [
        Measure("log_px", "log p(x), exact", "nats", 2, "highest"),
        Measure("iwae", "log p(x), IWAE", "nats", 2, "highest"),
        Measure("elbo", "ELBO", "nats", 2, "highest"),
        Measure("reconstruction", "Reconstruction", "nats", 2, "highest"),
        Measure("kl", "KL(q‖p)", "nats", 2, None),
        Measure("mutual_information", "Mutual information I(x; z)", "nats", 2, None),
        Measure("aggregate_kl", "KL of aggregate to prior", "nats", 3, "lowest"),
        Measure("active_units", "Active units", "", 0, None),
        Measure("knn1", "1-NN accuracy", "", 3, "highest"),
        Measure("knn10", "10-NN accuracy", "", 3, "highest"),
        Measure("knn50", "50-NN accuracy", "", 3, "highest"),
        Measure("silhouette", "Silhouette", "", 3, "highest"),
        Measure("nmi", "NMI of k-means", "", 3, "highest"),
        Measure("ari", "ARI of k-means", "", 3, "highest"),
        Measure("trustworthiness", "Trustworthiness", "", 3, "highest"),
        Measure("cka", "Linear CKA with the first", "", 3, None),
        Measure("overlap", "Neighbours shared with the first", "", 3, None),
        Measure("posterior_std", "Median σ of q(z|x)", "z units", 3, None),
    ]
)


def map_words() -> dict[str, Any]:
    """Write the map's tables for the browser: JSON, with nothing that is empty."""
    return {
        "layers": [_filled(layer) for layer in LAYERS.values()],
        "colours": [_filled(colour) for colour in COLOURS.values()],
        "classes": [one.name for one in CLASSES],
    }


def _filled(entry: Layer | Colour) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if value not in (None, "")}
