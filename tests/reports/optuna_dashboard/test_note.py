"""What a note tells of its Optuna study, against the results it is written from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hpo.reports.optuna_dashboard.note import Context, write_note
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName
from hpo.results.words import number, signed
from tests.results.invented import invent_study

ADDRESSES = {
    f"invented/{stage}/model{place}": f"/dashboard/studies/{2 * place + (stage == 'stage2')}"
    for place in range(1, 5)
    for stage in ("stage1", "stage2")
}


def note(results: StudyResults, stage: StageName, architecture: str = "model2", *, data: str = "pcam") -> str:
    return write_note(results, stage, architecture, Context(data, ADDRESSES, ["A finding.", "Another."]))


def facts(text: str) -> dict[str, str]:
    """What stands behind each name in bold."""
    return dict(re.findall(r"^- \*\*(.+)\*\*: (.+)$", text, flags=re.MULTILINE))


def test_stage_1_tells_where_it_belongs_its_best_trial_and_what_it_leaves_to_stage_2(finished: StudyResults) -> None:
    text = note(finished, "stage1")
    told = facts(text)
    trials = [trial for trial in finished.trials if (trial.stage, trial.architecture) == ("stage1", "model2")]
    best = max(trials, key=lambda trial: trial.objective or 0.0)
    assert text.startswith("## Stage 1 of model2: explore\n")
    assert told["Study"] == "invented, architecture model2, on pcam"
    assert told["Objective"] == "validation AUC after the last epoch; more is better"
    assert told["Stands at"] == f"{len(trials)} trials: {len(trials)} complete"
    reached = number(best.objective or 0.0)
    assert told["Best trial"].startswith(f"trial {best.number}, AUC {reached} (standard error 0.006)")
    assert "learning rate 0.0017 to 0.0173" in told["Ranges for stage 2 (edited by hand)"]
    assert "learning-rate strategy constant and time based" in told["Ranges for stage 2 (edited by hand)"]
    assert "Ranges for stage 2" in facts(note(finished, "stage1", "model1"))
    assert told["Weights for stage 2"].endswith("after epoch 40")
    assert told["Goes on in"] == "[invented/stage2/model2](/dashboard/studies/5)"


def test_a_recheck_counts_the_fresh_seeds_that_it_is_the_mean_of(honest: StudyResults) -> None:
    assert "the mean of 2 fresh seeds" in facts(note(honest, "stage2"))["Recheck"]
    candidates = tuple(
        replace(one, trainings=(one.trainings[0], replace(one.trainings[1], objective=None)))
        for one in honest.candidates
    )
    assert "the mean of 1 fresh seed:" in facts(note(replace(honest, candidates=candidates), "stage2"))["Recheck"]


def test_stage_2_tells_its_choice_and_what_the_test_split_said_of_it(finished: StudyResults) -> None:
    told = facts(note(finished, "stage2"))
    found = finished.comparison["model2"].before_after
    assert found is not None
    auc = found.metrics["auc"]
    assert told["Stands at"] == "14 trials: 13 complete and 1 failed"
    assert "learning rate 0.0057" in told["Chosen"]
    assert told["Chosen"].endswith("trained anew for 40 epochs, 3 of 3 seeds so far")
    assert told["Test split opened"].endswith("UTC")
    assert told["Test"].startswith(f"AUC {number(auc.before.value)} ({number(auc.before.low)} to ")
    assert f"a difference of {signed(auc.difference.value)} ({signed(auc.difference.low)} to " in told["Test"]
    assert told["Comes from"] == "[invented/stage1/model2](/dashboard/studies/4)"


def test_what_the_test_split_said_is_not_told_before_it_is_opened(running: StudyResults) -> None:
    told = facts(note(running, "stage2", running.settings.architectures[0]))
    assert not {"Test", "Test split opened"} & set(told)
    counts = [trial.state for trial in running.trials if (trial.stage, trial.architecture) == ("stage1", "model2")]
    assert facts(note(running, "stage1"))["Stands at"] == f"{len(counts)} trials: {len(counts)} running"
    assert "Best trial" not in facts(note(running, "stage1"))


def test_a_stage_that_is_not_there_yet_is_named_without_a_link(finished: StudyResults) -> None:
    text = write_note(finished, "stage1", "model2", Context("pcam", {}, []))
    assert facts(text)["Goes on in"] == "invented/stage2/model2, which has not started yet"
    assert "What the figures show" not in text


def test_what_the_figures_show_is_told_in_their_order(finished: StudyResults) -> None:
    assert note(finished, "stage1").endswith("### What the figures show\n\n- A finding.\n- Another.\n")


@pytest.mark.parametrize(
    ("hostile", "written"),
    [
        ("a_b_c", r"a\_b\_c"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("![x](//host/y)", r"\!\[x\](//host/y)"),
        ("`code` *bold* ~gone~ a|b &amp; \\", r"\`code\` \*bold\* \~gone\~ a\|b \&amp; \\"),
        ("two\n\n# lines", "two # lines"),
    ],
)
def test_names_are_nothing_but_text(hostile: str, written: str) -> None:
    results = invent_study(architectures=("model1",), seeds=(0,))
    assert facts(note(results, "stage1", "model1", data=hostile))["Study"].endswith(f", on {written}")


def test_a_loss_is_better_where_it_is_less(finished: StudyResults) -> None:
    objective = replace(finished.settings.objective, metric="loss", epoch="mean_last", last=3)
    trials = tuple(
        replace(trial, objective=float(trial.number + 1) if trial.objective is not None else None)
        for trial in finished.trials
    )
    results = replace(finished, settings=replace(finished.settings, objective=objective), trials=trials)
    told = facts(note(results, "stage2"))
    assert told["Objective"] == "validation loss as the mean of the last 3 epochs; less is better"
    assert told["Best trial"].startswith("trial 0, loss 1.000")
    assert told["Test"].startswith("AUC "), "the test split is judged by one of the five metrics"
