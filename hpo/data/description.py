"""The words of a data set, kept beside its patches: ``dataset.json``.

They are no part of the data digest: a data set whose classes are renamed trains to the same weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.data.naming import MOST_CLASSES, two_spellings
from hpo.errors import DataError
from hpo.whole_file import whole_file

FILE = "dataset.json"
FORMAT = 1
CLASSES = ("benign", "malignant")
LARGEST = 1 << 20
"""Bytes that the file may have."""
COARSEST = 100
"""Micrometres per pixel that patches may have: more than any slide is scanned at."""


@dataclass(frozen=True)
class Description:
    """What a data set says of itself.

    Args:
        classes: names of the classes, in the order of their labels 0, 1, ...; two to `MOST_CLASSES`, all different.
        microns_per_pixel: of the patches, where they were cut from slides; None if nobody said it.
    """

    classes: tuple[str, ...] = CLASSES
    microns_per_pixel: float | None = None


def read_description(folder: Path) -> Description:
    """The description of the data set in a folder; PCam's words where it has none.

    Raises:
        DataError: if the file cannot be read or is not as `write_description` writes it.
    """
    path = folder / FILE
    if not path.exists():
        return Description()
    if not path.is_file():
        raise DataError(f"{path}: not a regular file")
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path}: has {path.stat().st_size:,} bytes; a description has at most {LARGEST:,}")
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({str(error)[:200]}); {_ADVICE}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return Description(_classes(path, values), _resolution(path, values.get("microns_per_pixel")))


_ADVICE = f'it looks like {{"format": {FORMAT}, "classes": ["normal", "tumour"]}}; mend it, or import the images again'


def _classes(path: Path, values: Any) -> tuple[str, ...]:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else type(values).__name__
        raise DataError(f"{path}: format is {found!r:.40}, this version of hpo reads {FORMAT}; {_ADVICE}")
    names = values.get("classes")
    if not (isinstance(names, list) and all(isinstance(name, str) and name.strip() for name in names)):
        raise DataError(f"{path}: classes is {names!r:.80}; it must be a list of names; {_ADVICE}")
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"{path}: classes is {names!r:.80}; there must be two or more different names; {_ADVICE}")
    if len(names) > MOST_CLASSES:
        raise DataError(f"{path}: names {len(names)} classes; hpo trains at most {MOST_CLASSES}")
    if (pair := two_spellings(names)) is not None:
        raise DataError(
            f"{path}: {pair[0]!r} and {pair[1]!r} are one name in two spellings; give each class a name of its own, or "
            "import the images again with the two merged"
        )
    return tuple(names)


def _resolution(path: Path, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= COARSEST:
        raise DataError(
            f"{path}: microns_per_pixel is {value!r:.40}; it must be a number above 0, at most {COARSEST}; "
            "leave it out if the resolution is unknown"
        )
    return float(value)


def write_description(folder: Path, description: Description) -> None:
    """Keep a description in a data folder, whole or not at all.

    Raises:
        DataError: if the folder cannot be written to.
    """
    path = folder / FILE
    values: dict[str, Any] = {"format": FORMAT, "classes": list(description.classes)}
    if description.microns_per_pixel is not None:
        values["microns_per_pixel"] = description.microns_per_pixel
    text = json.dumps(values, ensure_ascii=False, indent=2)
    try:
        with whole_file(path) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
