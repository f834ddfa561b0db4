"""Stage 1's trainings: one line a recipe, a mark for each design point that was read from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import learning_curves
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study

OPTIONS = PanelSettings(panel="learning_curves")


def test_points_that_differ_in_their_epochs_alone_are_marks_on_one_line(finished: StudyResults) -> None:
    read = learning_curves.read(finished, OPTIONS)
    assert [plot.architecture for plot in read.plots] == list(finished.settings.architectures)
    for plot in read.plots:
        (shared,) = (training for training in plot.trainings if len(training.read_at) > 1)
        points = [
            trial
            for trial in finished.trials
            if (trial.stage, trial.architecture) == ("stage1", plot.architecture)
            and {**trial.point, "epochs": 0} == {**finished.settings.reference, "epochs": 0}
        ]
        assert shared.read_at == sorted(int(trial.point["epochs"]) for trial in points) == [5, 10, 20, 40]
        for trial in points:
            value = shared.values[shared.epochs.index(int(trial.point["epochs"]))]
            assert value == pytest.approx(trial.metrics["valid_auc"], abs=1e-5)
        assert shared.epochs == list(range(1, 41))


def test_the_finding_tells_how_many_epochs_sharing_saved(finished: StudyResults) -> None:
    read = learning_curves.read(finished, OPTIONS)
    first = [trial for trial in finished.trials if trial.stage == "stage1"]
    keys = {trial.recipe_key for trial in first}
    alone = sum(int(trial.point["epochs"]) for trial in first)
    trained = sum(max(int(trial.point["epochs"]) for trial in first if trial.recipe_key == key) for key in keys)
    assert (len(first), len(keys), alone, trained) == (68, 56, 820, 680)
    assert learning_curves.finding(read) == (
        "68 design points came from 56 trainings, 4 of which served several: that saved 140 of 820 epochs (17%)."
    )


def test_where_nothing_is_shared_it_says_so(finished: StudyResults) -> None:
    trials = tuple(trial for trial in finished.trials if trial.stage == "stage1" and trial.point["epochs"] == 10)
    read = learning_curves.read(replace(finished, trials=trials), OPTIONS)
    assert learning_curves.finding(read) == "56 design points came from 56 trainings: no two of them share one."


def test_a_single_architecture_and_another_metric_can_be_wished(finished: StudyResults) -> None:
    options = PanelSettings(panel="learning_curves", architecture="model3", metric="accuracy")
    read = learning_curves.read(finished, options)
    assert (read.metric, [plot.architecture for plot in read.plots], read.points) == ("accuracy", ["model3"], 17)
    figure = learning_curves.draw(read, LOOKS)
    assert {trace.line.color for trace in figure.data if trace.mode == "lines"} > {
        LOOKS.colour(read.plots[0].architecture)
    }
    assert "of model3: validation accuracy" in learning_curves.title(finished, options)
    with pytest.raises(NotThereError, match="no architecture 'model9'; it has model1, model2, model3 and model4"):
        learning_curves.read(finished, PanelSettings(panel="learning_curves", architecture="model9"))


def test_many_long_trainings_are_thinned_out_but_every_mark_that_is_drawn_stays(finished: StudyResults) -> None:
    curve = tuple({"valid_auc": 0.5 + epoch / 4000} for epoch in range(1, 1001))
    template = finished.trials[0]
    trials = tuple(
        replace(
            template,
            number=number,
            recipe_key=f"{number // 2:064x}",
            curve=curve[: 777 - number // 2 if number % 2 else 1000],
            point={**template.point, "learning_rate": 0.001 * (number // 2), "epochs": 777 if number % 2 else 1000},
        )
        for number in range(200)
    )
    read = learning_curves.read(replace(finished, trials=trials), OPTIONS)
    (plot,) = read.plots
    assert (read.trainings, len(plot.trainings)) == (100, learning_curves.MOST_LINES)
    assert all(len(training.epochs) <= learning_curves.MOST_EPOCHS + 2 for training in plot.trainings)
    assert all(set(training.read_at) <= set(training.epochs) for training in plot.trainings)
    assert "Drawn are 30 of 100 trainings" in learning_curves.explain(read)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>", "plain"), seeds=(0,))
    figure = learning_curves.draw(learning_curves.read(study, OPTIONS), LOOKS)
    assert "<b>" not in figure.to_json()
    assert [note.text for note in figure.layout.annotations] == ["&lt;b&gt;bold&lt;/b&gt;", "plain"]


def test_it_waits_for_stage_1(empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-1 trial has finished yet\."):
        learning_curves.read(empty, OPTIONS)


def test_of_stage_2_it_shows_where_trainings_paused(finished: StudyResults) -> None:
    options = PanelSettings(panel="learning_curves", stage="stage2", architecture="model2")
    of = ("stage2", "model2", "complete")
    second = [trial for trial in finished.trials if (trial.stage, trial.architecture, trial.state) == of]
    first, *others = second
    paused = replace(first, paused_at=(1, 3))
    results = replace(finished, trials=(paused, *others))
    read = learning_curves.read(results, options)
    (plot,) = read.plots
    assert [training.read_at for training in plot.trainings if len(training.read_at) > 1] == [[1, 3, len(first.curve)]]
    assert learning_curves.title(results, options) == "Stage 2's trainings of model2: validation AUC over the epochs"
    assert learning_curves.finding(read).startswith(f"Of {len(second)} trainings, 1 went on from a pause; ")
    assert "paused or ended" in learning_curves.explain(read)
    assert {trace.name for trace in learning_curves.draw(read, LOOKS).data} >= {"went on", "did not"}


def test_the_longest_and_shortest_training_count_whether_they_are_drawn_or_not(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2" and trial.architecture == "model2")
    lengths = [5] * 60
    lengths[1], lengths[58] = 19, 2  # next to the ends of the ranking, where half of the trainings are left out
    trials = tuple(
        replace(
            template,
            recipe_key=str(rank),
            curve=tuple({"valid_auc": 0.9 - rank / 1000} for _ in range(length)),
        )
        for rank, length in enumerate(lengths)
    )
    options = PanelSettings(panel="learning_curves", stage="stage2", architecture="model2")
    read = learning_curves.read(replace(finished, trials=trials), options)
    drawn = {training.read_at[-1] for plot in read.plots for training in plot.trainings}
    assert drawn == {5}, "both are left out"
    assert learning_curves.finding(read) == (
        "Of 60 trainings, 0 went on from a pause; the longest took 19 epochs, the shortest 2."
    )
