"""The recheck: the best of stage 2 are trained again with fresh seeds, and the mean over these chooses.

The best of many trainings with one seed each is partly the luckiest: its own value promises too much, and another one
may be better. What chooses here has seen neither the seeds that stage 2 chose by nor those that the test will judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, islice
from statistics import fmean

from hpo.config.study import StudyFile
from hpo.evaluation.front import Objectives, metric_value, objectives_of
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.recipe import recipe_from_json, reseeded
from hpo.stages.plan import planned, with_donor
from hpo.stages.steps import choice_of, longest_rows, ranked_choices
from hpo.storage.decided import RecheckPlan, RecheckResult
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow


def ranked(objective: Objective, rows: Sequence[PointRow]) -> list[PointRow]:
    """Complete points of stage 2, best first: one per configuration, after its most epochs.

    Configurations differ in more than their seed. Of equals the one planned first comes first.
    """
    complete = [row for row in longest_rows(rows) if row.objective is not None and row.recipe is not None]
    best_first = sorted(complete, key=lambda row: -objective.gain(row.objective or 0.0))
    of_configuration: dict[str, PointRow] = {}
    for row in best_first:
        of_configuration.setdefault(reseeded(recipe_from_json(row.recipe or {}), 0).key, row)
    return list(of_configuration.values())


def recheck_points(
    study: StudyFile,
    rows: Sequence[PointRow],
    earlier: Sequence[int] = (),
    values: Mapping[int, tuple[float, ...]] | None = None,
    folds: tuple[str, ...] = (),
) -> tuple[RecheckPlan, list[DesignPoint]]:
    """The trainings that choose among the best of stage 2.

    Args:
        study: sets their number, and supplies the seeds in use.
        rows: the design points of stage 2.
        earlier: the seeds of a recheck that is decided again: they stay, and with them what was trained.
        values: of each objective, by the trial's id in the database, where there are several: the candidates are then
            the first of their front, by the rule.
        folds: of stage 2, in which each training is repeated too.

    Returns:
        The plan, and a point for each candidate and seed, as long as the candidate was trained in stage 2; a seed
        repeats the donor too.
    """
    settings = study.stage2.recheck
    top, seeds = (settings.top, settings.seeds) if settings is not None else (0, 0)
    objectives, best_first = objectives_of(study), ranked(objective_of(study), rows)
    choices = (
        [choice_of(row) for row in best_first]
        if objectives is None
        else ranked_choices(objectives, best_first, values or {})
    )
    candidates = tuple(choices[:top])
    plan = RecheckPlan(candidates, fresh_seeds(study, seeds, earlier), folds)
    points = [
        with_donor(
            planned(
                reseeded(one.recipe, seed),
                {**one.point, "epochs": one.epochs},
                key=f"{number}:{seed}",
                label={"candidate": number, "seed": seed},
            )
        )
        for seed in plan.seeds
        for number, one in enumerate(plan.candidates)
    ]
    return plan, points


def fresh_seeds(study: StudyFile, amount: int, earlier: Sequence[int] = ()) -> tuple[int, ...]:
    """Seeds that neither the search nor the final trainings of a study use, those of an earlier recheck first.

    If a final training has come to use one of the earlier ones, another one takes its place.
    """
    kept = [seed for seed in earlier if seed not in study.confirm.seeds]
    taken = {study.stage1.seed, study.stage2.seed, *study.confirm.seeds, *kept}
    return (*kept, *islice((seed for seed in count() if seed not in taken), amount))[:amount]


def recheck_result(study: StudyFile, plan: RecheckPlan, rows: Sequence[PointRow]) -> RecheckResult:
    """The choice: the candidate with the best mean over the fresh seeds, by validation.

    One that failed with a seed comes behind those that did not. Where every training failed, stage 2's own best.
    """
    objectives = objectives_of(study)
    if objectives is not None:
        chosen = _chosen_of_front(objectives, plan, rows)
        return RecheckResult(plan.candidates[chosen], chosen)
    gain = objective_of(study).gain

    def standing(number: int) -> tuple[int, float]:
        values = fresh_values(number, rows)
        return len(values), gain(fmean(values)) if values else 0.0

    chosen = max(range(len(plan.candidates)), key=standing)
    return RecheckResult(plan.candidates[chosen], chosen)


def _chosen_of_front(objectives: Objectives, plan: RecheckPlan, rows: Sequence[PointRow]) -> int:
    """The candidate that the rule chooses by the mean metrics over the fresh seeds.

    Those with most complete trainings are compared; each keeps the quantities that it had in stage 2.
    """
    curves = {
        number: [
            row.curve for row in rows if row.label["candidate"] == number and row.state == "complete" and row.curve
        ]
        for number in range(len(plan.candidates))
    }
    most = max(len(found) for found in curves.values())
    compared = [number for number, found in curves.items() if len(found) == most]
    values = []
    for number in compared:
        known = dict(zip(objectives.names, plan.candidates[number].values, strict=True))
        for metric in objectives.metrics if most else ():
            known[metric] = fmean(metric_value(objectives.objective, curve, metric) for curve in curves[number])
        values.append(tuple(known[name] for name in objectives.names))
    return compared[objectives.ranked(values)[0]]


def fresh_values(candidate: int, rows: Sequence[PointRow]) -> list[float]:
    """The objectives of a candidate's complete trainings with fresh seeds."""
    return [
        row.objective
        for row in rows
        if row.label["candidate"] == candidate and row.state == "complete" and row.objective is not None
    ]
