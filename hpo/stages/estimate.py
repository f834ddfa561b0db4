"""The cost of a study, estimated before it runs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from hpo.config.as_planned import StudyPlace
from hpo.config.stage import STAGES, Stage
from hpo.config.study import StudyFile
from hpo.recipe.architecture import CnnSpec
from hpo.recipe.geometry import trainable_parameters
from hpo.recipe.point import Value, apply_point
from hpo.recipe.recipe import Recipe
from hpo.stages.plan import form_of, stage1_points, template_recipe
from hpo.stages.steps import pool_settings
from hpo.storage.database import Database
from hpo.storage.tables import PointRow, StageRow


@dataclass(frozen=True)
class StageEstimate:
    """The cost of one stage of one architecture.

    Args:
        architecture: its name.
        stage: ``stage1``, ``stage2``, ``recheck``, ``confirm`` or ``test``.
        points: design points.
        trainings: after points of one recipe have been joined.
        patch_visits: of all points by themselves, and of the donors' repetitions.
        shared_patch_visits: after sharing.
        checkpoint_bytes: what stays in the checkpoint store; 0 for a function architecture, whose size is not known.
        minutes: of training that the stage may take, where that is its budget: the numbers are then those of the
            least that it trains.
        given: those of the points that stage 1 has trained already; they cost nothing.
    """

    architecture: str
    stage: str
    points: int
    trainings: int
    patch_visits: int
    shared_patch_visits: int
    checkpoint_bytes: int
    minutes: float | None = None
    given: int = 0

    def filled(self, seconds_to_start: float, seconds_a_visit: float) -> StageEstimate:
        """The same stage with as many trainings as its minutes are enough for; itself if it has no such budget.

        Args:
            seconds_to_start: of each training.
            seconds_a_visit: of each patch-visit.
        """
        if self.minutes is None:
            return self
        each = self.trainings * seconds_to_start + self.shared_patch_visits * seconds_a_visit
        times = max(1.0, self.minutes * 60 / each) if each > 0 else 1.0
        names = ("trainings", "patch_visits", "shared_patch_visits", "checkpoint_bytes")
        points = self.given + math.ceil((self.points - self.given) * times)
        return replace(self, points=points, **{name: math.ceil(getattr(self, name) * times) for name in names})


def estimate(study: StudyFile) -> list[StageEstimate]:
    """The cost of each stage of each architecture.

    Stage 1 is exact. The others are upper bounds: stage 2 and the confirmation with the most patches that their factors
    allow, the donors' repetitions for further seeds with the most epochs of stage 1.
    """
    return [stage for architecture in study.architecture_specs for stage in _architecture(study, architecture)]


def total(stages: Sequence[StageEstimate]) -> StageEstimate:
    """The sum of several stages' estimates."""
    sums: dict[str, Any] = {
        name: sum(getattr(stage, name) for stage in stages)
        for name in ("points", "trainings", "patch_visits", "shared_patch_visits", "checkpoint_bytes")
    }
    return StageEstimate(architecture="all", stage="", **sums)


def expected_points(study: StudyFile, until: Stage = "test") -> int:
    """The number of design points up to the end of a stage, by the study file."""
    included = STAGES[: STAGES.index(until) + 1]
    return sum(stage.points for stage in estimate(study) if stage.stage in included)


def finished_points(database: Database, study: StudyFile | StudyPlace) -> int:
    """The number of complete or failed design points."""
    count = (
        select(func.count())
        .select_from(PointRow)
        .join(StageRow, StageRow.name == PointRow.stage_name)
        .where(StageRow.study == study.name, PointRow.state.in_(("complete", "failed")))
    )
    with database.transaction() as session:
        return int(session.scalar(count) or 0)


