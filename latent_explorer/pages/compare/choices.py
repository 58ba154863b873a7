"""What can be chosen on the Compare page: a table each, whose keys links name."""

from __future__ import annotations

from typing import Literal, NamedTuple

from latent_explorer.theme import number

Alignment = Literal["none", "all", "selection"]
MeasureName = Literal["displacement", "neighbours", "relative"]
Method = Literal["k-means", "mixture"]

SIDES = ("1", "2", "3", "4")  # of maps side by side
MOST_OTHERS = len(SIDES) - 1  # checkpoints beside the first
FEWEST_NEIGHBOURS = 5  # fewer say little of a neighbourhood
MOST_NEIGHBOURS = 100  # as many are looked for once, for every k
USUAL_NEIGHBOURS = 10
MOST_TRAILS = 500  # more hide one another


class Section(NamedTuple):
    """A section; its module in this folder has `draw(comparison)`, which draws all of it."""

    title: str
    question: str
    module: str
    compares: bool = True  # sets checkpoints side by side; the other shows one training


SECTIONS = {
    "maps": Section("Maps", "Where does each encoder put the same digit?", "maps"),
    "morph": Section("Morph", "How do the digits get from one map to the other?", "transition"),
    "drift": Section("Drift", "Which digits ended up elsewhere?", "drift"),
    "classes": Section("Classes", "Which digits does each encoder keep apart?", "classes"),
    "figures": Section("Figures", "Which model is better, and by which measure?", "metrics"),
    "training": Section(
        "Through training", "How does a map come about?", "snapshots", compares=False
    ),
}


class Measure(NamedTuple):
    """A measure of drift in words."""

    title: str
    unit: str  # "" for a share
    meaning: str

    @property
    def with_unit(self) -> str:
        """The title, and the unit if there is one."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def said(self, value: float) -> str:
        """Write a value with the unit."""
        return f"{number(value)} {self.unit}".rstrip()


MEASURES: dict[MeasureName, Measure] = {
    "displacement": Measure(
        "Displacement after alignment",
        "z units",
        "How far a digit moved: the distance between its places on the two maps, once the other "
        "map is rotated, or reflected, to lie as near the first as it can.",
    ),
    "neighbours": Measure(
        "Neighbourhood change",
        "",
        "Whether its neighbours changed: 1 − Jaccard of its k nearest in z under the one and the "
        "other, 0 if they are the same, 1 if all are others.",
    ),
    "relative": Measure(
        "Change of relative place",
        "z units",
        "Whether it moved otherwise than its neighbours did: its move, less the mean move of the k "
        "digits nearest to it under the first. A neighbourhood that moves as one scores 0.",
    ),
}

ALIGNMENTS: dict[Alignment, str] = {
    "none": "As they are",
    "all": "On all digits",
    "selection": "On the selection",
}
VIEWS = ("linked", "free")  # of maps side by side
METHODS: dict[Method, str] = {"k-means": "k-means", "mixture": "Mixture of Gaussians"}
# By how many digits, the most changed first, draw their way.
TRAILS = {
    "none": "none",
    **{n: f"the {n} most changed" for n in ("50", "200", "500")},
    "selection": f"the selection, up to {MOST_TRAILS}",
}
LOOKS = ("points", "mosaic", "both")  # of a training; the browser has their titles
