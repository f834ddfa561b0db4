"""A study's data: opened and checked, and made first where the study file asks for a sample."""

from __future__ import annotations

import os
from collections.abc import Callable

from hpo.config.study import DataSettings
from hpo.data.dataset import Dataset, SplitRule, open_dataset
from hpo.data.synthetic import make_sample

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


def prepare_data(settings: DataSettings, progress: Progress | None = None) -> Dataset:
    """Open the data of a study; a sample is made where its folder does not exist yet.

    Raises:
        DataError: if the data is missing, damaged, or not as the study file says.
    """
    if settings.sample is not None and not settings.folder.exists():
        make_sample(
            settings.folder,
            train=settings.sample.train,
            valid=settings.sample.valid,
            test=settings.sample.test,
            patch_size=settings.patch_size,
            seed=settings.sample.seed,
            processes=os.cpu_count() or 1,
            progress=progress,
        )
    split = settings.split
    rule = None if split is None else SplitRule(valid=split.valid, test=split.test, seed=split.seed)
    return open_dataset(settings.folder, patch_size=settings.patch_size, split=rule)
