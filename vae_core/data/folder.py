"""Where the IDX files of a data set are, under the names in which people have them.

MNIST's, Fashion-MNIST's and KMNIST's names with hyphens or dots, EMNIST's and QMNIST's with the
data set's name before them, gzipped or not; in the folder itself, in `raw/` or `gzip/` below, or
in `NAME/raw/` below, which is how torchvision lays them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vae_core.errors import DataError
from vae_core.identity import Part

_NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<part>train|t10k|test)[-_.]?(?P<kind>images|labels)"
    r"[-_.]idx[123]([-_.](ubyte|int))?(\.gz)*",
    re.IGNORECASE,
)
_PARTS: dict[str, Part] = {"train": "train", "t10k": "test", "test": "test"}
_STEMS = {"train": "train", "test": "t10k"}  # as MNIST calls them, for sentences
_BELOW = ("raw", "gzip")  # where torchvision and EMNIST's archive put them
_MOST_NAMED = 5  # of what a folder holds instead, in a sentence


class IdxFiles(NamedTuple):
    """One part of a data set."""

    name: str  # of the data set
    images: Path
    labels: Path | None
    is_turned: bool  # EMNIST's pictures lie on their side: rows and columns are swapped


class _Found(NamedTuple):
    """A file, and what its name says."""

    path: Path
    set: str
    part: Part
    kind: str


def find_files(folder: Path, part: Part) -> IdxFiles:
    """Find the files of one part of a data set.

    Parameters
    ----------
    folder : Path
        A folder, or in a folder of several data sets the name that their files begin with:
        ``emnist/emnist-digits``.
    part : {"train", "test"}

    Raises
    ------
    DataError
        There is no such folder, it has no such files, or those of several data sets.
    """
    wanted_set = None
    if not folder.is_dir() and folder.parent.is_dir():
        found = _sets(folder.parent)
        wanted_set = next((name for name in found if name == folder.name), None)
    if wanted_set is None and not folder.is_dir():
        raise DataError(f"{folder} is not a folder; --data wants a folder of IDX files")
    files = _files_of(folder if wanted_set is None else folder.parent, wanted_set, part)
    images = _best(files, part, "images")
    if images is None:
        raise DataError(_none(folder, part, "images"))
    name = images.set or _name_of(images.path.parent)
    labels = _best([one for one in files if one.set == images.set], part, "labels")
    is_turned = name.lower().startswith("emnist")
    return IdxFiles(name, images.path, None if labels is None else labels.path, is_turned)


def no_labels(folder: Path, part: Part) -> str:
    """Say that a part of a data set has no labels."""
    return _none(folder, part, "labels")


def _files_of(folder: Path, wanted_set: str | None, part: Part) -> list[_Found]:
    """Files of the one data set in a folder, of all its parts."""
    sets = _sets(folder)
    if wanted_set is not None:
        return sets[wanted_set]
    with_part = {
        name: files
        for name, files in sets.items()
        if any(one.part == part and one.kind == "images" for one in files)
    }
    if len(with_part) > 1:
        names = sorted(with_part)
        one = names[0]
        raise DataError(
            f"{folder} holds several data sets, {', '.join(names)}; name one: {folder / one}"
        )
    return [one for files in with_part.values() for one in files]


def _sets(folder: Path) -> dict[str, list[_Found]]:
    """Files of IDX in a folder, or in a data set's folder below it, by data set."""
    here: dict[str, list[_Found]] = defaultdict(list)
    for place in (folder, *(folder / below for below in _BELOW)):
        for one in _idx_files(place):
            here[one.set].append(one)
        if here:
            return dict(here)
    below: dict[str, list[_Found]] = defaultdict(list)
    for child in sorted(_entries(folder)):
        for place in (child, *(child / name for name in _BELOW)):
            if files := list(_idx_files(place)):
                for one in files:
                    below[one.set or child.name].append(one)
                break
    return dict(below)


def _idx_files(folder: Path) -> Iterator[_Found]:
    for path in sorted(_entries(folder)):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        # Kaggle's archive unpacks each file into a folder of the same name.
        file = path / path.name if path.is_dir() else path
        if file.is_file():
            part = _PARTS[match["part"].lower()]
            yield _Found(file, match["set"], part, match["kind"].lower())


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _best(files: list[_Found], part: Part, kind: str) -> _Found | None:
    """Choose among a part's files of one kind: the gzipped one, which the others came from."""
    fitting = [one for one in files if one.part == part and one.kind == kind]
    return min(fitting, key=lambda one: (one.path.suffix != ".gz", one.path.name), default=None)


def _name_of(folder: Path) -> str:
    """Name a data set after its folder, or after the one that holds torchvision's `raw`."""
    folder = folder.resolve()
    while _NAME.fullmatch(folder.name) or folder.name in _BELOW:
        folder = folder.parent
    return folder.name or "data"


def _none(folder: Path, part: Part, kind: str) -> str:
    stem = f"{_STEMS[part]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"
    said = (
        f"{folder} has no file {stem}, gzipped or not, nor one of a like name; a data set needs it"
    )
    names = sorted(path.name for path in _entries(folder))
    if not names:
        return f"{said}, and the folder is empty" if folder.is_dir() else said
    more = ", …" if len(names) > _MOST_NAMED else ""
    return f"{said}, and it holds {', '.join(names[:_MOST_NAMED])}{more}"
