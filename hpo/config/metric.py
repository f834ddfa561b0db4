"""The metric of an objective: one that has a name, or a function of the user's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from hpo.config.elsewhere import word_elsewhere
from hpo.config.explain import shown
from hpo.config.function_source import read_function
from hpo.errors import nearest
from hpo.recipe.architecture import FunctionSpec

METRIC_NAMES = (
    "auc", "accuracy", "precision", "recall", "f1", "loss", "balanced_accuracy", "average_precision", "kappa", "brier",
)  # fmt: skip
"""Metrics that have a name."""

_FUNCTION = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*(#[0-9a-f]{8})?$"


def _metric(value: Any) -> str:
    if isinstance(value, str) and (value in METRIC_NAMES or re.match(_FUNCTION, value)):
        return value
    if way := word_elsewhere("metric", value):
        raise ValueError(f"found {shown(value)}; {way}")
    raise ValueError(
        f"found {shown(value)}; {nearest(str(value), METRIC_NAMES)}; or a function of your own, as module:name"
    )


MetricName = Annotated[
    str,
    PlainValidator(_metric),
    WithJsonSchema(
        {"anyOf": [{"enum": list(METRIC_NAMES), "type": "string"}, {"pattern": _FUNCTION, "type": "string"}]}
    ),
]
"""A metric by name, or ``module:name``. As a study records it, eight digits of the source's digest follow ``#``."""


def is_own(metric: str) -> bool:
    """Whether a metric is a function of the user's own."""
    return ":" in metric


def metric_specification(metric: str, folder: Path) -> FunctionSpec | None:
    """The user's own function; None for a metric that has a name.

    Args:
        metric: as the study file has it.
        folder: the study file's, where modules are looked for before the Python path.

    Raises:
        ValueError: if it cannot be found; nothing is imported.
    """
    if not is_own(metric):
        return None
    return FunctionSpec(metric, read_function(metric, folder).digest)
