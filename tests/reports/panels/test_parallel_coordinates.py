"""The trials of one architecture as lines through their factors."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.recipe.point import Value
from hpo.reports.panel import NotThereError
from hpo.reports.panels import parallel_coordinates
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study

OPTIONS = PanelSettings(panel="parallel_coordinates", architecture="model2")
STAGE_1 = PanelSettings(panel="parallel_coordinates", architecture="model2", stage="stage1")


def test_a_line_goes_through_a_trials_values_best_first(finished: StudyResults) -> None:
    read = parallel_coordinates.read(finished, OPTIONS)
    done = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture, trial.state) == ("stage2", "model2", "complete")
    ]
    ranked = sorted(done, key=lambda trial: -(trial.objective or 0))
    assert [path.number for path in read.paths] == [trial.number for trial in ranked]
    assert [axis.factor for axis in read.axes] == ["batch_size", "patches", "learning_rate", ""]
    rates = [float(trial.point["learning_rate"]) for trial in done]
    for path, trial in zip(read.paths, ranked, strict=True):
        share = math.log(float(trial.point["learning_rate"]) / min(rates)) / math.log(max(rates) / min(rates))
        assert path.places[2] == pytest.approx(share, abs=1e-4)
    assert (read.paths[0].places[-1], read.paths[-1].places[-1]) == (1, 0)
    assert [path.fifth for path in read.paths] == [5 * rank // 13 for rank in range(13)]


def test_the_best_architecture_is_shown_unless_another_is_wished(finished: StudyResults) -> None:
    best = parallel_coordinates.read(finished, PanelSettings(panel="parallel_coordinates"))
    assert best.architecture == finished.best_architecture
    with pytest.raises(NotThereError, match="no architecture 'model9'"):
        parallel_coordinates.read(finished, PanelSettings(panel="parallel_coordinates", architecture="model9"))


def test_before_final_trainings_the_best_trial_decides(finished: StudyResults) -> None:
    trials = tuple(
        replace(trial, objective=1.0) if trial.architecture == "model1" and trial.number == 3 else trial
        for trial in finished.trials
    )
    study = replace(finished, trials=trials, confirmations=())
    assert parallel_coordinates.read(study, PanelSettings(panel="parallel_coordinates")).architecture == "model1"


def test_the_finding_names_the_factor_that_the_best_agree_on_most(finished: StudyResults) -> None:
    template = next(trial for trial in finished.trials if trial.stage == "stage2" and trial.architecture == "model2")
    trials = tuple(
        replace(
            template,
            number=number,
            objective=0.9 - abs(number - 20) / 1000,
            point={**template.point, "batch_size": 16 + number, "patches": 4000 + 97 * ((number * 31) % 41)},
        )
        for number in range(41)
    )
    read = parallel_coordinates.read(replace(finished, trials=trials), OPTIONS)
    assert (read.narrowest.factor, read.narrowest.trials, read.narrowest.trimmed) == ("batch_size", 9, False)
    share = math.log(40 / 32) / math.log(56 / 16)
    assert parallel_coordinates.finding(read) == (
        "The best fifth of model2's 41 trials (AUC 0.896 or better) agree most on batch size: all have 32 to 40, "
        f"{share:.0%} of the axis."
    )


def test_words_lie_evenly_on_their_axis(finished: StudyResults) -> None:
    read = parallel_coordinates.read(finished, STAGE_1)
    row = next(row for row, axis in enumerate(read.axes) if axis.factor == "strategy")
    assert {path.places[row] for path in read.paths} == {0, round(1 / 3, 4), round(2 / 3, 4), 1}


def test_better_lines_are_thicker_and_the_best_is_drawn_last(finished: StudyResults) -> None:
    read = parallel_coordinates.read(finished, OPTIONS)
    lines = [trace for trace in parallel_coordinates.draw(read, LOOKS).data if "lines" in trace.mode]
    assert [trace.name for trace in lines if trace.showlegend] == [
        "worst fifth",
        "best fifth",
        f"best: trial {read.paths[0].number}",
    ]
    widths = [trace.line.width for trace in lines]
    assert widths == sorted(widths)
    assert (lines[-1].line.color, lines[-1].marker.symbol) == (
        LOOKS.colour(read.architecture),
        LOOKS.symbol(read.architecture),
    )
    assert list(lines[-1].x)[:-1] == read.paths[0].places


def test_few_and_many_trials(finished: StudyResults) -> None:
    few = tuple(trial for trial in finished.trials if trial.stage == "stage1" or trial.number < 4)
    read = parallel_coordinates.read(replace(finished, trials=few), OPTIONS)
    assert parallel_coordinates.finding(read) == "model2 has 4 trials: too few to tell what the best ones share."
    template = next(trial for trial in finished.trials if trial.stage == "stage2" and trial.architecture == "model2")
    many = tuple(
        replace(template, number=number, objective=number / 3000, point={**template.point, "patches": number})
        for number in range(3000)
    )
    read = parallel_coordinates.read(replace(finished, trials=many), OPTIONS)
    assert (len(read.paths), read.paths[0].number, read.paths[-1].number) == (250, 2999, 0)
    assert "250 of 3,000 trials are drawn" in parallel_coordinates.explain(read)
    assert "four in five of them have 2,460 to 2,939, 16% of the axis" in parallel_coordinates.finding(read)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>",), seeds=(0,))
    options = PanelSettings(panel="parallel_coordinates")
    assert "<b>" not in parallel_coordinates.draw(parallel_coordinates.read(study, options), LOOKS).to_json()


def test_what_is_missing_is_said(empty: StudyResults, finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match=r"No stage-2 trial of model2 has finished yet\."):
        parallel_coordinates.read(empty, OPTIONS)
    with pytest.raises(NotThereError, match=r"No stage-2 trial has finished yet\."):
        parallel_coordinates.read(empty, PanelSettings(panel="parallel_coordinates"))
    same = tuple(replace(trial, point={"epochs": 3}) for trial in finished.trials)
    with pytest.raises(NotThereError, match="of model2 in stage 2 do not differ in any factor"):
        parallel_coordinates.read(replace(finished, trials=same), OPTIONS)


@pytest.mark.parametrize(
    ("of_the_best", "said"),
    [
        ({}, "agree most on optimizer: all have adam."),
        ({1: {"optimizer": "sgd", "momentum": 0.9}}, "agree most on learning rate: all have 0.00764 to 0.0127, 26%"),
    ],
)
def test_the_best_agree_on_no_factor_that_applies_to_some_of_them_only(
    finished: StudyResults, of_the_best: dict[int, dict[str, Value]], said: str
) -> None:
    ranked = sorted(finished.finished("stage2", "model1"), key=lambda trial: -(trial.objective or 0))
    trials = []
    for rank, trial in enumerate(ranked):
        added: dict[str, Value] = {"optimizer": "adam"}
        if rank >= 3:
            added = {"optimizer": "sgd", "momentum": 0.5 + 0.1 * (rank % 4)}
        trials.append(replace(trial, point={**trial.point, **of_the_best.get(rank, added)}))
    options = PanelSettings(panel="parallel_coordinates", architecture="model1")
    data = parallel_coordinates.read(replace(finished, trials=tuple(trials)), options)
    assert said in parallel_coordinates.finding(data)
    assert parallel_coordinates.draw(data, LOOKS).data
    assert parallel_coordinates.finding(data._replace(narrowest=None)).endswith("have no varied factor in common.")
