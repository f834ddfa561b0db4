"""What reports say where stage 2 searched from which weights its trainings start."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import plotly.graph_objects as go
import pytest

from hpo.config.dashboard import PanelName, PanelSettings
from hpo.reports.html import table
from hpo.reports.optuna_dashboard.note import Context, write_note
from hpo.reports.panel import NotThereError, panel_named
from hpo.reports.panels import cold_control, donors, lineage, slices, two_stages, warm_start
from hpo.reports.table import Table
from hpo.results.advice import next_steps
from hpo.results.importance import importances
from hpo.results.settings import FactorSettings
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import varied_factors
from tests.reports.looks import LOOKS
from tests.reports.test_panels import PANELS
from tests.results.invented import folded, searched_in_folds, several, stages_changed

STARTS = ("cold", "warm", "shrink_perturb")


def options(panel: PanelName) -> PanelSettings:
    more = {"factor": "batch_size"} if panel == "factor_effect" else {}
    return PanelSettings.model_validate({"panel": panel, **more})


@pytest.fixture
def searched(finished: StudyResults) -> StudyResults:
    """The same study, whose trials of stage 2 start in turn cold, warm, and shrunk; model1 was chosen cold."""
    turn = cycle(STARTS)

    def started(trial: TrialResult) -> TrialResult:
        start = next(turn) if trial.stage == "stage2" else "cold"
        return replace(
            trial, point={**trial.point, "warm_start": start}, donor=None if start == "cold" else trial.donor
        )

    settings = stages_changed(finished.settings, stage2={"factors": ("learning_rate", "warm_start")})
    factors = {**settings.factors, "warm_start": FactorSettings("warm_start", "cold", STARTS)}
    trials = [started(trial) for trial in finished.trials]
    of_model1 = [one for one in trials if (one.architecture, one.stage, one.donor) == ("model1", "stage2", None)]
    trials = [replace(one, objective=0.99) if one is of_model1[0] else one for one in trials]
    finals = [
        replace(
            one,
            point={
                **one.point,
                "warm_start": "warm" if one.role == "after" and one.architecture != "model1" else "cold",
            },
            donor=one.donor if one.architecture != "model1" else None,
        )
        for one in finished.confirmations
        if (one.architecture, one.role) != ("model1", "cold_control")
    ]
    return replace(
        finished, settings=replace(settings, factors=factors), trials=tuple(trials), confirmations=tuple(finals)
    )


def all_cold(results: StudyResults) -> StudyResults:
    finals = (replace(one, donor=None) for one in results.confirmations if one.role != "cold_control")
    return replace(results, confirmations=tuple(finals))


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_draws_it(searched: StudyResults, name: PanelName) -> None:
    changes = {"folds": folded, "search_folds": searched_in_folds}
    if name in ("front", "front_table", "hypervolume"):
        searched = several(searched, "parameters")
    panel, searched = panel_named(name), changes.get(name, lambda results: results)(searched)
    read = panel.read(searched, options(name))
    drawing = panel.draw(read, LOOKS)
    assert isinstance(drawing, go.Figure | Table) or drawing.startswith("<div")
    assert panel.finding(read).endswith(".")
    assert panel.explain(read).endswith(".")


def test_the_start_is_a_factor_like_any_other(searched: StudyResults) -> None:
    trials = searched.finished("stage2", "model2")
    assert "warm_start" in varied_factors(trials)
    assert "warm_start" in importances(searched.settings, trials)
    figure = slices.draw(slices.read(searched, options("slices")), LOOKS)
    assert "shrink perturb" in figure.to_json()


def test_what_stage_2_starts_from_is_said_as_a_choice(searched: StudyResults) -> None:
    text = two_stages.draw(two_stages.read(searched, options("two_stages")), LOOKS)
    assert "random initial weights or stage 1&#x27;s, as searched" in text or "or stage 1's, as searched" in text
    read = donors.read(searched, options("donors"))
    assert donors.finding(read).startswith("Stage 2's warm starts begin at validation AUC: model1 from epoch 40")
    assert donors.explain(read) == (
        "Trials of stage 2 that are not cold start from these stage-1 weights, taken as they are (warm) or shrunk and "
        "perturbed (Ash and Adams 2020)."
    )
    assert searched.donors[0].recipe_key[:12] in table(donors.draw(read, LOOKS))
    note = write_note(searched, "stage2", "model2", Context("pcam", {}, []))
    assert "from random weights or stage 1's best, as each trial's warm start says" in note


def test_a_cold_choice_does_not_grow_from_the_donor(searched: StudyResults) -> None:
    read = lineage.read(searched, options("lineage"))
    assert [tree.is_cold for tree in read.trees if tree.architecture == "model1"] == [True]
    one = lineage.draw(read._replace(trees=read.trees[:1]), LOOKS)
    donor = one.index(searched.donors[0].recipe_key[:8])
    assert one.index("Stage 2: best of 13 trials") > one.index("</li>", donor)
    assert lineage.finding(read) == (
        "Behind each of the 12 tuned final models lie 40 epochs of its own and, for 9 of them, 40 epochs of a donor "
        "trained with its own seed; a reference model has 40 epochs from random weights."
    )


def test_warm_is_compared_with_cold_where_the_choice_is_warm(searched: StudyResults) -> None:
    read = warm_start.read(searched, options("warm_start"))
    assert [start.architecture for start in read.starts] == ["model2", "model3", "model4"]
    rows = cold_control.read(searched, options("cold_control")).rows
    assert [row.name for row in rows] == ["model2", "model3", "model4"]
    cold = all_cold(searched)
    with pytest.raises(NotThereError, match="Every configuration that stage 2 chose starts from random weights"):
        warm_start.read(cold, options("warm_start"))
    with pytest.raises(NotThereError, match="Every tuned configuration starts from random weights"):
        cold_control.read(cold, options("cold_control"))


def test_advice_on_a_needless_warm_start_names_the_factor(searched: StudyResults) -> None:
    after = {(one.architecture, one.seed): one for one in searched.confirmations if one.role == "after"}
    same = tuple(
        replace(one, test_probabilities=after[one.architecture, one.seed].test_probabilities)
        if one.role == "cold_control"
        else one
        for one in searched.confirmations
    )
    (sentence,) = [one for one in next_steps(replace(searched, confirmations=same), "auc") if "cold start" in one]
    assert "tuned settings of model2, model3 and model4 do as well" in sentence
    assert "(stage2.warm_start: cold, with warm_start taken out of stage2.factors)" in sentence
