"""Drawings and pictures, made from MNIST's own digits, must become these digits again."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from vae_core.data import DataSet, load_mnist
from vae_core.data.drawn import MAX_BYTES, normalise_drawing, read_picture
from vae_core.errors import DataError

Picture = Callable[[np.ndarray], bytes]
N = 60  # digits
SMALL, LARGE = 0.03, 0.12  # rms ink: next to nothing; a shift or a step in size by one pixel


@pytest.fixture(scope="module")
def originals(test_digits: DataSet) -> DataSet:
    return DataSet(test_digits.images[:N], test_digits.labels[:N])


@pytest.fixture(scope="module")
def vote() -> Callable[[np.ndarray], np.ndarray]:
    """The label of each picture, by its nearest training digits, pixel by pixel."""
    train = load_mnist("train")
    flat = train.images[:15_000].reshape(-1, 784).astype(np.float32)
    classifier = KNeighborsClassifier(3).fit(flat, train.labels[:15_000])
    return lambda images: classifier.predict(images.reshape(-1, 784).astype(np.float32))


@pytest.fixture(scope="module")
def check(
    originals: DataSet, vote: Callable[[np.ndarray], np.ndarray]
) -> Callable[[np.ndarray, float], None]:
    """Assert that pictures are the originals, up to a median rms, and are taken for them."""

    def compare(got: np.ndarray, rms: float) -> None:
        assert got.shape == originals.images.shape
        assert got.dtype == np.uint8
        off = (got.astype(float) - originals.images) / 255
        assert np.median(np.sqrt((off**2).mean((1, 2)))) < rms
        right = (vote(originals.images) == originals.labels).sum()
        assert (vote(got) == originals.labels).sum() >= right - 4

    return compare


def scaled(image: np.ndarray, factor: float, how: Any = Image.Resampling.BICUBIC) -> np.ndarray:
    side = round(28 * factor)
    return np.asarray(Image.fromarray(image).resize((side, side), how))


def file(array: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


# ---- drawings


@pytest.mark.parametrize("factor", [4, 8, 12])
def test_enlarged_digits_come_back(
    originals: DataSet, check: Callable[..., None], factor: int
) -> None:
    big = [scaled(image, factor, Image.Resampling.NEAREST) / 255 for image in originals.images]
    check(np.array([normalise_drawing(ink) for ink in big]), 0.005)


@pytest.mark.parametrize("factor", [4, 7.3, 12])
def test_enlarged_and_blurred_digits_come_back(
    originals: DataSet, check: Callable[..., None], factor: float
) -> None:
    big = [scaled(image, factor) / 255 for image in originals.images]
    check(np.array([normalise_drawing(ink) for ink in big]), LARGE)


def test_a_digit_may_lie_anywhere_and_be_faint(originals: DataSet) -> None:
    ink = scaled(originals.images[0], 4, Image.Resampling.NEAREST) / 255
    expected = normalise_drawing(ink)
    page = np.zeros((300, 400))
    page[170:282, 5:117] = 0.3 * ink
    assert np.abs(normalise_drawing(page).astype(int) - expected).max() <= 1


def test_the_form_is_mnist_s(originals: DataSet) -> None:
    for image in originals.images:
        got = normalise_drawing(scaled(image, 5) / 255)
        rows, columns = (np.flatnonzero(got.any(axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert got.max() == 255
        y, x = np.indices(got.shape)
        for middle in ((y * got.astype(float)).sum(), (x * got.astype(float)).sum()):
            assert 13.4 < middle / got.sum(dtype=float) < 14.6


def test_lines_keep_their_aspect() -> None:
    page = np.zeros((200, 200))
    page[20:180, 90:98] = 1.0
    upright = normalise_drawing(page)
    assert upright[:, 13:15].sum() > 0.9 * upright.sum()
    assert (normalise_drawing(page.T) == upright.T).all()
    dot = np.zeros((50, 50))
    dot[10, 12] = 1.0
    assert (normalise_drawing(dot) > 0).sum() == 400  # a dot fills the box


def test_what_is_heavy_at_one_end_stays_inside() -> None:
    page = np.zeros((100, 100))
    page[:2, 48:52] = 1.0
    page[90:, :] = 1.0
    got = normalise_drawing(page)
    assert np.ptp(np.flatnonzero(got.any(1))) + 1 == 20


@pytest.mark.parametrize("ink", [np.zeros((112, 112)), np.full((5, 5), 1e-4)])
def test_nothing_drawn(ink: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"^Nothing is drawn yet: "):
        normalise_drawing(ink)


@pytest.mark.parametrize(
    "ink",
    [np.zeros((0, 4)), np.zeros(784), np.full((4, 4), 1.1), np.full((4, 4), -0.1),
     np.full((4, 4), np.nan)],
)  # fmt: skip
def test_no_drawing(ink: np.ndarray) -> None:
    with pytest.raises(ValueError, match="ink must"):
        normalise_drawing(ink)


# ---- pictures


def on_paper(ink: np.ndarray, *, seed: int = 0, noise: float = 0.0) -> np.ndarray:
    """Photograph of ink on grey paper, lit from one side, off the middle; uint8."""
    rng = np.random.default_rng(seed)
    side = len(ink) + 140
    top, left = rng.integers(20, 120, 2)
    page = np.zeros((side, side))
    page[top : top + len(ink), left : left + len(ink)] = ink / 255
    y, x = np.indices(page.shape) / side
    light = (0.8 - 0.35 * x - 0.15 * y) * (1 - 0.75 * page) + rng.normal(0, noise, page.shape)
    return np.rint(light.clip(0, 1) * 255).astype(np.uint8)


def rgba(ink: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Strokes of a colour on nothing."""
    flat = np.broadcast_to(np.array(colour, np.uint8), (*ink.shape, 3))
    return np.dstack([flat, ink])


