"""Splits by folders' names."""

from __future__ import annotations

import re
from functools import lru_cache

from hpo.data.pcam import SplitName

WORDS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


@lru_cache(maxsize=4096)
def splits_named(name: str) -> frozenset[SplitName]:
    """The splits that a name has as whole words, in any case: ``TRAIN_SET`` and ``CRC-VAL-HE-7K`` have one each.

    A name with several, such as ``train_test_split``, holds splits and is none.
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    found = {_split_of(word.lower()) for word in (*words, *re.split(r"[^A-Za-z]+", name))}
    return frozenset(split for split in found if split is not None)


def _split_of(word: str) -> SplitName | None:
    return WORDS.get(word) or WORDS.get(word.removesuffix("set"))


def split_of(value: str) -> SplitName | None:
    """The split that a cell of a table says, as one word."""
    return _split_of(value.strip().lower())
