"""Calibration: the speed at which this machine trains an architecture."""

from __future__ import annotations

import time
from dataclasses import replace

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.models.own_function import look_in
from hpo.recipe.recipe import Recipe
from hpo.stages.plan import reference_recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.runtime import configure

CALIBRATION_PATCHES = 512


def measure_speed(study: StudyFile, dataset: Dataset, architecture: str) -> tuple[float, float]:
    """Train the reference point on few patches, and on up to four times as many, in a store in memory.

    The difference is what patches take: a large one, in which other work on the machine weighs little. The rest of an
    epoch is its validation and checkpoint, which cost the same however many patches are trained on. What is compiled
    was compiled before, as in a worker, which does so once for many trainings.

    Returns:
        Seconds to start a training, and seconds per patch-visit with its share of validation and checkpoint, in an
        epoch of as many patches as the reference has.
    """
    configure(study.workers.threads)
    look_in(study.file.parent)
    reference = reference_recipe(study, architecture, dataset.digest, study.stage1.seed)
    few = replace(reference, patches=max(reference.batch_size, min(CALIBRATION_PATCHES, reference.patches // 2)))
    more = replace(few, patches=min(4 * few.patches, reference.patches))
    store = CheckpointStore(Files(f"memory://calibration/{reference.key}-{time.time_ns()}"))
    trainer = Trainer(store, dataset, valid_patches=study.data.valid_patches)
    _train(trainer, replace(few, seed=few.seed + 1), 1)
    start, of_few = _train(trainer, few, 3)
    _, of_more = _train(trainer, more, 3)
    visits = more.patch_visits(1) - few.patch_visits(1)
    each = max(0.0, of_more - of_few) / visits if visits else of_few / few.patch_visits(1)
    besides = max(0.0, of_few - each * few.patch_visits(1))
    return start, each + besides / reference.patch_visits(1)


def _train(trainer: Trainer, recipe: Recipe, epochs: int) -> tuple[float, float]:
    """Seconds to start, and of the shortest epoch; the first of several also fills caches."""
    seconds: list[float] = []
    began = time.perf_counter()
    for _ in trainer.bring(recipe, [epochs], on_trained=lambda _recipe, _epoch, spent: seconds.append(spent)):
        pass
    total = time.perf_counter() - began
    each = min(seconds[-2:])
    return max(0.0, total - epochs * each), each
