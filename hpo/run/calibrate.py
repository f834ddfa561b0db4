"""Calibration: the speed at which this machine trains an architecture."""

from __future__ import annotations

import time
from dataclasses import replace

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.models.own_function import look_in
from hpo.recipe.architecture import ArchitectureSpec
from hpo.recipe.recipe import Recipe
from hpo.stages.plan import form_of
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.runtime import configure

CALIBRATION_PATCHES = 512


def measure_speed(study: StudyFile, dataset: Dataset, architecture: str) -> tuple[float, float]:
    """Train the reference point on a few patches, into a store in memory.

    What is compiled was compiled before, as in a worker, which does so once for many trainings.

    Returns:
        Seconds to start a training, and seconds per patch-visit without validation.
    """
    configure(study.workers.threads)
    look_in(study.file.parent)
    patches = min(CALIBRATION_PATCHES, int(study.space.factors["patches"].reference))
    recipe = _reference(study, study.architecture_specs[architecture], dataset.digest, patches)
    seconds: list[float] = []
    store = CheckpointStore(Files(f"memory://calibration/{recipe.key}-{time.time_ns()}"))
    trainer = Trainer(store, dataset, valid_patches=study.data.valid_patches)
    for _ in trainer.bring(replace(recipe, seed=recipe.seed + 1), [1]):
        pass
    began = time.perf_counter()
    for _ in trainer.bring(recipe, [3], on_trained=lambda _recipe, _epoch, spent: seconds.append(spent)):
        pass
    total = time.perf_counter() - began
    each = min(seconds[1:])
    return max(0.0, total - 3 * each), each / recipe.patch_visits(1)


def _reference(study: StudyFile, spec: ArchitectureSpec, digest: str, patches: int) -> Recipe:
    recipe = Recipe(
        data=digest,
        patches=patches,
        architecture=spec,
        strategy=study.space.strategy,
        arithmetic=study.arithmetic.of_recipe,
        balance=study.data.balance,
        augment=study.augment_spec,
        own_loss=study.loss_spec,
        form=form_of(study),
    )
    batch = study.space.factors.get("batch_size")
    return recipe if batch is None else replace(recipe, batch_size=min(int(batch.reference), patches))
