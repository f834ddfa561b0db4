"""The timeline's bars, faults and words, against the ledger that they are from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import timeline
from hpo.results.study import StudyResults
from hpo.results.trainings import Fault, TrialResult
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.workers import WorkerSpan
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="timeline")


def test_bars_have_the_time_that_each_part_of_each_architecture_took(finished: StudyResults) -> None:
    read = timeline.read(finished, OPTIONS)
    assert (read.axis.unit, read.lanes) == ("Minutes", ["lab-1, GPU 0", "lab-2, GPU 1"])
    keys = {trial.recipe_key for trial in finished.trials if (trial.stage, trial.architecture) == ("stage2", "model3")}
    spent = sum(entry.seconds for entry in finished.epochs if entry.recipe_key in keys)
    (bars,) = (of for of in read.bars if of.purpose == ("model3", "stage2"))
    assert sum(bars.lengths) * 60 == pytest.approx(spent, rel=0.01)
    assert {of.purpose for of in read.bars} == {
        (name, part) for name in finished.settings.architectures for part in ("stage1", "stage2", "confirm")
    }


def test_time_begins_with_the_first_worker(finished: StudyResults) -> None:
    read = timeline.read(finished, OPTIONS)
    begin = min(worker.started_at for worker in finished.workers)
    first = min(entry.at - entry.seconds for entry in finished.epochs)
    assert min(start for of in read.bars for start in of.begins) == pytest.approx((first - begin) / 60, abs=0.001)
    assert min(presence.began for presence in read.presences) == 0


def test_a_fault_stands_in_its_workers_row_and_is_told_in_words(finished: StudyResults) -> None:
    read = timeline.read(finished, OPTIONS)
    (mark,) = read.marks
    (fault,) = finished.faults
    assert (mark.row, mark.fault) == (1, fault)
    assert timeline.finding(read).endswith("with 1 fault: the worker died.")
    assert f"(1) {mark.at:.1f} minutes, lab-2, GPU 1: stage 2 of model1, attempt 1: the worker died." in (
        timeline.explain(read)
    )
    (drawn,) = (trace for trace in timeline.draw(read, LOOKS).data if trace.name == "fault")
    assert list(drawn.text) == ["1"]
    assert "the worker died" in drawn.hovertext[0]


def test_many_faults_are_counted_by_reason_and_some_are_numbered(finished: StudyResults) -> None:
    (fault,) = finished.faults
    more = tuple(replace(fault, at=fault.at + number, reason="out of memory") for number in range(9))
    read = timeline.read(replace(finished, faults=(fault, *more)), OPTIONS)
    assert timeline.finding(read).endswith("with 10 faults, 9 of them: out of memory.")
    assert "(6)" in timeline.explain(read)
    assert timeline.explain(read).endswith("; 4 more without a number.")


def test_a_quiet_study_says_so(finished: StudyResults) -> None:
    read = timeline.read(replace(finished, faults=()), OPTIONS)
    assert timeline.finding(read).endswith("without a fault.")
    assert f"2 workers trained {len(finished.epochs):,} epochs" in timeline.finding(read)
    assert "fault" not in {trace.name for trace in timeline.draw(read, LOOKS).data}


def test_colours_are_the_architectures_and_the_legend_names_them_and_the_parts(finished: StudyResults) -> None:
    figure = timeline.draw(timeline.read(finished, OPTIONS), LOOKS)
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert {"model1", "model4", "stage 1", "stage 2", "final training", "worker there", "fault"} <= {*named}
    of_model2 = [trace for trace in figure.data if str(trace.name).startswith("model2, ")]
    assert len(of_model2) == 3
    assert {trace.marker.line.color for trace in of_model2} == {LOOKS.colour("model2")}
    assert len({(trace.marker.color, trace.marker.pattern.shape) for trace in of_model2}) == 3


def test_a_hundred_thousand_epochs_are_drawn_at_a_coarser_grain(finished: StudyResults) -> None:
    names = finished.settings.architectures
    trials = tuple(
        TrialResult("stage1", names[number % 4], number, {"epochs": 10}, "complete", f"key {number}")
        for number in range(10_000)
    )
    epochs = tuple(
        TrainedEpoch(f"key {number}", epoch, 100, 5.0, f"lab-{number % 4}:1:1", 50.0 * (number // 4) + 5 * epoch)
        for number in range(10_000)
        for epoch in range(1, 11)
    )
    study = replace(finished, trials=trials, confirmations=(), epochs=epochs, workers=(), faults=())
    read = timeline.read(study, OPTIONS)
    assert read.is_coarse
    assert read.axis.unit == "Hours"
    assert "too many trainings to show each" in timeline.explain(read)
    assert 0 < sum(len(of.rows) for of in read.bars) <= 3100
    assert len(timeline.draw(read, LOOKS).to_json()) < 300_000


def test_names_and_reasons_stay_plain_text(finished: StudyResults) -> None:
    hostile = "<b>model</b>"
    settings = replace(finished.settings, architectures=(hostile,))
    study = replace(
        finished,
        settings=settings,
        trials=(TrialResult("stage1", hostile, 0, {"epochs": 1}, "complete", "key"),),
        confirmations=(),
        epochs=(TrainedEpoch("key", 1, 100, 5.0, "<i>lab:1:1", 5.0),),
        workers=(WorkerSpan("<i>lab:1:1", "<u>CPU", 0.0, 9.0, None),),
        faults=(Fault("stage1", hostile, "<i>lab:1:1", 1, 7.0, "<a href='x'>"),),
    )
    drawn = json.loads(timeline.draw(timeline.read(study, OPTIONS), LOOKS).to_json())
    texts = json.dumps(drawn)
    for markup in ("<b>", "<i>", "<u>", "<a "):
        assert markup not in texts


def test_before_the_first_epoch_there_is_nothing_to_see(finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match="No epoch has been trained yet"):
        timeline.read(replace(finished, epochs=()), OPTIONS)
