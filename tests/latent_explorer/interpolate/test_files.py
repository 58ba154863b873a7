"""A walk's files hold what the page shows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from latent_explorer.pages.interpolate import files
from latent_explorer.pages.interpolate.neighbourhood import Neighbourhood, said_of_region


def around(nearest: list[float]) -> Neighbourhood:
    shares = np.zeros((len(nearest), 10))
    shares[:, 7] = 1.0
    shares[-1, [7, 4]] = 0.0, 1.0
    return Neighbourhood(np.array(nearest), shares, 1.0)


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(n, 784))


@pytest.mark.parametrize(("is_loop", "n_frames"), [(False, 8), (True, 5)])
def test_gif(is_loop: bool, n_frames: int) -> None:
    gif = Image.open(io.BytesIO(files.animation_gif(images(5), is_loop=is_loop)))
    assert gif.n_frames == n_frames  # pyright: ignore[reportAttributeAccessIssue]
    assert gif.size == (28 * files.SCALE, 28 * files.SCALE)
    pixels = np.asarray(gif.convert("L"), int)[:: files.SCALE, :: files.SCALE]
    assert np.abs(pixels.ravel() - 255 * (1 - images(5)[0])).max() <= 1


def test_png_has_every_step() -> None:
    some = images(20)
    png = Image.open(io.BytesIO(files.strip_png(some, around([0.0] * 20))))
    pixels = np.asarray(png.convert("L"), int)
    picture = pixels[8 : 8 + 112 : 4, 8 : 8 + 112 : 4]
    assert np.abs(picture.ravel() - 255 * (1 - some[0])).max() <= 1
    second_row = pixels[8 + 128 : 8 + 128 + 112 : 4, 8 : 8 + 112 : 4]
    assert np.abs(second_row.ravel() - 255 * (1 - some[16])).max() <= 1


def test_numbers() -> None:
    z, some = np.array([[0.5, 1.0], [0.25, -1.0]]), images(2)
    npz = np.load(io.BytesIO(files.walk_npz(z, some, around([0.5, 2.0]), ["What it is."])))
    assert np.array_equal(npz["z"], z)
    np.testing.assert_allclose(npz["images"].reshape(2, 784), some, rtol=1e-6)
    assert npz["outside"].tolist() == [False, True]
    assert str(npz["README"]) == "What it is."
    csv = files.walk_csv(z, some, around([0.5, 2.0]), ["What it is."]).decode()
    said, head, *rows = csv.splitlines()
    assert said == "# What it is."
    assert head.startswith("step,z1,z2,nearest,class,share,outside,pixel0,")
    assert [row.split(",")[:7] for row in rows] == [
        ["0", "0.5", "1.0", "0.5", "7", "1.00", "0"],
        ["1", "0.25", "-1.0", "2", "4", "1.00", "1"],
    ]


@pytest.mark.parametrize(
    ("nearest", "says"),
    [
        ([0.1, 0.2, 0.3], "Every step lies in the region with data."),
        ([0.1, 2.0, 0.3], "at 1 of its 3 steps: step 1."),
        ([3.0, 2.0, 0.3, 0.1, 2.0], "at 3 of its 5 steps: A to step 1, the end."),
    ],
)
def test_leaving_the_region_with_data_is_said(nearest: list[float], says: str) -> None:
    assert says in said_of_region(around(nearest))
