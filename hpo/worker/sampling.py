"""The values of a point that a sampler chooses when the point is claimed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler

from hpo.config.stages import POOL_DESIGNS
from hpo.config.study import StudyFile
from hpo.errors import TrainingError
from hpo.recipe.conditions import parents_first
from hpo.recipe.key import digest
from hpo.recipe.point import Value, apply_point
from hpo.recipe.recipe import recipe_to_json
from hpo.search.limits import is_within
from hpo.search.propose import drawn_within
from hpo.search.samplers import SamplerName, make_sampler
from hpo.search.spaces import as_written, spaces_from_json
from hpo.storage.claims import Claim, lost
from hpo.storage.database import Database
from hpo.storage.decided import Stage2Plan
from hpo.storage.optuna_trials import ask_sampler, forget_values
from hpo.storage.outcomes import settle_point

_TRIES = 10
"""Proposals of a sampler over a limit, after which values are drawn uniformly within the limits."""


def settled(study: StudyFile, database: Database, claim: Claim) -> Claim:
    """The claim with its values, planned or chosen by the sampler now.

    Raises:
        LeaseLostError: if the claim has passed to another worker.
        TrainingError: as `sampled_point`.
    """
    if claim.planned.point is not None or claim.trial_id is None:
        return claim
    plan, trial_id = claim.plan_as(Stage2Plan), claim.trial_id
    seed = int(digest([plan.seed, plan.stream or claim.stage_name, claim.planned.key])[:8], 16)
    if plan.sampler in POOL_DESIGNS:
        raise TrainingError("the design point has no values")  # in a pool they are chosen with the step
    if plan.sampler == "qmc":
        seed = plan.seed  # one sequence for the whole stage
    point = sampled_point(study, database, claim, plan, seed, trial_id)
    recipe, epochs = apply_point(plan.template, point)
    planned = replace(claim.planned, point=point, recipe=recipe_to_json(recipe), recipe_key=recipe.key, epochs=epochs)
    if not database.run(settle_point, claim, planned):
        raise lost(claim)
    return replace(claim, planned=planned)


def sampled_point(
    study: StudyFile, database: Database, claim: Claim, plan: Stage2Plan, seed: int, trial_id: int
) -> dict[str, Any]:
    """The factors that a stage's sampler chooses for a claimed point; safe to repeat.

    What is over a limit is taken back and chosen again, so that it is never trained.

    Args:
        study: supplies the limits.
        database: the study database.
        claim: of the point.
        plan: of the point's stage.
        seed: of the sampler, for this point.
        trial_id: of the point's trial.

    Raises:
        TrainingError: if hardly any values of the searched factors are within the limits.
    """
    spaces = spaces_from_json(plan.space)
    space = {name: spaces[name] for name in parents_first(spaces, plan.conditions)}
    make = partial(make_sampler, startup_trials=plan.startup_trials, is_conditional=bool(plan.conditions))
    if plan.sampler == "asha" or plan.sampler == "freeze_thaw":  # POOL_DESIGNS, spelled out for the type checker
        raise TrainingError("the design point has no values")  # in a pool they are chosen with the step
    name: SamplerName = plan.sampler

    def applies(factor: str, chosen: Mapping[str, Value]) -> bool:
        return factor in plan.applied({**chosen, factor: ""})

    def ask(sampler: BaseSampler) -> dict[str, Any]:
        asked = partial(ask_sampler, database, claim.stage_name, trial_id, sampler, space, applies)
        chosen = database.patiently(asked)
        return plan.point({factor: as_written(space[factor], value) for factor, value in chosen.items()})

    def allowed(values: Mapping[str, Value]) -> bool:
        return is_within(study, apply_point(plan.template, plan.point(values))[0])

    point = ask(make(name, seed))
    for attempt in range(1, _TRIES):
        if allowed(point):
            return point
        database.run(forget_values, trial_id)
        point = ask(make(name, seed if name == "qmc" else seed + attempt))
    if allowed(point):
        return point
    database.run(forget_values, trial_id)
    rng = np.random.default_rng(seed)
    found = drawn_within(space, rng, allowed, plan.applied)  # type: ignore[arg-type]  # as `spaces_to_json` wrote
    if found is None:
        raise TrainingError("hardly any values of the searched factors are within the study's limits; raise them")
    return ask(_fixed(found, seed))


def _fixed(values: Mapping[str, Value], seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return PartialFixedSampler(dict(values), RandomSampler(seed=seed))