def _architecture(study: StudyFile, architecture: str) -> list[StageEstimate]:
    size = checkpoint_bytes(study, architecture)
    recipes = _stage1_recipes(study, architecture)
    longest: dict[Recipe, int] = {}  # by the recipe itself: equal recipes have equal keys, which take long to make
    for recipe, epochs in recipes:
        longest[recipe] = max(epochs, longest.get(recipe, 0))
    stage1 = StageEstimate(
        architecture=architecture,
        stage="stage1",
        points=len(recipes),
        trainings=len(longest),
        patch_visits=sum(recipe.patch_visits(epochs) for recipe, epochs in recipes),
        shared_patch_visits=sum(recipe.patch_visits(epochs) for recipe, epochs in longest.items()),
        checkpoint_bytes=len(recipes) * size,
    )
    visits = [recipe.patch_visits(epochs) for recipe, epochs in longest.items()]
    donor = max(visits) if study.stage2.may_start_warm else 0
    stage2 = _pool(study, architecture, size) if study.stage2.is_pool else _sampled(study, architecture, size, donor)
    given = _given(study, architecture)
    stage2 = replace(stage2, points=stage2.points + given, given=given)
    return [
        stage1,
        stage2,
        *_recheck(study, architecture, donor),
        _confirm(study, architecture, donor),
        StageEstimate(architecture, "test", 1, 0, 0, 0, 0),
    ]


def _recheck(study: StudyFile, architecture: str, donor: int) -> list[StageEstimate]:
    """The recheck, if there is one; ``donor`` is what a donor's repetition takes at most, 0 where there is none."""
    settings = study.stage2.recheck
    if settings is None or not study.stage2.is_rechecked:
        return []
    points, folds = settings.top * settings.seeds, study.stage2.folds or 1
    trainings = folds * (points + (settings.seeds if donor else 0))
    visits = folds * (points * study.space.most_patches * study.stage2.epochs + settings.seeds * donor)
    size = checkpoint_bytes(study, architecture)
    return [StageEstimate(architecture, "recheck", points, trainings, visits, visits, trainings * size)]


def _confirm(study: StudyFile, architecture: str, donor: int) -> StageEstimate:
    """The confirmation; the equally trained reference continues where the reference ends, or ends before it."""
    settings, seeds = study.confirm, len(study.confirm.seeds)
    sides = 2 if donor and settings.cold_control else 1
    tuned = study.space.most_patches * settings.epochs
    reference = template_recipe(study, architecture, "", 0)
    before = reference.patch_visits(settings.epochs)
    equal = reference.patch_visits(math.ceil((tuned + donor) / reference.patch_visits(1)))
    apart, shared = (before + equal, max(before, equal)) if settings.equal_training else (before, before)
    donors = (seeds - 1) * donor
    points = seeds * (1 + sides + settings.equal_training)
    trainings = seeds * (1 + sides) + (seeds - 1 if donor else 0)
    in_folds = (settings.folds or 0) * settings.fold_seeds
    of_folds = in_folds * (max(before, equal if settings.equal_training else before) + tuned + donor)
    trainings, points = trainings + in_folds * (3 if donor else 2), points + 2 * in_folds
    return StageEstimate(
        architecture=architecture,
        stage="confirm",
        points=points,
        trainings=trainings,
        patch_visits=donors + seeds * (apart + sides * tuned) + of_folds,
        shared_patch_visits=donors + seeds * (shared + sides * tuned) + of_folds,
        checkpoint_bytes=(trainings + seeds * settings.equal_training) * checkpoint_bytes(study, architecture),
    )


def _sampled(study: StudyFile, architecture: str, size: int, donor: int) -> StageEstimate:
    """Stage 2 without pauses; in folds a trial has a training in each, and each fold a donor of its own."""
    folds = study.stage2.folds or 1
    per_trial = folds * study.space.most_patches * study.stage2.epochs
    if study.stage2.trials is not None:
        trials = study.stage2.trials
    elif study.stage2.patch_visits is not None:
        trials = max(1, round(study.stage2.patch_visits / per_trial))
    else:
        trials = 1
    donors = folds if donor and study.stage2.folds else 0
    trainings, spent = trials * folds + donors, trials * per_trial + donors * donor
    return StageEstimate(
        architecture, "stage2", trials, trainings, spent, spent, trainings * size, minutes=study.stage2.minutes
    )


