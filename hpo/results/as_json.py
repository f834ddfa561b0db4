"""The answer of a study as JSON-ready values, for machines."""

from __future__ import annotations

import math
from typing import Any

from hpo.evaluation.estimate import Estimate
from hpo.results.comparison import Sides
from hpo.results.study import StudyResults


def results_to_json(results: StudyResults) -> dict[str, Any]:
    """The best architecture, and each one's test metrics before and after tuning with 95% intervals.

    Architectures that are not tested yet are absent; numbers that are not finite are None.
    """
    tested = {name: sides for name, sides in results.compared.items() if sides.before_after is not None}
    return {
        "study": results.settings.name,
        "best": results.best_compared if tested else None,
        "objective": results.settings.objective.metric,
        "architectures": {name: _sides(sides) | _objectives(results, name) for name, sides in tested.items()},
    }


def _objectives(results: StudyResults, architecture: str) -> dict[str, Any]:
    """The tuned network's value of each objective, where the study has several."""
    values = results.final_values(architecture)
    return {"objectives": {name: _finite(value) for name, value in values.items()}} if values else {}


def _sides(sides: Sides) -> dict[str, Any]:
    comparison = sides.headline
    return {
        "baseline": sides.baseline,
        "metrics": {
            name: {
                "before": _estimate(values.before),
                "after": _estimate(values.after),
                "difference": _estimate(values.difference),
            }
            for name, values in comparison.metrics.items()
        },
    }


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {name: _finite(getattr(estimate, name)) for name in ("value", "low", "high")}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
