"""The labels beside a split's patches: integers from 0, or one-hot rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo.data.hdf5 import open_array
from hpo.data.naming import MOST_CLASSES
from hpo.errors import DataError

_ADVICE = 'dataset.json beside it names the classes, such as {"format": 1, "classes": ["benign", "malignant", "fat"]}'


def read_labels(path: Path, count: int, classes: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Labels, shape (count,), uint8, each the number of a class.

    Args:
        path: the ``y`` file; integers of shape (N,) or (N, 1, 1, 1), or one-hot rows of shape (N, K) or (N, 1, 1, K).
        count: number of patches in the ``x`` file.
        classes: names of the K classes.

    Raises:
        DataError: if there are more or fewer, they are no integers, one is no class's number, or a row is not one-hot.
    """
    with open_array(path, "y") as y:
        shape, dtype = tuple(y.shape), y.dtype
        columns = int(np.prod(shape[1:]))
        if len(shape) not in (1, 2, 4) or columns < 1 or (columns > 1 and shape[-1] != columns):
            raise DataError(
                f"{path}: y has shape {shape}; labels have shape (N, 1, 1, 1) or (N,), and one-hot ones (N, K)"
            )
        if dtype.kind not in ("uib" if columns == 1 else "uibf"):
            raise DataError(
                f"{path}: y has dtype {dtype}; labels are {_numbers(len(classes), 'the integers ')}, the "
                "numbers of classes (numbers to predict, as in regression, are not supported)"
            )
        if shape[0] != count:
            raise DataError(f"{path}: has {shape[0]} labels, but there are {count} patches in the x file beside it")
        if columns not in (1, len(classes)):
            known = f"there are {len(classes)} classes ({', '.join(classes)[:80]})"
            raise DataError(f"{path}: y has rows of {columns} values, and {known}; {_ADVICE}")
        values = np.asarray(y[...]).reshape((-1,) if columns == 1 else (-1, columns))
    return _of_rows(path, values) if columns > 1 else _checked(path, values, len(classes))


def _numbers(classes: int, before: str = "") -> str:
    return f"{before}0 and 1" if classes == 2 else f"{before}0 to {classes - 1}"


def _checked(path: Path, values: npt.NDArray[Any], classes: int) -> npt.NDArray[np.uint8]:
    wrong = np.flatnonzero((values < 0) | (values >= classes))
    if not len(wrong):
        return values.astype(np.uint8)
    found = f"{path}: label {values[wrong[0]]} at row {wrong[0]} ({len(wrong)} such rows); labels are "
    low, high = int(values.min()), int(values.max())
    if low == 1 and high == classes:
        raise DataError(f"{found}{_numbers(classes)}, and here they are 1 to {high}: subtract 1 from each")
    if classes == 2 and 1 < high < MOST_CLASSES and low >= 0:
        if (path.parent / "dataset.json").exists():
            raise DataError(
                f"{found}{_numbers(classes)}, as dataset.json beside it names 2 classes; name all of them there"
            )
        from_one = ", and labels begin at 0: subtract 1 from each" if low == 1 else ""
        raise DataError(f"{found}{_numbers(classes)} unless {_ADVICE}{from_one}")
    raise DataError(found + _numbers(classes))


def _of_rows(path: Path, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    values = values.astype(np.float64)
    wrong = np.flatnonzero(~(((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)))
    if len(wrong):
        row = values[wrong[0]]
        shown = ", ".join(f"{value:g}" for value in row[:8]) + (", ..." if len(row) > 8 else "")
        raise DataError(
            f"{path}: y has shape {values.shape}, and its row {wrong[0]} is ({shown}), which sums to {row.sum():g} "
            f"({len(wrong)} such rows); a one-hot row has a single 1, and 0 elsewhere"
        )
    return np.asarray(np.argmax(values, axis=1), dtype=np.uint8)
