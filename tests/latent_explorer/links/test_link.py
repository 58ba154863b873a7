"""Links are read back as they were written, and refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from latent_explorer.components.latent_map.values import MapView
from latent_explorer.data.selection import write_ids
from latent_explorer.links.codec import BadLinkError, Target, pin_params
from latent_explorer.links.link import Link, read_link
from latent_explorer.pages.compare.choices import SECTIONS
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.likelihood.chapters import CHAPTERS
from latent_explorer.pages.likelihood.link import LikelihoodLink

PARTS = (CompareLink, WalkLink, LikelihoodLink)
NAMES = ["atlas", "deep"]


def read(**params: str) -> Link:
    return read_link(
        params,
        checkpoints=NAMES,
        latent_dim=lambda name: 3 if name == "deep" else 2,
        parts=PARTS,
    )


def test_no_link() -> None:
    nothing = Link(parts=(CompareLink(), WalkLink(), LikelihoodLink()))
    assert read() == nothing
    assert read(utm_source="mail", embed="true") == nothing
    assert Link().part(CompareLink) == CompareLink()  # of a link that could not be read


def test_every_section_and_chapter_can_be_linked() -> None:
    for name in SECTIONS:
        assert read(section=name).part(CompareLink).section == name
    for number in CHAPTERS:
        assert read(chapter=str(number)).part(LikelihoodLink).chapter == number


def test_everything() -> None:
    assert read(
        checkpoint="deep",
        split="all",
        view="-1,1.5,-2,2e0",
        layers="prior,points",
        colour="elbo",
        z="0.1,-0.5,1",
        a_id="0",
        b_z="1,2,3",
        other="atlas,deep",
        section="drift",
        aligned="all",
        views="free",
        view2="0,1,0,1",
        colour3="drift",
        measure="relative",
        k="20",
        threshold="0.25",
        shown="deep",
        at="3.5",
        trails="selection",
        look="mosaic",
        select="label 7 wrong",
        digits=write_ids(np.array([3, 69_999])),
        chapter="3",
    ) == Link(
        checkpoint="deep",
        split="all",
        map=MapView((-1.0, 1.5, -2.0, 2.0), ("prior", "points"), "elbo"),
        pin=Target(None, (0.1, -0.5, 1.0)),
        select="label 7 wrong",
        digits=(3, 69_999),
        parts=(
            CompareLink(
                others=("atlas", "deep"),
                section="drift",
                aligned="all",
                views="free",
                maps=(MapView(), MapView((0.0, 1.0, 0.0, 1.0)), MapView(colour="drift"), MapView()),
                measure="relative",
                k=20,
                threshold=0.25,
                shown="deep",
                at=3.5,
                trails="selection",
                look="mosaic",
            ),
            WalkLink(ends=(Target(0, None), Target(None, (1.0, 2.0, 3.0)))),
            LikelihoodLink(chapter=3),
        ),
    )
    assert read(layers="none").map == MapView(layers=())


@pytest.mark.parametrize(
    ("params", "got", "allowed"),
    [
        ({"checkpoint": "foo"}, "checkpoint is “foo”", "one of atlas, deep"),
        ({"checkpoint": ""}, "checkpoint is “”", "one of atlas, deep"),
        ({"chapter": "7"}, "chapter is “7”", "one of 1, 2, 3"),
        ({"split": "val"}, "split is “val”", "one of test, train, all"),
        ({"view": "0,1,2"}, "view is “0,1,2”", "x0,x1,y0,y1"),
        ({"view": "1,0,0,1"}, "view is “1,0,0,1”", "x0 below x1"),
        ({"view": "0,nan,0,1"}, "view is “0,nan,0,1”", "x0,x1,y0,y1"),
        ({"layers": "points,stars"}, "layers is “stars”", "mosaic"),
        ({"colour": "red"}, "colour is “red”", "one of label, elbo, reconstruction, knn"),
        ({"id": "70000"}, "id is “70000”", "from 0 to 69,999"),
        ({"id": "-1"}, "id is “-1”", "from 0 to 69,999"),
        ({"id": "1" * 400}, "id is “", "from 0 to 69,999"),
        ({"z": "1"}, "z is “1”", "2 numbers"),
        ({"z": "1,2", "checkpoint": "deep"}, "z is “1,2”", "3 numbers"),
        ({"z": "1,inf"}, "z is “1,inf”", "2 numbers"),
        ({"a_z": "x,y"}, "a_z is “x,y”", "2 numbers"),
        ({"other": "deep,foo"}, "other is “foo”", "one to 3 of atlas, deep"),
        ({"section": "top"}, "section is “top”", "one of maps, morph"),
        ({"view2": "1,0,0,1"}, "view2 is “1,0,0,1”", "x0 below x1"),
        ({"k": "4"}, "k is “4”", "a whole number from 5 to 100"),
        ({"other": "foo"}, "other is “foo”", "one to 3 of atlas, deep"),
        ({"shown": "foo"}, "shown is “foo”", "one of atlas, deep"),
        ({"at": "late"}, "at is “late”", "a number"),
        ({"trails": "7"}, "trails is “7”", "one of none, 50"),
        ({"look": "up"}, "look is “up”", "one of points, mosaic, both"),
        ({"digits": "zzz"}, "digits is “zzz”", "as a copied link says it"),
        ({"digits": "é"}, "digits is “é”", "as a copied link says it"),
        ({"digits": "A" * 13_000}, "digits is “AA", "at most 12000 letters"),
        ({"select": "sevens"}, "select is “sevens”", "a search such as"),
        ({"way": "scenic"}, "way is “scenic”", "one of straight, spherical"),
        ({"ways": "image,scenic"}, "ways is “scenic”", "some of straight, spherical"),
        ({"steps": "1"}, "steps is “1”", "a whole number from 2 to 64"),
        ({"steps": "65"}, "steps is “65”", "a whole number from 2 to 64"),
        ({"spacing": "time"}, "spacing is “time”", "one of z, image"),
        ({"loop": "yes"}, "loop is “yes”", "one of 0, 1"),
        ({"via": "1,2;nan,1"}, "via_z is “nan,1”", "2 numbers"),
        ({"via": "#70000"}, "via_id is “70000”", "from 0 to 69,999"),
        ({"via": "#1;#2;#3;#4;#5;#6;#7"}, "via is “#1;#2", "at most 6 places"),
        ({"colour": "x" * 1000}, "colour is “xx", "at most 500 letters"),
    ],
)
def test_a_bad_link_is_one_sentence(params: dict[str, str], got: str, allowed: str) -> None:
    with pytest.raises(BadLinkError) as caught:
        read(**params)
    said = str(caught.value)
    assert got in said
    assert allowed in said
    assert len(said) < 260
    assert said.endswith(".")
    assert said.count(". ") == 0


def test_pins_are_read_as_written() -> None:
    assert read(**pin_params(60_011, (0.5, 0.25))).pin == Target(60_011, None)
    z = np.random.default_rng(0).normal(size=2).astype(np.float32)
    again = read(**pin_params(None, z.tolist())).pin
    assert again is not None
    assert again.z is not None
    assert np.array_equal(np.float32(again.z), z)
    walk = read(**pin_params(None, (1.0, 2.0), prefix="a_")).part(WalkLink)
    assert walk.ends[0] == Target(None, (1.0, 2.0))


def test_a_walk_is_read_as_written() -> None:
    walk = WalkLink(
        ends=(Target(7, None), Target(None, (0.5, 0.25))),
        ways=("straight", "image"),
        way="image",
        steps=64,
        spacing="image",
        loop=True,
        via=(Target(None, (1.5, -2.0)), Target(60_004, None)),
    )
    assert walk.params() == {
        "ways": "straight,image",
        "way": "image",
        "steps": "64",
        "spacing": "image",
        "via": "1.5,-2;#60004",
        "loop": "1",
        "a_id": "7",
        "b_z": "0.5,0.25",
    }
    assert read(**walk.params()).part(WalkLink) == walk


def test_a_comparison_is_read_as_written() -> None:
    compared = CompareLink(
        others=("deep", "atlas"),
        section="training",
        aligned="selection",
        views="linked",
        measure="neighbours",
        k=100,
        against="atlas",
        threshold=0.123456,
        shown="deep",
        at=2.5,
        trails="50",
        look="both",
        method="mixture",
        folder="growing",
    )
    assert compared.params().keys() == {
        *("other", "section", "aligned", "views", "measure", "k", "against", "threshold"),
        *("shown", "at", "trails", "look", "method", "folder"),
    }
    assert read(**compared.params()).part(CompareLink) == compared
    assert CompareLink().params() == {}


def test_a_chapter_is_read_as_written() -> None:
    assert read(**LikelihoodLink(2).params()).part(LikelihoodLink) == LikelihoodLink(2)
    assert LikelihoodLink().params() == {}


def test_the_longest_way_through_ten_dimensions_fits_into_a_link() -> None:
    z = Target(None, (-1.23456789,) * 10)
    walk = WalkLink(ends=(Target(1, None), Target(2, None)), via=(z,) * 6)
    assert len(walk.params()["via"]) <= 500
