"""Whether the data have the patches that a study asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.prepare import prepare_data
from hpo.data.progress import Progress, silent
from hpo.data.split import class_count, largest_subset, nested_subset
from hpo.errors import ConfigError
from hpo.stages.fold_check import check_folds

STAINS = ("stain_jitter", "he_jitter")
"""Factors that change the colours of a stain, and so need patches of three channels."""


def open_data(study: StudyFile, progress: Progress = silent) -> Dataset:
    """Open a study's data, creating a sample if the study file asks for one, and check its size.

    Raises:
        ConfigError: as `check_patches`, `check_valid_patches`, `check_folds` and `check_channels`.
        DataError: as `prepare_data`.
    """
    dataset = prepare_data(study.data, progress)
    check_patches(study, dataset.train.labels)
    check_valid_patches(study, dataset.valid.labels)
    check_folds(study, dataset)
    check_channels(study, dataset.train.channels)
    return dataset


def check_patches(study: StudyFile, labels: NDArray[np.uint8]) -> None:
    """Refuse a study that asks for more training patches than there are, before anything is planned.

    Args:
        study: its search space sets the numbers of patches.
        labels: ``(N,)``, numbers of classes, of the training split.

    Raises:
        ConfigError: if the search space exceeds the patches that ``data.balance`` allows, or its smallest subset
            would lack a class.
    """
    if study.data.balance == "natural":
        _check_natural(study, labels)
        return
    available, each = _balanced(labels)
    classes, fewest = class_count(labels), study.space.fewest_patches
    if fewest < classes:
        text = f"goes down to {fewest}, less than one patch of each of {classes} classes; raise the lowest value"
        raise ConfigError(study.search_space, text, key="factors.patches")
    if study.space.most_patches > available:
        way = f"; with data.balance: natural in {study.file.name}, all {len(labels)} can be used"
        raise ConfigError(
            study.search_space,
            f"goes up to {study.space.most_patches}; {study.data.folder} has {available}, {each}"
            f"{way if len(labels) > available + 1 else ''}",
            key="factors.patches",
        )


def _check_natural(study: StudyFile, labels: NDArray[np.uint8]) -> None:
    """The same for classes that keep their own ratio."""
    most, fewest = study.space.most_patches, study.space.fewest_patches
    if most > len(labels):
        text = f"goes up to {most}; {study.data.folder} has {len(labels)} training patches"
        raise ConfigError(study.search_space, text, key="factors.patches")
    classes, held = class_count(labels), set(labels[nested_subset(labels, fewest, 0, "natural")].tolist())
    positive = int(np.count_nonzero(labels == 1))
    if len(held) < classes > 2:
        raise ConfigError(
            study.search_space,
            f"goes down to {fewest}, which would be of {len(held)} of {classes} classes, as data.balance is natural; "
            "raise the lowest value",
            key="factors.patches",
        )
    if len(held) < 2:
        raise ConfigError(
            study.search_space,
            f"goes down to {fewest}, which would be of one class only: {positive} of {len(labels)} training patches "
            "are of label 1, and data.balance is natural; raise the lowest value",
            key="factors.patches",
        )


def check_valid_patches(study: StudyFile, labels: NDArray[np.uint8]) -> None:
    """Refuse a study that measures on more validation patches than there are, or on too few.

    Args:
        study: its ``data.valid_patches`` is looked at.
        labels: ``(N,)``, numbers of classes, of the validation split.

    Raises:
        ConfigError: if there are not so many of each class, or a class would have none.
    """
    asked, (available, each) = study.data.valid_patches or 0, _balanced(labels)
    if 0 < asked < class_count(labels):
        raise ConfigError(
            study.file,
            f"found {asked}, less than one patch of each of {class_count(labels)} classes; raise it",
            key="data.valid_patches",
        )
    if available < asked < len(labels):
        raise ConfigError(
            study.file,
            f"found {asked}; {study.data.folder} has {available} validation patches, {each}; lower it, or "
            f"leave it out to measure on all {len(labels)}",
            key="data.valid_patches",
        )


def _balanced(labels: NDArray[np.uint8]) -> tuple[int, str]:
    """The patches that a balanced subset can have at most, and what of it each class has."""
    counts = np.bincount(labels, minlength=class_count(labels))
    each = "half of each class" if len(counts) == 2 else f"as the rarest of {len(counts)} classes has {counts.min()}"
    return largest_subset(labels), each


def check_channels(study: StudyFile, channels: int) -> None:
    """Refuse to search the stain of patches that have none.

    Raises:
        ConfigError: if the search space sets one of `STAINS` to more than 0, and patches are not of 3 channels.
    """
    for name in () if channels == 3 else STAINS:
        factor = study.space.factors.get(name)
        found = () if factor is None else (factor.reference, *factor.levels, factor.low, factor.high)
        most = max((float(value) for value in found if value is not None), default=0.0)
        if most > 0:
            raise ConfigError(
                study.search_space,
                f"goes up to {most:g}, which is for patches of 3 channels; those in {study.data.folder} have "
                f"{channels}: take it out",
                key=f"factors.{name}",
            )