def coloured(ink: np.ndarray) -> np.ndarray:
    """Dark blue on cream."""
    pen, paper = np.array([20, 30, 120]), np.array([250, 240, 215])
    return (paper + (pen - paper) * (ink[..., None] / 255)).astype(np.uint8)


def cut_out(ink: np.ndarray) -> np.ndarray:
    """Dark on a white card with nothing round it."""
    card = np.pad(255 - ink, 10, constant_values=255)
    return np.pad(np.dstack([card] * 3 + [np.full_like(card, 255)]), ((30, 9), (8, 40), (0, 0)))


def turned(ink: np.ndarray) -> bytes:
    """A JPEG stored on its side, with the EXIF tag that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    return file(np.rot90(255 - ink), "JPEG", quality=95, exif=exif)


def palette(ink: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(coloured(ink)).quantize(64).save(out, "PNG")
    return out.getvalue()


PICTURES: dict[str, Picture] = {
    "light on dark": lambda ink: file(ink),
    "dark on light": lambda ink: file(255 - ink),
    "JPEG": lambda ink: file(np.pad(255 - ink, 30, constant_values=255), "JPEG", quality=85),
    "grey paper": lambda ink: file(on_paper(ink)),
    "noisy photograph": lambda ink: file(on_paper(ink, noise=0.03), "JPEG", quality=80),
    "colours": lambda ink: file(coloured(ink)),
    "palette": palette,
    "black on nothing": lambda ink: file(rgba(ink, (0, 0, 0))),
    "white on nothing": lambda ink: file(rgba(ink, (255, 255, 255))),
    "red on nothing": lambda ink: file(rgba(ink, (200, 20, 30))),
    "a card on nothing": lambda ink: file(cut_out(ink)),
    "turned by EXIF": turned,
    "16 bits": lambda ink: file(65535 - ink.astype(np.uint16) * 257),
    "1 bit": lambda ink: file(ink < 128),
    "CMYK": lambda ink: _saved(Image.fromarray(coloured(ink)).convert("CMYK"), "JPEG"),
    "interlaced": lambda ink: file(255 - ink, optimize=True),
    "off the middle": lambda ink: file(np.pad(255 - ink, ((0, 300), (200, 0)), mode="edge")),
    "4,096 pixels": lambda ink: file(np.pad(255 - ink, ((900, 4096 - 900 - len(ink)),) * 2,
                                            constant_values=255)),
}  # fmt: skip


def _saved(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=95)
    return out.getvalue()


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_of_digits_come_back(
    originals: DataSet, check: Callable[..., None], kind: str
) -> None:
    factor = 40 if kind == "4,096 pixels" else 8
    n = 6 if kind == "4,096 pixels" else N
    got = originals.images.copy()
    for i, image in enumerate(originals.images[:n]):
        ink = read_picture(PICTURES[kind](scaled(image, factor)))
        assert ink.dtype == np.float32
        assert ink.min() >= 0
        assert ink.max() <= 1
        assert max(ink.shape) <= 512
        got[i] = normalise_drawing(ink)
    check(got, LARGE)


@pytest.mark.parametrize("factor", [4, 6, 8, 12])
def test_clean_pictures_come_back_exactly(
    originals: DataSet, check: Callable[..., None], factor: int
) -> None:
    got = [
        normalise_drawing(read_picture(file(255 - scaled(image, factor, Image.Resampling.NEAREST))))
        for image in originals.images
    ]
    check(np.array(got), SMALL)


def test_a_speck_of_dirt_is_rubbed_out(originals: DataSet) -> None:
    page = np.full((400, 400), 255, np.uint8)
    page[100:324, 100:324] -= scaled(originals.images[0], 8)
    clean = normalise_drawing(read_picture(file(page)))
    page[5:9, 390:394] = 0
    assert (normalise_drawing(read_picture(file(page))) == clean).all()


def test_a_digit_in_two_pieces_keeps_both(originals: DataSet) -> None:
    page = np.full((300, 300), 255, np.uint8)
    page[40:60, 100:220] = 0  # the bar of a five, not joined
    page[90:260, 180:200] = 0
    ink = read_picture(file(page))
    assert ink[50, 150] == 1
    assert ink[200, 190] == 1


SMALL_PNG = file(np.zeros((40, 40), np.uint8))
ALLOWED = r"allowed are PNG and JPEG pictures up to 5 MB and 4,096 pixels a side\.$"


def claimed_png(width: int, height: int) -> bytes:
    """A PNG whose header announces a size; decoding it would need all that memory."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    checked = header + zlib.crc32(header).to_bytes(4, "big")
    return SMALL_PNG[:8] + (13).to_bytes(4, "big") + checked + SMALL_PNG[33:]


