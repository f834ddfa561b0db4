"""What a finished study leaves: best_config.yaml, a Keras model and the ROC data of each architecture."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from hpo.config.best_config import BestConfig, BestModel, Donor, Interval, write_best_config
from hpo.config.best_config import Comparison as ComparedMetrics
from hpo.config.study import StudyFile
from hpo.config.versions import versions
from hpo.data.dataset import Dataset
from hpo.evaluation.compare import Comparison
from hpo.evaluation.roc import roc_curve
from hpo.export.keras_model import export_model
from hpo.export.tuned import Tuned, best_architecture, config_path, model_path, roc_path
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from hpo.training.engine import Trainer
from hpo.training.runtime import configure


def export_study(
    study: StudyFile, dataset: Dataset, tuned: Mapping[str, Tuned], comparisons: Mapping[str, Comparison]
) -> None:
    """Write best_config.yaml, and for each architecture ``ARCHITECTURE/model.h5`` and ``ARCHITECTURE/roc.csv``.

    Args:
        study: whose output folder they go to.
        dataset: its data.
        tuned: the models; at least one.
        comparisons: before and after on the test split, by architecture.
    """
    configure(study.workers.threads)
    files = Files(study.checkpoints)
    trainer = Trainer(CheckpointStore(files), dataset, valid_patches=study.data.valid_patches)
    predictions = PredictionStore(files)
    models = {}
    for name, model in tuned.items():
        export_model(trainer, model.recipe, model.epoch, model_path(study, name))
        _write_roc(predictions, model, roc_path(study, name))
        models[name] = _best_model(trainer, study, model, comparisons[name])
    config = BestConfig(
        kind="best_config",
        study=study.name,
        best=best_architecture(tuned),
        data=study.data,
        data_digest=dataset.digest,
        modules=study.file.parent,
        threads=study.workers.threads or os.cpu_count(),
        versions=versions(),
        models=models,
    )
    write_best_config(config_path(study), config)


def _best_model(trainer: Trainer, study: StudyFile, model: Tuned, comparison: Comparison) -> BestModel:
    start = model.recipe.initial
    sides = {
        side: {
            name: Interval(value=estimate.value, low=estimate.low, high=estimate.high)
            for name, metric in comparison.metrics.items()
            for estimate in (metric.before if side == "before" else metric.after,)
        }
        for side in ("before", "after")
    }
    return BestModel(
        recipe=model.recipe,
        recipe_key=model.recipe.key,
        epochs=model.epoch,
        donor=None if start is None else Donor(key=start.donor.key, epoch=start.epoch),
        seeds=study.confirm.seeds,
        metrics=ComparedMetrics(before=sides["before"], after=sides["after"]),
        weights_sha256=trainer.weights_digest(model.recipe, model.epoch),
    )


def _write_roc(store: PredictionStore, model: Tuned, path: Path) -> None:
    """The ROC curve of every run as CSV, one row a point."""
    labels, _ = store.load_truth(model.configuration)
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["role", "seed", "false_positive_rate", "true_positive_rate", "threshold"])
    for role, seed in model.runs:
        curve = roc_curve(labels, store.load(model.configuration, role, seed))
        points = zip(curve.false_positive_rate, curve.true_positive_rate, curve.threshold, strict=True)
        rows.writerows([role, seed, *point] for point in points)
    partial = path.with_suffix(".part")
    partial.write_text(text.getvalue())
    partial.replace(path)
