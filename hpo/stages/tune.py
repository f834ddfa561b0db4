"""Stage 2, tuned: sampling inside stage 1's ranges, warm-started from stage 1's best weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sqlalchemy.orm import Session

from hpo.config.factor import Factor
from hpo.config.ranges import ChoiceRange, NumericRange, Ranges
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.evaluation.front import objectives_of
from hpo.evaluation.objective import objective_of
from hpo.recipe.conditions import applicable, may_apply
from hpo.recipe.point import FACTORS, Point, apply_point
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.search.limits import excesses, is_within
from hpo.search.ranges import middle
from hpo.search.spaces import Space, on_grid, spaces_to_json, within_range
from hpo.stages.budget import has_stalled, spending
from hpo.stages.explore import abandoned_reason
from hpo.stages.plan import planned, template_recipe
from hpo.stages.reused import observations, paused
from hpo.stages.steps import choice_of, longest_rows, ranked_choices
from hpo.storage.decided import Abandoned, Donor, FirstPoint, Stage1Result, Stage2Plan, Stage2Result
from hpo.storage.decisions import stage_name
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow

Spaces = dict[str, Space]

_SIZING = ("batch_normalization",)
"""Factors of a training that change its network's size."""

STARTUP_TRIALS, STARTUP_OF_OTHER_BUDGETS = 3, 10
"""Random trials before the sampler's model is used. Their number must not depend on the number of trials, because an
extended study continues as if it had been planned that way."""


def stage2_plan(
    study: StudyFile,
    architecture: str,
    data_digest: str,
    stage1: Stage1Result,
    ranges: Ranges,
    rows: Sequence[PointRow],
    learned: Sequence[FirstPoint] = (),
    folds: tuple[str, ...] = (),
) -> tuple[Stage2Plan, list[DesignPoint]]:
    """The plan of stage 2 of an architecture, made when its stage 1 has closed.

    Args:
        study: supplies the sampler, the factors, the budget and the warm start.
        architecture: its name.
        data_digest: of the training and validation patches.
        stage1: the result of stage 1.
        ranges: stage 1's, perhaps edited by hand.
        rows: the design points of stage 1.
        learned: the best settings of other studies; values of factors that are not searched here are left out.
        folds: addresses of the folds in which every trial is trained, if the study asks for any.

    Returns:
        The plan and the first points: the stage-1 best (with each start, where that is searched), the learned settings,
        the prior, the middle of the box, then as many for the sampler as the budget allows; only the first of these
        where the budget is not in trials (`next_slot`). Stage-1 trials of the same fidelity come first, as
        observations, unless trials are trained in folds, which those were not.
        If trainings pause, the first points are only the stage-1 trainings that may continue; `hpo.stages.steps`
        decides the rest.
    """
    template, fixed = _fixed_part(study, architecture, data_digest, stage1.donor, ranges)
    space = study.space_of(architecture)
    spaces = _spaces(study, space, ranges, fixed)
    is_pool = study.stage2.is_pool
    shown = {**spaces, "epochs": IntDistribution(1, study.stage2.epochs)} if is_pool else spaces
    plan = Stage2Plan(
        template=template,
        fixed=fixed,
        space=spaces_to_json(shown),
        sampler=study.stage2.design,
        seed=study.stage2.seed,
        startup_trials=STARTUP_OF_OTHER_BUDGETS if study.stage2.trials is None else STARTUP_TRIALS,
        ranges=ranges,
        donor=stage1.donor,
        stream=None if study.copy_of is None else stage_name(study.copy_of, "stage2", architecture),
        conditions={name: dict(condition) for name, condition in space.conditions.items()},
        folds=folds,
    )
    first = _first_values(study, plan, space, spaces, ranges, learned)
    plan = replace(plan, first=_within_limits(study, plan, first))
    if is_pool:
        return plan, paused(plan, spaces, rows, study.stage2.epochs)
    count = study.stage2.trials or 1
    return plan, [
        *(() if folds else observations(plan, spaces, rows)),
        *(slot_point(plan, number) for number in range(count)),
    ]


