"""A study's data: opened and checked, and made first where the study file asks for a sample."""

from __future__ import annotations

from hpo.config.study import DataSettings
from hpo.data.dataset import Dataset, SplitRule, open_dataset
from hpo.data.progress import Progress, silent
from hpo.errors import DataError
from hpo.machine import available_cores


def prepare_data(settings: DataSettings, progress: Progress = silent) -> Dataset:
    """Open the data of a study; a sample is made where its folder does not exist yet.

    Raises:
        DataError: if the data is missing, damaged, or not as the study file says.
    """
    if settings.sample is not None and not settings.folder.exists():
        from hpo.data.synthetic import make_sample  # half a second of SciPy, which only drawing pays

        make_sample(
            settings.folder,
            train=settings.sample.train,
            valid=settings.sample.valid,
            test=settings.sample.test,
            patch_size=settings.patch_size,
            classes=settings.sample.classes,
            seed=settings.sample.seed,
            processes=available_cores(),
            progress=lambda done, total: progress("drawing patches", done, total),
        )
    split = settings.split
    rule = None if split is None else SplitRule(valid=split.valid, test=split.test, seed=split.seed)
    dataset = open_dataset(settings.folder, patch_size=settings.patch_size, split=rule, progress=progress)
    if not len(dataset.test):
        raise DataError(f"{settings.folder}: a study needs test patches; give data.split.test a share above 0")
    return dataset
