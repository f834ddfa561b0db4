"""A finished point's values: of one objective, or of several at once; and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpo.evaluation.compare import metric_standard_error, scorer_standard_error
from hpo.evaluation.front import Objectives
from hpo.evaluation.objective import Objective
from hpo.evaluation.scores import KNOWN
from hpo.recipe.recipe import Recipe
from hpo.search.limits import network_sizes
from hpo.storage.claims import Claim
from hpo.storage.optuna_trials import trial_attributes
from hpo.training.latency import (
    Latency,
    latency_from_json,
    latency_to_json,
    measure_latency,
    network_digest,
    this_machine,
)
from hpo.worker.worker import Worker

LATENCY = "latency"
"""The trial's user attribute that holds its network's latency, with the machine."""


def judged(
    worker: Worker, claim: Claim, objectives: Objectives, recipe: Recipe, curve: Sequence[Mapping[str, float]]
) -> tuple[tuple[float, ...], dict[str, object]]:
    """A training's value of each objective, and what its trial shows beside them.

    Args:
        worker: who trained it.
        claim: of its point.
        objectives: the study's.
        recipe: what was trained.
        curve: metrics of each epoch.

    Raises:
        TrainingError: if a quantity cannot be measured.
    """
    (size,) = network_sizes(worker.study, [recipe])
    quantities: dict[str, float] = {
        "parameters": size.parameters,
        "model_mb": size.model_mb,
        "patch_visits": recipe.patch_visits(len(curve)),
    }
    attributes: dict[str, object] = {}
    if "latency_ms" in objectives.names:
        latency = _latency(worker, claim, recipe)
        quantities["latency_ms"] = latency.milliseconds
        attributes[LATENCY] = latency_to_json(latency)
    shown = {name: value for name, value in quantities.items() if name in objectives.names}
    return objectives.values(curve, quantities), {**shown, **attributes}


def standard_error(worker: Worker, objective: Objective, recipe: Recipe, epoch: int) -> float:
    """How much the objective would vary over other validation patches, or slides, of the same kind."""
    trainer, groups = worker.trainer_of(recipe), worker.valid_slides_of(recipe)
    labels, rows = trainer.valid_labels, trainer.valid_probabilities(recipe, epoch)
    if objective.metric in KNOWN or trainer.further is None:
        return metric_standard_error(labels, rows, objective.metric, groups=groups)
    return scorer_standard_error(labels, rows, trainer.further.scorer, groups)


def _latency(worker: Worker, claim: Claim, recipe: Recipe) -> Latency:
    """As measured for an earlier trial of the same network on this machine, or else now."""
    size, normalized = worker.study.data.patch_size, recipe.batch_normalization
    network = network_digest(recipe.architecture, size, batch_normalization=normalized, form=recipe.form)
    known = worker.database.run(trial_attributes, claim.stage_name, LATENCY)
    for latency in filter(None, map(latency_from_json, known)):
        if latency.network == network and latency.machine == this_machine():
            return latency
    threads = worker.study.workers.threads or worker.threads
    return measure_latency(
        recipe.architecture,
        size,
        worker.study.file.parent,
        batch_normalization=normalized,
        threads=threads,
        form=recipe.form,
    )
