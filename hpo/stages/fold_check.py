"""Folds of the search and of the comparison: data that allow them."""

from __future__ import annotations

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.folds import fold_data
from hpo.data.split import largest_subset
from hpo.errors import ConfigError, DataError


def check_folds(study: StudyFile, dataset: Dataset) -> None:
    """Refuse folds that the data do not allow, before anything is planned.

    Raises:
        ConfigError: if there are more folds than slides, or a fold leaves too few patches to train on.
    """
    for key, folds in (("stage2.folds", study.stage2.folds), ("confirm.folds", study.confirm.folds)):
        if folds is not None:
            _check(study, dataset, key, folds)


def _check(study: StudyFile, dataset: Dataset, key: str, folds: int) -> None:
    try:
        made = fold_data(dataset, folds)
    except DataError as error:
        raise ConfigError(study.file, f"{error}; lower it", key=key) from error
    most = study.space.most_patches
    available = min(largest_subset(fold.train.labels, study.data.balance) for fold in made)
    if available < most:
        raise ConfigError(
            study.file,
            f"{folds} folds leave {available} patches to train on, and {study.search_space.name} goes up to {most}; "
            "raise folds, or lower factors.patches",
            key=key,
        )