def gif() -> bytes:
    return file(np.eye(30, dtype=np.uint8) * 255, "GIF")


def webp() -> bytes:
    return file(np.zeros((30, 30, 3), np.uint8), "WEBP")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), rf"^The file has 5\.0 MB; {ALLOWED}"),
        (bytes(12 * 1024**2), rf"^The file has 12\.0 MB; {ALLOWED}"),
        (claimed_png(4097, 20), rf"^The picture has 4,097 × 20 pixels; {ALLOWED}"),
        (claimed_png(20, 60_000), rf"^The picture has 20 × 60,000 pixels; {ALLOWED}"),
        (claimed_png(60_000, 60_000), rf"^The picture has 60,000 × 60,000 pixels; {ALLOWED}"),
        (file(np.zeros((4100, 8), np.uint8), "JPEG"), r"^The picture has 8 × 4,100 pixels; "),
        (gif(), rf"^The file is a GIF; {ALLOWED}"),
        (webp(), rf"^The file is a WebP; {ALLOWED}"),
        (b"%PDF-1.7\n1 0 obj", rf"^The file is a PDF; {ALLOWED}"),
        (file(np.zeros((9, 9), np.uint8), "TIFF"), rf"^The file is a TIFF; {ALLOWED}"),
        (file(np.zeros((9, 9), np.uint8), "BMP"), rf"^The file is a BMP; {ALLOWED}"),
        (b"\n <svg xmlns='http://www.w3.org/2000/svg'/>", rf"^The file is an SVG; {ALLOWED}"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", rf"^The file is a HEIC; {ALLOWED}"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", rf"^The file is a film; {ALLOWED}"),
        (b"hello", rf"^The file is no picture that can be read here; {ALLOWED}"),
        (b"", rf"^The file is empty; {ALLOWED}"),
        (b"\xff\xd8\xff", r"^The JPEG file is damaged or cut short; save it again\.$"),
        (b"\x89PNG\r\n\x1a\n", r"^The PNG file is damaged or cut short; save it again\.$"),
        (claimed_png(0, 20), r"^The PNG file is damaged or cut short"),
        (file(np.full((90, 90), 255, np.uint8)), r"^The picture shows only its background: "),
        (file(np.zeros((1, 1), np.uint8)), r"^The picture shows only its background: "),
        (file(np.zeros((30, 30, 4), np.uint8)), r"^The picture is transparent all over: "),
    ],
)  # fmt: skip
def test_refusals_are_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_picture(data)
    assert len(re.findall(r"[.!?](?:\s|$)", str(caught.value))) == 1


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05, 0.15])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_blank_page_is_no_digit(noise: float, kind: str) -> None:
    for seed in range(3):
        page = on_paper(np.zeros((150, 150)), seed=seed, noise=noise)
        with pytest.raises(DataError, match="shows only its background"):
            read_picture(file(page, kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files(originals: DataSet, kind: str, share: float) -> None:
    data = file(on_paper(scaled(originals.images[0], 8)), kind)
    with pytest.raises(DataError, match=f"^The {kind} file is damaged or cut short"):
        read_picture(data[: int(share * len(data))])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damaged_files_never_crash(originals: DataSet, kind: str) -> None:
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file(scaled(originals.images[0], 4), kind, exif=exif)
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(3 if kind == "JPEG" else 8, len(data), 4):
            damaged[at] = rng.integers(256)
        try:
            ink = read_picture(bytes(damaged))
        except DataError:
            continue
        assert ink.min() >= 0
        assert ink.max() <= 1
