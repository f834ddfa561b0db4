"""The donors and ranges decided on, and the cost of each part of a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from hpo.config.ranges import ChoiceRange
from hpo.config.study import StudyFile
from hpo.recipe.folds import FOLD_ROLES, in_folds
from hpo.recipe.recipe import recipe_from_json
from hpo.results.cost import ComputeEntry, ComputeRole
from hpo.results.decisions import Donor, FactorRange
from hpo.results.read_points import counted_points
from hpo.results.recorded import Recorded
from hpo.stages.ranges_file import edited_ranges
from hpo.storage.decided import Stage1Result, Stage2Plan, folds_of
from hpo.storage.ledger import Compute, compute_by_epoch
from hpo.storage.points import NamedTraining
from hpo.storage.stage_json import claimed_plan, plan_of, result_of
from hpo.storage.tables import PointRow

_FINAL_ROLES: tuple[ComputeRole, ...] = ("before", "equal", "after", "cold_control")
_WITH_DONORS: tuple[ComputeRole, ...] = ("recheck", "after", "folds")


def read_donors(study: StudyFile, recorded: Recorded) -> Iterator[Donor]:
    """The donors that stage 2 has started from."""
    for (name, architecture), stage in recorded.stages.items():
        if name != "stage2" or not study.stage2.may_start_warm:
            continue
        donor = plan_of(stage, Stage2Plan).donor
        yield Donor(
            architecture=architecture,
            point=donor.point,
            epoch=donor.epoch,
            recipe_key=donor.recipe_key,
            objective=donor.objective,
            patch_visits=donor.recipe.patch_visits(donor.epoch),
        )


def read_ranges(study: StudyFile, recorded: Recorded) -> Iterator[FactorRange]:
    """The ranges in force: those that stage 2 opened with, else the file's, else stage 1's own."""
    by_hand = edited_ranges(study)
    for (name, architecture), stage in recorded.stages.items():
        result = result_of(stage, Stage1Result) if name == "stage1" else None
        if result is None:
            continue
        written = result.ranges
        stage2 = recorded.stages.get(("stage2", architecture))
        in_force, is_newer = by_hand.get(architecture, written), False
        if stage2 is not None:
            in_force = plan_of(stage2, Stage2Plan).ranges
            is_newer = (stage.closed_at or 0.0) > stage2.opened_at
        for factor, limits in in_force.items():
            yield FactorRange(
                architecture=architecture,
                factor=factor,
                low=None if isinstance(limits, ChoiceRange) else limits.low,
                high=None if isinstance(limits, ChoiceRange) else limits.high,
                values=tuple(limits.choices) if isinstance(limits, ChoiceRange) else (),
                best=limits.best,
                edited=limits != written.get(factor) and not is_newer,
                outdated=limits != written.get(factor) and is_newer,
            )


def read_compute(study: StudyFile, recorded: Recorded) -> Iterator[ComputeEntry]:
    """The cost of each part; an epoch that several parts share counts once, for the reference if it needs it."""
    spent = compute_by_epoch(recorded.epochs)
    for architecture in study.architecture_specs:
        counted: set[tuple[str, int]] = set()
        confirmed = recorded.points.get(("confirm", architecture), ())
        of_role = {role: [row for row in confirmed if row.label["role"] == role] for role in _FINAL_ROLES}
        # The reference would be trained in any case, so what it shares with the search counts for it.
        parts: list[tuple[ComputeRole, list[PointRow]]] = [
            ("before", of_role["before"]),
            ("equal", of_role["equal"]),
            ("stage1", list(recorded.points.get(("stage1", architecture), ()))),
            ("stage2", counted_points(study, "stage2", recorded.points.get(("stage2", architecture), ()))),
            ("recheck", list(recorded.points.get(("recheck", architecture), ()))),
            ("after", of_role["after"]),
            ("cold_control", of_role["cold_control"]),
            ("folds", [row for row in confirmed if row.label["role"] in FOLD_ROLES]),
        ]
        for role, points in parts:
            stage = recorded.stages.get(("stage2" if role == "stage2" else "recheck", architecture))
            folds = folds_of(claimed_plan(stage)) if stage is not None and role in ("stage2", "recheck") else ()
            has_donors = role in _WITH_DONORS or bool(folds)  # the donors of trainings in folds are in the folds too
            most = None if has_donors else 1
            trainings = [one for row in points for one in _trainings(row, folds, most)]
            alone = [one for row in points if row.state == "complete" for one in _trainings(row, folds, most)]
            needed = {(recipe.key, epoch) for recipe, epochs in trainings for epoch in range(1, epochs + 1)} - counted
            counted |= needed
            if points:
                yield ComputeEntry(
                    architecture=architecture,
                    role=role,
                    spent=sum((spent[epoch] for epoch in needed if epoch in spent), Compute()),
                    unshared_patch_visits=sum(recipe.patch_visits(epochs) for recipe, epochs in alone),
                )


def _trainings(row: PointRow, folds: Sequence[str], most: int | None) -> list[NamedTraining]:
    """The trainings of a point, in each fold where there are any, and of so many of its ancestors.

    With patience a training may have ended before its planned epochs.
    """
    if row.recipe is None:
        return []
    epochs = len(row.curve or ()) if row.state == "complete" else row.epochs or 0
    return [
        training
        for one in in_folds(recipe_from_json(row.recipe), folds)
        for training in islice(one.lineage(epochs), most)
    ]