def slot_point(plan: Stage2Plan, number: int) -> DesignPoint:
    """The point of the trial with this number: known values first, then the sampler's."""
    first = plan.first or ()
    if number >= len(first):
        return sampled_slot(number)
    one = first[number]
    label = {"slot": number, "origin": one.origin}
    return planned(plan.template, plan.point(one.values), key=slot_key(number), label=label)


def slot_key(number: int) -> str:
    """The key of the trial with this number in a stage 2's budget."""
    return f"slot:{number:06d}"


def sampled_slot(number: int) -> DesignPoint:
    """A point whose values the sampler chooses when it is claimed."""
    return DesignPoint(key=slot_key(number), label={"slot": number, "origin": "sampled"})


def next_slot(session: Session, study: StudyFile, plan: Stage2Plan, rows: Sequence[PointRow]) -> DesignPoint | None:
    """The next point of a budget in patch-visits or minutes; None once it is spent or no longer helps.

    Points of a budget in trials are planned all at once.
    """
    slots = [row for row in rows if "slot" in row.label]
    if study.stage2.trials is not None or any(row.state == "waiting" for row in slots):
        return None
    spent = spending(session, study, slots, plan.folds)
    return None if spent.share >= 1 or has_stalled(study, slots, spent) else slot_point(plan, len(slots))


def stage2_result(
    study: StudyFile, rows: Sequence[PointRow], values: Mapping[int, tuple[float, ...]] | None = None
) -> Stage2Result | Abandoned:
    """The choice of stage 2: its best trial by validation, or by the rule for the front of several objectives.

    Args:
        study: supplies the objective, or the objectives and the rule.
        rows: the points of the stage.
        values: of each objective, by the trial's id in the database, where there are several.

    Returns:
        The choice, or the reason why no trial succeeded.
    """
    complete = [row for row in longest_rows(rows) if row.objective is not None]
    if not complete:
        return Abandoned(abandoned_reason(rows))
    objectives = objectives_of(study)
    if objectives is not None:
        return Stage2Result(ranked_choices(objectives, complete, values or {})[0])
    gain = objective_of(study).gain
    best = max(complete, key=lambda row: gain(row.objective or 0.0))
    return Stage2Result(choice_of(best))


def _fixed_part(
    study: StudyFile, architecture: str, data_digest: str, donor: Donor, ranges: Ranges
) -> tuple[Recipe, dict[str, Any]]:
    """The template of stage 2's recipes, and the values of the factors that it does not search."""
    space = study.space_of(architecture)
    fixed = {
        **space.reference_values,
        **{name: limits.best for name, limits in ranges.items() if name != "warm_start"},
        "epochs": study.stage2.epochs,
    }
    tuned = {*study.stage2.factors}
    may_start_warm, start = study.stage2.may_start_warm, study.stage2.warm_start
    if may_start_warm:  # its weights fit no other shape
        fixed |= {name: value for name, value in donor.point.items() if name not in FACTORS and name not in tuned}
    # Levels that are each best on their own axis may be too much together: the best trial of all is within the limits.
    together = applicable(fixed, space.conditions)
    if not is_within(study, apply_point(template_recipe(study, architecture, data_digest, 0), together)[0]):
        fixed |= {name: donor.point[name] for name in donor.point if name in _SIZING or name not in FACTORS}
    # Weights learnt between BatchNormalizations mean nothing without them.
    if study.stage2.batch_normalization or (may_start_warm and donor.recipe.batch_normalization):
        fixed["batch_normalization"] = True
        tuned.discard("batch_normalization")
    if "warm_start" in fixed:
        fixed["warm_start"] = start
    initial = None
    if start != "cold":  # where it is searched the template offers the donor, and each point takes it or not
        initial = WarmStart(
            donor=donor.recipe,
            epoch=donor.epoch,
            mode=start,
            shrink=study.stage2.shrink,
            perturb=study.stage2.perturb,
        )
    template = replace(template_recipe(study, architecture, data_digest, study.stage2.seed), initial=initial)
    always = {name: value for name, value in fixed.items() if name not in {*space.conditions, "warm_start"}}
    return apply_point(template, always)[0], {name: value for name, value in fixed.items() if name not in tuned}


