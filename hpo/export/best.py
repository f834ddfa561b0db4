"""The files of a finished study: best_config.yaml, and each architecture's model, model card and ROC data."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.config.best_config import BestConfig, BestModel, Donor, load_best_config, write_best_config
from hpo.config.study import StudyFile
from hpo.config.versions import versions
from hpo.data.dataset import Dataset
from hpo.data.description import read_description
from hpo.evaluation.roc import roc_curve
from hpo.evaluation.threshold import choose_threshold
from hpo.export.atomic import replacing
from hpo.export.keras_model import export_model
from hpo.export.model_card import model_card
from hpo.export.subject import subject_of
from hpo.export.tuned import (
    Tuned,
    best_of,
    compared_metrics,
    compared_seeds,
    config_path,
    exported_files,
    is_recorded,
    recorded_models,
)
from hpo.models.own_function import look_in
from hpo.results.study import StudyResults
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from hpo.training.engine import Trainer
from hpo.training.runtime import configure, threads_of


def export_study(
    study: StudyFile, dataset: Dataset, results: StudyResults, tuned: Mapping[str, Tuned], *, onnx: bool = False
) -> None:
    """Write what is missing of best_config.yaml and, for each architecture, of the files that `exported_files` names.

    A model that is there and of these very weights stays as it is, and so does a text that says what is known now.

    Args:
        study: whose output folder they go to.
        dataset: its data.
        results: the study's, in which these models are tested.
        tuned: the models; at least one.
        onnx: whether ONNX models are wanted too.
    """
    configure(study.workers.threads)
    look_in(study.file.parent)
    files = Files(study.checkpoints)
    trainer = Trainer(CheckpointStore(files), dataset, valid_patches=study.data.valid_patches)
    config = _best_config(trainer, study, dataset, results, tuned)
    recorded = recorded_models(study, tuned)
    up_to_date = {
        name for name, model in recorded.items() if model.weights_sha256 == config.models[name].weights_sha256
    }
    if len(up_to_date) == len(tuned):  # what trained these weights is on record; this process may be another version's
        config = config.model_copy(update={"versions": load_best_config(config_path(study)).versions})
    for name, model in tuned.items():
        expected = exported_files(study, name, onnx=onnx)
        if name not in up_to_date:
            (study.output / name / "model.onnx").unlink(missing_ok=True)  # of other weights, and perhaps not wanted now
        models = [path for path in expected if path.stem == "model" and (name not in up_to_date or not path.exists())]
        if models:
            export_model(trainer, model.recipe, model.epoch, *models, symmetries=model.symmetries)
        variables = trainer.model(model.recipe, model.epoch).trainable_variables
        parameters = sum(math.prod(variable.shape) for variable in variables)
        texts = {
            "roc.csv": _roc(PredictionStore(files), model, results.classes),
            "model_card.md": model_card(subject_of(results, config, name, parameters)),
        }
        for file, text in texts.items():
            _write_text(study.output / name / file, text)
    if not (is_recorded(study, tuned, results) and len(up_to_date) == len(tuned)):
        write_best_config(config_path(study), config)


def _best_config(
    trainer: Trainer, study: StudyFile, dataset: Dataset, results: StudyResults, tuned: Mapping[str, Tuned]
) -> BestConfig:
    compared = results.comparison
    models = {}
    for name, model in tuned.items():
        if compared[name].before_after is None:
            raise ValueError(f"{name} has not been tested on both sides")
        chosen = results.chosen_trial(name)
        found = _best_model(trainer, results, name, model)
        folds = () if chosen is None else chosen.folds.values
        models[name] = found.model_copy(update={"searched_folds": folds or None})
    return BestConfig(
        kind="best_config",
        study=study.name,
        best=best_of(results, tuned),
        data=study.data,
        data_digest=dataset.digest,
        classes=results.classes,
        microns_per_pixel=read_description(study.data.folder).microns_per_pixel,
        modules=study.file.parent,
        threads=_threads(results, tuned),
        versions=versions(),
        models=models,
    )


def _threads(results: StudyResults, tuned: Mapping[str, Tuned]) -> int | None:
    """The CPU threads that every epoch of the models and of their donors was trained with.

    None if that is not one number, or not known: where a GPU or another study trained an epoch.
    """
    threads = {worker.owner: threads_of(worker.device) for worker in results.workers}
    of_epoch = {(entry.recipe_key, entry.epoch): threads.get(entry.owner) for entry in results.epochs}
    found = {
        of_epoch.get((recipe.key, epoch))
        for model in tuned.values()
        for recipe, epochs in model.recipe.lineage(model.epoch)
        for epoch in range(1, epochs + 1)
    }
    return found.pop() if len(found) == 1 else None


def _threshold(results: StudyResults, name: str, model: Tuned) -> float | None:
    """The one that validation chooses for these very weights; None without their predictions, or of more classes."""
    if len(results.classes) > 2:
        return None
    for training in results.finals(name, "after"):
        if training.recipe_key == model.recipe.key and training.valid_probabilities is not None:
            labels = results.valid_labels
            return None if labels is None else choose_threshold(labels, training.valid_probabilities)
    return None


def _best_model(trainer: Trainer, results: StudyResults, name: str, model: Tuned) -> BestModel:
    start = model.recipe.initial
    return BestModel(
        recipe=model.recipe,
        recipe_key=model.recipe.key,
        epochs=model.epoch,
        donor=None if start is None else Donor(key=start.donor.key, epoch=start.epoch),
        seeds=compared_seeds(results, name),
        metrics=compared_metrics(results.comparison[name]),
        weights_sha256=trainer.weights_digest(model.recipe, model.epoch),
        threshold=_threshold(results, name, model),
        symmetries=model.symmetries,
    )


def _roc(store: PredictionStore, model: Tuned, classes: Sequence[str]) -> str:
    """The ROC curve of every run as CSV, one row per point; of more than two classes, each against the rest."""
    labels, _ = store.load_truth(model.configuration)
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    columns = ["false_positive_rate", "true_positive_rate", "threshold"]
    rows.writerow(["role", "seed", *(["class"] if len(classes) > 2 else []), *columns])
    for role, seed in model.runs:
        found = store.load(model.configuration, role, seed)
        for label, name in enumerate(classes) if found.ndim == 2 else [(1, "")]:
            curve = roc_curve(labels == label, found[:, label] if found.ndim == 2 else found)
            points = zip(curve.false_positive_rate, curve.true_positive_rate, curve.threshold, strict=True)
            address = [role, seed, *([name] if name else [])]
            rows.writerows([*address, *point] for point in points)
    return text.getvalue()


def _write_text(path: Path, text: str) -> None:
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return
    with replacing(path) as temporary:
        temporary.write_bytes(content)
