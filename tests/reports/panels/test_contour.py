"""The objective over two factors, interpolated between the trials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import contour, importance
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from tests.reports.looks import LOOKS
from tests.results.invented import REFERENCE, invent_study

FACTORS = ("batch_size", "learning_rate")
OPTIONS = PanelSettings(panel="contour", architecture="model1", factors=FACTORS)


def _plane(study: StudyResults, amount: int, seed: int = 0) -> tuple[TrialResult, ...]:
    """Trials whose objective is a plane over the logarithms of two factors, the corners among them."""
    random = np.random.default_rng(seed)
    places = np.vstack([[(0, 0), (0, 1), (1, 0), (1, 1)], random.random((amount - 4, 2))])
    template = next(trial for trial in study.trials if trial.stage == "stage2")
    return tuple(
        replace(
            template,
            number=number,
            objective=float(0.5 + 0.2 * across + 0.1 * up),
            point={**template.point, "momentum": float(across), "learning_rate": float(0.001 * 100**up)},
        )
        for number, (across, up) in enumerate(places)
    )


def test_the_surface_is_linear_on_the_axes_own_scales(finished: StudyResults) -> None:
    study = replace(finished, trials=_plane(finished, 60))
    options = PanelSettings(panel="contour", architecture="model1", factors=("momentum", "learning_rate"))
    read = contour.read(study, options)
    assert (read.x.log, read.y.log) == (False, True)
    assert read.surface is not None
    share = np.linspace(0, 1, contour.GRID)
    expected = 0.5 + 0.2 * share[None, :] + 0.1 * share[:, None]
    known = ~np.isnan(read.surface)
    assert known.mean() > 0.95
    np.testing.assert_allclose(read.surface[known], expected[known], atol=1e-9)
    figure = contour.draw(read, LOOKS)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("linear", "log")
    assert (figure.data[0].y[0], figure.data[0].y[-1]) == (0.001, 0.1)


def test_trials_at_one_place_count_as_their_mean(finished: StudyResults) -> None:
    first = _plane(finished, 20)
    twice = tuple(replace(trial, number=trial.number + 100, objective=(trial.objective or 0) + 0.2) for trial in first)
    options = PanelSettings(panel="contour", architecture="model1", factors=("momentum", "learning_rate"))
    alone, both = (contour.read(replace(finished, trials=trials), options).surface for trials in (first, first + twice))
    assert alone is not None
    assert both is not None
    np.testing.assert_allclose(both, alone + 0.1, atol=1e-9)


def test_many_trials_are_averaged_in_cells_and_some_of_them_drawn(finished: StudyResults) -> None:
    options = PanelSettings(panel="contour", architecture="model1", factors=("momentum", "learning_rate"))
    read = contour.read(replace(finished, trials=_plane(finished, 3000)), options)
    assert read.averaged
    assert len(read.dots) == contour.MOST_TRIALS
    assert read.surface is not None
    share = np.linspace(0, 1, contour.GRID)
    expected = 0.5 + 0.2 * share[None, :] + 0.1 * share[:, None]
    known = ~np.isnan(read.surface)
    assert known.mean() > 0.8
    np.testing.assert_allclose(read.surface[known], expected[known], atol=1e-9)  # means of a plane lie on it
    assert "Between averages of neighbours" in contour.explain(read)
    assert "200 of the marks are drawn" in contour.explain(read)


def test_by_default_the_two_numbers_that_matter_most_are_shown(finished: StudyResults) -> None:
    read = contour.read(finished, PanelSettings(panel="contour", architecture="model2"))
    shares = importance.read(finished, PanelSettings(panel="importance")).architectures[1].shares
    assert [read.x.factor, read.y.factor] == sorted(shares, key=lambda name: -shares[name])[:2]


def test_the_best_trial_is_named(finished: StudyResults) -> None:
    read = contour.read(finished, OPTIONS)
    done = [trial for trial in finished.trials if (trial.stage, trial.architecture) == ("stage2", "model1")]
    best = max(done, key=lambda trial: trial.objective or 0)
    assert contour.finding(read) == (
        f"The best of model1's 13 trials, AUC {best.objective:.3f}, has batch size {best.point['batch_size']} and "
        f"learning rate {best.point['learning_rate']:.3g}."
    )
    large = contour.draw(read, LOOKS).data[-1]
    assert (large.x, large.y) == ((best.point["batch_size"],), (best.point["learning_rate"],))
    assert large.marker.color == LOOKS.colour(read.architecture)


def test_of_one_factor_at_a_time_only_trials_along_the_two_axes_count(finished: StudyResults) -> None:
    options = PanelSettings(panel="contour", architecture="model1", factors=FACTORS, stage="stage1")
    read = contour.read(finished, options)
    others = [name for name in REFERENCE if name not in FACTORS]
    along = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture) == ("stage1", "model1")
        and all(trial.point[name] == REFERENCE[name] for name in others)
    ]
    assert read.trials == len(along) == 4 + 5 - 1
    assert "all other factors at their reference" in contour.explain(read)


def test_trials_on_a_line_have_no_surface(finished: StudyResults) -> None:
    trials = tuple(
        replace(trial, point={**trial.point, "momentum": number / 4, "stain_jitter": number / 8})
        for number, trial in enumerate(_plane(finished, 5))
    )
    options = PanelSettings(panel="contour", architecture="model1", factors=("momentum", "stain_jitter"))
    read = contour.read(replace(finished, trials=trials), options)
    assert read.surface is None
    assert "no surface between them" in contour.explain(read)
    assert [trace.type for trace in contour.draw(read, LOOKS).data] == ["scatter", "scatter"]


def test_bright_is_better_for_a_loss_too(finished: StudyResults) -> None:
    objective = replace(finished.settings.objective, metric="loss")
    study = replace(finished, settings=replace(finished.settings, objective=objective))
    assert contour.draw(contour.read(study, OPTIONS), LOOKS).data[0].reversescale
    assert not contour.draw(contour.read(finished, OPTIONS), LOOKS).data[0].reversescale


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>",), seeds=(0,))
    assert "<b>" not in contour.draw(contour.read(study, PanelSettings(panel="contour")), LOOKS).to_json()


def test_what_is_missing_is_said(empty: StudyResults, finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-2 trial has finished yet\."):
        contour.read(empty, PanelSettings(panel="contour"))
    words = PanelSettings(panel="contour", architecture="model1", factors=("strategy", "epochs"), stage="stage1")
    with pytest.raises(
        NotThereError, match=r"two different numbers .* vary; learning-rate strategy and epochs are not\."
    ):
        contour.read(finished, words)