def _within_limits(study: StudyFile, plan: Stage2Plan, first: Sequence[FirstPoint]) -> tuple[FirstPoint, ...]:
    """The values to try first whose networks are within the limits."""
    recipes = [apply_point(plan.template, plan.point(one.values))[0] for one in first]
    return tuple(one for one, over in zip(first, excesses(study, recipes), strict=True) if not over)


def _spaces(study: StudyFile, space: SearchSpace, ranges: Ranges, fixed: dict[str, Any]) -> Spaces:
    spaces = {}
    for name in study.stage2.factors:
        if name in space.factors and name not in fixed and may_apply(name, space.conditions, fixed):
            factor = space.factors[name]
            limits = ranges.get(name) if study.stage2.within == "ranges" else None
            spaces[name] = within_range(name, factor, limits or _whole_range(factor))
    return spaces


def _whole_range(factor: Factor) -> NumericRange | ChoiceRange:
    """The range of a factor that stage 1 did not vary: the whole search space."""
    if factor.low is None or factor.high is None:
        return ChoiceRange(choices=factor.levels, best=factor.reference)
    return NumericRange(low=float(factor.low), high=float(factor.high), best=float(factor.reference))


def _first_values(
    study: StudyFile,
    plan: Stage2Plan,
    whole: SearchSpace,
    spaces: Spaces,
    ranges: Ranges,
    learned: Sequence[FirstPoint],
) -> tuple[FirstPoint, ...]:
    """The values to try first, fitted into the searched space; see `stage2_plan`."""
    narrower = {} if study.stage2.within == "ranges" else ranges  # else the spaces are the ranges
    best = {**whole.reference_values, **plan.donor.point}
    near = {name: _nearest(space, best[name]) for name, space in spaces.items()}
    centre = {
        name: near[name]
        if isinstance(space, CategoricalDistribution)
        else _nearest(space, _middle(whole.factors[name], space, narrower.get(name)))
        for name, space in spaces.items()
    }
    first = [FirstPoint("stage-1 best", plan.applied(near)), *_other_starts(plan, spaces, near)]
    others = [*learned, FirstPoint("prior", whole.prior)]
    inside = [
        (one.origin, {name: _inside(spaces[name], one.values, name, near[name]) for name in spaces}) for one in others
    ]
    for origin, found in (*inside, ("middle of the ranges", centre)):
        values = plan.applied(found)
        if all(values != one.values for one in first):
            first.append(FirstPoint(origin, values))
    return tuple(first)


def _other_starts(plan: Stage2Plan, spaces: Spaces, near: Point) -> list[FirstPoint]:
    """The stage-1 best with every other start that is searched: chance alone might hardly try one of them."""
    space = spaces.get("warm_start")
    starts = map(str, space.choices) if isinstance(space, CategoricalDistribution) else ()
    return [
        FirstPoint(f"stage-1 best, {start}", plan.applied({**near, "warm_start": start}))
        for start in starts
        if start != near["warm_start"]
    ]


def _middle(
    factor: Factor, space: IntDistribution | FloatDistribution, limits: NumericRange | ChoiceRange | None
) -> float:
    low, high = float(space.low), float(space.high)
    if isinstance(limits, NumericRange):
        low, high = max(low, limits.low), min(high, limits.high)
    return middle(low, high, factor.scale)


def _nearest(space: Space, value: Any) -> Any:
    """The nearest value of a distribution."""
    if isinstance(space, CategoricalDistribution):
        return value if value in space.choices else space.choices[0]
    clipped = min(max(value, space.low), space.high)
    if space.step is None:
        return clipped
    stepped = min(on_grid(space.low, space.step, round((clipped - space.low) / space.step)), space.high)
    return stepped if isinstance(space, FloatDistribution) else int(stepped)


def _inside(space: Space, values: Point, name: str, usual: Any) -> Any:
    """A factor's value fitted into a space; the usual one if it has none, or a word that the space lacks."""
    value = values.get(name, usual)
    is_outside = value not in space.choices if isinstance(space, CategoricalDistribution) else isinstance(value, str)
    return usual if is_outside else _nearest(space, value)
