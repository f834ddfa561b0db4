"""The factor `warm_start`: stage 2 may tune where a training starts from, and what cannot be meant is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.config.as_planned import as_planned, find_study
from hpo.config.load import load_study
from hpo.config.ranges import load_ranges
from hpo.stages.plan import determining_settings
from tests.config.samples import Change, refusal
from tests.config.test_own_factors import LIST, MINE, WIDTH
from tests.config.test_own_factors import write as write_own

Write = Callable[..., Path]

LAST = "  momentum: {reference: 0.9}\n"
LEVELS = "  warm_start: {reference: cold, levels: [cold, warm, shrink_perturb]}\n"
FACTOR: Change = (LAST, LAST + LEVELS)
STAGE2 = "stage2:\n"
TUNED: Change = (STAGE2, "stage2:\n  factors: [learning_rate, warm_start]\n")


def tuned_with(lines: str) -> Change:
    return STAGE2, f"{TUNED[1]}{lines}"


def test_stage_2_tunes_where_trainings_start(write_study: Write) -> None:
    study = load_study(write_study(TUNED, space=(FACTOR,)))
    assert (study.stage2.tunes_start, study.stage2.may_start_warm) == (True, True)
    assert study.space.reference["warm_start"] == "cold"


@pytest.mark.parametrize(("start", "may"), [("cold", False), ("warm", True), ("shrink_perturb", True)])
def test_a_search_space_may_have_the_factor_for_other_studies(write_study: Write, start: str, may: bool) -> None:
    study = load_study(write_study((STAGE2, f"stage2:\n  warm_start: {start}\n"), space=(FACTOR,)))
    assert (study.stage2.tunes_start, study.stage2.may_start_warm) == (False, may)


@pytest.mark.parametrize("options", ["shrink: 0.3", "perturb: 0.2", "other_shapes: fresh"])
def test_the_options_of_every_start_that_is_tried_may_be_given(write_study: Write, options: str) -> None:
    load_study(write_study(tuned_with(f"  {options}\n"), space=(FACTOR,)))


@pytest.mark.parametrize(
    ("change", "factor", "error"),
    [
        (
            ("[epochs, batch_size, patches, learning_rate, strategy]", "[epochs, warm_start]"),
            LEVELS,
            "8 stage1.factors.1: stage 1 trains from random weights, and warm_start is tuned in stage 2: name it in "
            "stage2.factors",
        ),
        (
            tuned_with("  warm_start: cold\n"),
            LEVELS,
            "10 stage2.factors.1: warm_start is tuned here, and set by stage2.warm_start: cold; leave out one of them",
        ),
        (
            tuned_with("  warm_start: warm\n"),
            LEVELS,
            "10 stage2.factors.1: warm_start is tuned here, and set by stage2.warm_start: warm; leave out one of them",
        ),
        (
            TUNED,
            "  warm_start: {reference: cold}\n",
            "10 stage2.factors.1: stage 2 needs at least two levels of 'warm_start' in space.yaml; found 1",
        ),
        (
            tuned_with("  shrink: 0.3\n"),
            "  warm_start: {reference: cold, levels: [cold, warm]}\n",
            "11 stage2.shrink: is only used with shrink_perturb; the levels of warm_start in space.yaml are cold, warm",
        ),
    ],
)
def test_what_a_study_cannot_mean_is_refused(write_study: Write, change: Change, factor: str, error: str) -> None:
    assert refusal(load_study, write_study(change, space=((LAST, LAST + factor),))) == [error]


@pytest.mark.parametrize(
    ("factor", "error"),
    [
        (
            "{reference: warm, levels: [cold, warm]}",
            "factors.warm_start.reference: must be cold, because the reference point and stage 1 start from random "
            'weights; list others as levels; found "warm"',
        ),
        (
            "{reference: cold, levels: [cold, hot]}",
            'factors.warm_start.levels.1: found "hot"; allowed: cold, shrink_perturb, warm',
        ),
        (
            "{reference: cold, levels: [cold, warm], only_if: {strategy: step}}",
            "factors.warm_start.only_if: every training starts from some weights; leave this out",
        ),
    ],
)
def test_what_a_search_space_cannot_mean_is_refused(write_study: Write, factor: str, error: str) -> None:
    (line,) = refusal(load_study, write_study(TUNED, space=((LAST, f"{LAST}  warm_start: {factor}\n"),)))
    assert line.split(" ", 1)[1] == error


def test_another_factor_may_apply_to_warm_starts_only_and_stage_1_has_none(write_study: Write) -> None:
    blur = f"{LAST}{LEVELS}  blur: {{reference: 1, levels: [1, 2], only_if: {{warm_start: warm}}}}\n"
    both = (STAGE2, "stage2:\n  factors: [blur, warm_start]\n")
    load_study(write_study(both, space=((LAST, blur),)))
    load_study(write_study((STAGE2, "stage2:\n  factors: [learning_rate, blur]\n"), space=((LAST, blur),)))
    explored = ("[epochs, batch_size, patches, learning_rate, strategy]", "[epochs, blur]")
    assert refusal(load_study, write_study(explored, both, space=((LAST, blur),))) == [
        "8 stage1.factors.1: blur applies only if warm_start is warm, and stage 1 keeps warm_start at cold; leave blur "
        "out"
    ]


def test_shapes_of_weights_are_tuned_with_fresh_layers_or_from_random_weights_alone(tmp_path: Path) -> None:
    tuned = ("stage2:\n", "stage2:\n  factors: [width, warm_start]\n")
    assert refusal(load_study, write_own(tmp_path, (LIST, MINE), tuned, space=WIDTH + LEVELS)) == [
        "10 stage2.factors.0: width may change the shapes of weights, and warm_start takes them from one training of "
        "stage 1, whose shape would have a head start; leave warm_start out of them and set stage2.warm_start to cold, "
        "or stage2.other_shapes to fresh, or tune it in stage 1 alone"
    ]
    fresh = ("stage2:\n", f"{tuned[1]}  other_shapes: fresh\n")
    load_study(write_own(tmp_path, (LIST, MINE), fresh, space=WIDTH + LEVELS))


def test_an_argument_of_that_name_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def net(shape, warm_start=1): ...\n")
    mine = (LIST, "architectures: [{name: mine, function: 'own:net'}]")
    (error,) = refusal(load_study, write_own(tmp_path, mine, space=LEVELS))
    assert error.endswith(
        "own:net has an argument 'warm_start', which is a factor of the training too; rename it there"
    )


def test_ranges_edited_by_hand_may_narrow_it_only_where_it_is_tuned(write_study: Write, tmp_path: Path) -> None:
    edited = tmp_path / "ranges.yaml"
    edited.write_text("architectures: {model2: {warm_start: {choices: [warm], best: warm}}}\n")
    tuned = load_study(write_study(TUNED, space=(FACTOR,)))
    assert load_ranges(edited, tuned)["model2"]["warm_start"].best == "warm"
    fixed = load_study(write_study(space=(FACTOR,)))
    (error,) = refusal(load_ranges, edited, fixed)
    assert error.endswith("is not tuned: stage2.warm_start says how all trainings of stage 2 start; take it out")


def test_what_the_database_recorded_is_the_study_again(write_study: Write) -> None:
    file = write_study(TUNED, space=(FACTOR,))
    recorded = determining_settings(load_study(file), "digest")
    planned = as_planned(find_study(file), recorded)
    assert planned.stage2.tunes_start
    assert determining_settings(planned, "digest") == recorded
