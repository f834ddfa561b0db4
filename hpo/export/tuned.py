"""The tuned models of a study: which they are, and where their files go. TensorFlow is not needed for that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo.config.best_config import BestConfig, BestModel, Comparison, Interval, load_best_config
from hpo.config.study import StudyFile
from hpo.data.description import CLASSES, read_description
from hpo.errors import ConfigError
from hpo.evaluation.compare import Measurement
from hpo.export.model_card import model_card
from hpo.export.subject import subject_of
from hpo.recipe.recipe import Recipe
from hpo.results.comparison import ROLES, Sides
from hpo.results.study import StudyResults
from hpo.storage.database import Database
from hpo.storage.decided import ConfirmResult
from hpo.storage.decisions import load_stages
from hpo.storage.stage_json import abandoned, plan_of

EXPORTED_NAMES = ("model.h5", "model.keras", "model.onnx", "roc.csv", "model_card.md")
"""The files of an architecture's export."""


@dataclass(frozen=True)
class Tuned:
    """The tuned model of an architecture, frozen before the test split was opened.

    Args:
        recipe: of the ``after`` run that did best on validation.
        epoch: whose weights are exported.
        configuration: names the stored test predictions.
        runs: (role, seed) of each of them.
        symmetries: whether they, and what the exported model gives, are averaged over the eight flips and turns.
    """

    recipe: Recipe
    epoch: int
    configuration: str
    runs: tuple[tuple[str, int], ...]
    symmetries: bool = False


def tuned_models(database: Database, study: StudyFile) -> dict[str, Tuned]:
    """The tuned model of each architecture whose test has closed, in the study file's order."""
    with database.transaction() as session:
        stages = load_stages(session, study.name)
    found = {}
    for architecture in study.architecture_specs:
        test = stages.get(("test", architecture))
        if test is None or test.closed_at is None or abandoned(test) is not None:
            continue
        frozen = plan_of(test, ConfirmResult)
        after = {run.seed: run for run in frozen.runs if run.role == "after"}
        chosen = after[frozen.export_seed]
        found[architecture] = Tuned(
            recipe=chosen.recipe,
            epoch=chosen.epoch,
            configuration=frozen.configuration,
            runs=tuple((run.role, run.seed) for run in frozen.runs),
            symmetries=frozen.symmetries,
        )
    return found


def best_of(results: StudyResults, tuned: Mapping[str, Tuned]) -> str:
    """The best on validation of these models, by the study's one ranking."""
    best = results.best_of(tuned)
    if best is None:
        raise ValueError("no tuned model has been trained")
    return best


def config_path(study: StudyFile) -> Path:
    """The file of the best configuration."""
    return study.output / "best_config.yaml"


def exported_files(study: StudyFile, architecture: str, *, onnx: bool = False) -> tuple[Path, ...]:
    """Every file that an architecture's export has.

    Args:
        study: whose output folder they are in.
        architecture: each has a folder of its own there.
        onnx: whether an ONNX model belongs to it.
    """
    names = [name for name in EXPORTED_NAMES if onnx or name != "model.onnx"]
    return tuple(study.output / architecture / name for name in names)


def recorded_models(study: StudyFile, tuned: Mapping[str, Tuned]) -> dict[str, BestModel]:
    """Those of these models that the best configuration on disk records; the others are to be exported."""
    if not config_path(study).exists():
        return {}
    try:
        models = load_best_config(config_path(study)).models
    except ConfigError:
        return {}
    return {
        name: models[name]
        for name, model in tuned.items()
        if name in models
        and (models[name].recipe_key, models[name].epochs) == (model.recipe.key, model.epoch)
        and models[name].symmetries == model.symmetries
    }


def compared_metrics(sides: Sides) -> Comparison:
    """What the best configuration says of an architecture that is tested on both sides."""
    return Comparison(
        before=_intervals(sides.measured[sides.baseline]),
        after=_intervals(sides.measured["after"]),
        by_stage1_rules=_intervals(sides.measured["before"]) if sides.baseline == "equal" else None,
    )


def compared_seeds(results: StudyResults, name: str) -> tuple[int, ...]:
    """The seeds that the comparison of an architecture rests on: those with which no side diverged."""
    sides = [{one.seed for one in results.tested_finals(name, role)} for role in ROLES]
    shared = set.intersection(*(seeds for seeds in sides if seeds))
    return tuple(seed for seed in results.settings.confirm.seeds if seed in shared)


def _intervals(side: Measurement) -> dict[str, Interval]:
    return {
        name: Interval(value=estimate.value, low=estimate.low, high=estimate.high)
        for name, estimate in side.metrics.items()
    }


def is_recorded(study: StudyFile, tuned: Mapping[str, Tuned], results: StudyResults) -> bool:
    """Whether the best configuration on disk is of these models and no others, and says of them what is known now."""
    recorded = recorded_models(study, tuned)
    if set(recorded) != set(tuned):
        return False
    config = load_best_config(config_path(study))
    resolution = read_description(study.data.folder).microns_per_pixel
    if resolution not in (None, config.microns_per_pixel) or results.classes != (config.classes or CLASSES):
        return False
    return (set(config.models), config.best) == (set(tuned), best_of(results, tuned)) and all(
        (model.seeds, model.metrics) == (compared_seeds(results, name), compared_metrics(results.comparison[name]))
        for name, model in recorded.items()
    )


def is_exported(study: StudyFile, tuned: Mapping[str, Tuned], results: StudyResults, *, onnx: bool = False) -> bool:
    """Whether every file is there, of these models, and shows what the study has found."""
    if not is_recorded(study, tuned, results):
        return False
    if not all(path.exists() for name in tuned for path in exported_files(study, name, onnx=onnx)):
        return False
    config = load_best_config(config_path(study))
    return all(_has_current_card(study, config, results, name) for name in tuned)


_PARAMETERS = re.compile(r"[\d,]+ trained parameters")


def _has_current_card(study: StudyFile, config: BestConfig, results: StudyResults, name: str) -> bool:
    """Whether a model's card is the one that would be written now; its count of parameters would take TensorFlow."""
    text = (study.output / name / "model_card.md").read_text(encoding="utf-8", errors="replace")
    now = model_card(subject_of(results, config, name, parameters=0))
    return _PARAMETERS.sub("", text, count=1) == _PARAMETERS.sub("", now, count=1)
