"""The objective's metric where it is none that every curve holds: a further one, or a function of the user's own."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.config.study import StudyFile
from hpo.errors import TrainingError
from hpo.evaluation.scores import FURTHER, Scorer, score
from hpo.models.own_function import import_function, settings_kept
from hpo.plain import in_a_line
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.form import Form


class FurtherMetric(NamedTuple):
    """A metric that is computed on the validation patches beside those that every curve holds.

    Args:
        name: after ``valid_`` in the curve.
        scorer: from labels ``(N,)`` and probabilities, ``(N,)`` or ``(N, K)``, to a number.
    """

    name: str
    scorer: Scorer


def further_metric(study: StudyFile) -> FurtherMetric | None:
    """The study's objective, if curves do not hold it anyway.

    Raises:
        TrainingError: if the user's function cannot be imported, or is not the one of the study.
    """
    if study.metric_spec is not None:
        return FurtherMetric(study.objective_metric, own_scorer(study.metric_spec))
    name = study.objective_metric
    return FurtherMetric(name, partial(score, name)) if name in FURTHER else None


def own_scorer(spec: FunctionSpec) -> Scorer:
    """The user's function, of which larger is better.

    What it returns raises `TrainingError` when it is called, if it raises, or returns something else than a finite
    number.

    Raises:
        TrainingError: if it cannot be imported, or its source is another than the specification's.
    """
    with settings_kept(spec):
        function = import_function(spec)

    def scorer(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
        try:
            value = function(labels.astype(np.int64), probabilities.astype(np.float64))
        except (Exception, SystemExit) as error:
            raise TrainingError(f"{spec.function}: {type(error).__name__}: {in_a_line(error)}") from error
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TrainingError(f"{spec.function}: it returned {type(value).__name__}; it must return a number")
        if not math.isfinite(value):
            raise TrainingError(f"{spec.function}: it returned {float(value)}; it must return a finite number")
        return float(value)

    return scorer


def check_metric(spec: FunctionSpec, form: Form) -> None:
    """Call the function on made predictions, good and poor ones, and see that it keeps its contract.

    Args:
        spec: the function.
        form: of the study's data.

    Raises:
        TrainingError: as `own_scorer`, and as what it returns.
    """
    scorer, random = own_scorer(spec), np.random.default_rng(0)
    labels = np.arange(12 * form.classes) % form.classes
    for sureness in (0.0, 1.0, 50.0):
        odds = np.exp(random.normal(size=(len(labels), form.classes)) + sureness * np.eye(form.classes)[labels])
        rows = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        scorer(labels, rows[:, 1] if form.classes == 2 else rows)
