"""Pictures of which every pixel and label is known, and what an import has to give."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

SIDE = 16


CLASSES = ("benign", "malignant")


LEFT_OUT = re.compile(r"left out: [1-9]")


Pixels = Any
"""uint8 (SIDE, SIDE, 3)."""


def pixels(number: int) -> Pixels:
    """The patch of a number: no two are alike, and none is flat."""
    return np.random.default_rng([7, number]).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def encoded(values: Pixels, form: str, **options: Any) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form, **options)
    return buffer.getvalue()


def decoded(content: bytes) -> Pixels | None:
    """What Pillow makes of an image file by itself; None if nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                if picture.width * picture.height > 10_000_000:
                    return None
                return np.asarray(picture.convert("RGB"))
    except Exception:
        return None


def _key(values: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=np.uint8).tobytes()).hexdigest()[:12] + str(values.shape)


class Wanted:
    """What an import has to give.

    Args:
        sure: pixels and label of each patch that is beyond doubt.
        doubtful: for each bad image its label and the pixels it may be taken for; it may be refused instead.
    """

    def __init__(
        self, sure: Sequence[tuple[Pixels, int]], doubtful: Sequence[tuple[Sequence[Pixels], int]] = ()
    ) -> None:
        self._sure = Counter((_key(values), label) for values, label in sure)
        self._doubtful = [({(_key(values), label) for values in choices}, label) for choices, label in doubtful]

    def __call__(self, output: str) -> str | None:
        """What was imported otherwise than put in; None if all is well."""
        found: Counter[tuple[str, int]] = Counter()
        for path in sorted(Path("out").glob("*_x.h5")):
            with h5py.File(path) as file:
                x = file["x"][...]
            with h5py.File(path.with_name(path.name.replace("_x.h5", "_y.h5"))) as file:
                labels = file["y"][...].ravel()
            found += Counter((_key(values), int(label)) for values, label in zip(x, labels, strict=True))
        if lacking := self._sure - found:
            return f"{sum(lacking.values())} sound images lost, or with another label"
        rest = found - self._sure
        missing = 0
        for choices, _label in self._doubtful:
            choice = next((choice for choice in choices if rest[choice] > 0), None)
            if choice is None:
                missing += 1
            else:
                rest[choice] -= 1
        if rest := +rest:
            return f"{sum(rest.values())} patches have pixels or labels that were not put in"
        if missing and not LEFT_OUT.search(output):
            return f"{missing} images were left out without a word"
        return None