def _pool(study: StudyFile, architecture: str, size: int) -> StageEstimate:
    """Stage 2 with pauses: as successive halving would have it, with the most patches; a budget of visits is its own.

    A rung is a point, and trainings beyond the budget of opened ones are stage 1's, which may continue. How many
    ``freeze_thaw`` continues depends on their curves; in replays it opened 0.8 to 2.2 times as many of equal visits.
    """
    rungs, eta = pool_settings(study).rungs, pool_settings(study).eta
    adding = [rung - before for before, rung in zip((0, *rungs), rungs, strict=False)]
    shares = [eta**-number for number in range(len(rungs))]
    per_opened = study.space.most_patches * sum(epochs * share for epochs, share in zip(adding, shares, strict=True))
    if study.stage2.trials is not None:
        opened = study.stage2.trials
        known = len({recipe for recipe, _ in _stage1_recipes(study, architecture)})
        # One of each rung continues at the end, however few there are.
        reach = [opened, *(max(1, math.ceil((opened + known) * share)) for share in shares[1:])]
        spent = study.space.most_patches * sum(e * n for e, n in zip(adding, reach, strict=True))
        points = sum(reach)
    else:
        spent = study.stage2.patch_visits or round(per_opened)
        opened = max(1, round(spent / per_opened))
        points = max(1, round(opened * sum(shares)))
    return StageEstimate(
        architecture, "stage2", points, opened, spent, spent, points * size, minutes=study.stage2.minutes
    )


def _given(study: StudyFile, architecture: str) -> int:
    """The trainings of stage 1 that count in stage 2 too; at most so many, as its ranges and choices are not known yet.

    All of them have one value of each factor that stage 2 does not tune.
    """
    stage2, space = study.stage2, study.space_of(architecture)
    if stage2.folds is not None or (stage2.may_start_warm and not stage2.tunes_start):
        return 0
    fixed = [name for name in space.factors if name not in {*stage2.factors, *space.conditions, "epochs"}]
    alike: defaultdict[tuple[Value | None, ...], set[Recipe]] = defaultdict(set)
    points = stage1_points(study, architecture)
    for point, (recipe, epochs) in zip(points, _stage1_recipes(study, architecture), strict=True):
        if stage2.is_pool:
            counts = epochs <= stage2.epochs
        else:
            counts = epochs == stage2.epochs and study.stage1.seed == stage2.seed
        if counts and (recipe.batch_normalization or not stage2.batch_normalization):
            alike[tuple(point.get(name) for name in fixed)].add(recipe)
    return max(map(len, alike.values()), default=0)


def _stage1_recipes(study: StudyFile, architecture: str) -> list[tuple[Recipe, int]]:
    template = template_recipe(study, architecture, "", study.stage1.seed)
    return [apply_point(template, point) for point in stage1_points(study, architecture)]


def checkpoint_bytes(study: StudyFile, architecture: str) -> int:
    """Size of the largest checkpoint: weights, averages and optimizer slots in float32; 0 where it is not known."""
    spec = study.architecture_specs[architecture]
    if not isinstance(spec, CnnSpec):
        return 0
    copies = 1 + max(_SLOTS.get(str(name), 1) for name in _values(study, "optimizer") or ("sgd",))
    copies += any(float(decay) > 0 for decay in _values(study, "ema"))
    return copies * 4 * trainable_parameters(spec, study.data.patch_size, form=form_of(study))


_SLOTS = {"adam": 2, "adamw": 2}
"""Numbers that an optimizer keeps for each weight, where that is not one."""


def _values(study: StudyFile, name: str) -> tuple[Value, ...]:
    """What a study may set a factor to; nothing if its search space does not name it."""
    factor = study.space.factors.get(name)
    if factor is None:
        return ()
    return (factor.reference, *factor.levels, *(end for end in (factor.low, factor.high) if end is not None))
