"""A study's patches, as plain values: what the splits hold, and the test patches that the tuned models get wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SplitDescription:
    """One of the three splits.

    Args:
        patches: how many.
        positive: how many of label 1.
        slides: how many slides they are from, if known.
        by_class: how many of each class, in the order of the labels; empty where there are two.
    """

    patches: int
    positive: int
    slides: int | None = None
    by_class: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataDescription:
    """The data.

    Args:
        name: what it is, in a few words.
        patch_size: side of the square patches, pixels.
        splits: ``train``, ``valid`` and ``test``.
        digest: of the training and validation patches.
        test_digest: of the test patches.
        contact_sheet: WebP of a few patches, or None.
        doubts: why results may look better or worse than they are, one line each.
        channels: of a patch; 3 is RGB.
    """

    name: str
    patch_size: int
    splits: Mapping[str, SplitDescription]
    digest: str = ""
    test_digest: str = ""
    contact_sheet: bytes | None = None
    doubts: tuple[str, ...] = ()
    channels: int = 3


@dataclass(frozen=True)
class Mistake:
    """A test patch that the best architecture's tuned models get wrong.

    Args:
        row: of the test split, from 0.
        label: the true one.
        probability: of label 1, mean over the seeds; of what it is called, where there are more than two classes.
        image: the patch as JPEG.
        slide: its slide, if known.
        file: the image that it was imported from, if known.
        called: the label that it is called; None of two classes, where it is the other one.
    """

    row: int
    label: int
    probability: float
    image: bytes
    slide: str = ""
    file: str = ""
    called: int | None = None
