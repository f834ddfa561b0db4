"""Where every weight comes from: donors, stage 2's choice and the final trainings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import lineage
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS
from tests.results.invented import invent_study

OPTIONS = PanelSettings(panel="lineage")


def test_a_final_model_grows_from_the_donor_that_was_repeated_for_its_seed(finished: StudyResults) -> None:
    trees = {tree.architecture: tree for tree in lineage.read(finished, OPTIONS).trees}
    assert list(trees) == list(finished.settings.architectures)
    for one in finished.confirmations:
        tree = trees[one.architecture]
        if one.role == "after":
            ((donor, model),) = [pair for pair in tree.after if pair[1].name == f"seed {one.seed}"]
            assert donor is not None
            assert (donor.name, (donor.key, donor.epochs)) == (f"Donor again, seed {one.seed}", one.donor)
        else:
            models = tree.before if one.role == "before" else tree.cold_control
            model = next(model for model in models if model.name == f"seed {one.seed}")
        assert (model.key, model.epochs, model.objective) == (one.recipe_key, one.epochs, one.objective)


def test_stage_2_grows_from_stage_1s_donor(finished: StudyResults) -> None:
    tree = lineage.read(finished, OPTIONS).trees[2]
    done = [
        trial
        for trial in finished.trials
        if (trial.stage, trial.architecture, trial.state) == ("stage2", "model3", "complete")
    ]
    best = max(done, key=lambda trial: trial.objective or 0)
    assert tree.donor is not None
    assert {trial.donor for trial in done} == {(tree.donor.key, tree.donor.epochs)}
    assert tree.choice == lineage.Model(f"trial {best.number}", best.recipe_key, 20, best.objective)
    assert tree.trials == 13


def test_the_drawing_nests_what_grows_in_what_it_grows_from(finished: StudyResults) -> None:
    one = replace(finished, settings=replace(finished.settings, architectures=("model1",)))
    drawn = lineage.draw(lineage.read(one, OPTIONS), LOOKS)
    assert drawn.count("<ul") == drawn.count("</ul>") == 1 + 1 + 1 + 3  # random weights, donor, and one a final model
    donor = finished.donors[0].recipe_key[:8]
    inside = drawn[drawn.index(donor) : drawn.index("Donor again, seed 0")]
    assert "<ul><li>" in inside
    assert "Stage 2: best of 13 trials" in inside
    for training in finished.confirmations:
        assert (training.recipe_key[:8] in drawn) is (training.architecture == "model1")


def test_the_finding_adds_up_the_epochs_behind_a_model(finished: StudyResults) -> None:
    longer = tuple(
        replace(one, donor=(one.donor[0], 10)) if one.donor is not None and one.architecture == "model1" else one
        for one in finished.confirmations
    )
    assert lineage.finding(lineage.read(replace(finished, confirmations=longer), OPTIONS)) == (
        "Behind each of the 12 tuned final models lie 10 to 40 epochs of a donor trained with its own seed and 40 "
        "epochs of its own; a reference model has 40 epochs from random weights."
    )


def test_a_seed_of_stage_1_needs_no_donor_of_its_own(finished: StudyResults) -> None:
    donor = finished.donors[0]
    same = tuple(
        replace(one, donor=(donor.recipe_key, donor.epoch))
        if (one.architecture, one.role, one.seed) == ("model1", "after", 0)
        else one
        for one in finished.confirmations
    )
    pairs = lineage.read(replace(finished, confirmations=same), OPTIONS).trees[0].after
    assert [pair[0].name for pair in pairs if pair[0]] == [
        "Stage 1's donor itself",
        "Donor again, seed 1",
        "Donor again, seed 2",
    ]


def test_a_cold_study_grows_from_random_weights(finished: StudyResults) -> None:
    cold = replace(
        finished,
        donors=(),
        trials=tuple(replace(trial, donor=None) for trial in finished.trials),
        confirmations=tuple(replace(one, donor=None) for one in finished.confirmations if one.role != "cold_control"),
    )
    read = lineage.read(cold, OPTIONS)
    drawn = lineage.draw(read, LOOKS)
    assert "Donor" not in drawn
    assert "Cold control" not in drawn
    assert "Stage 2: best of 13 trials" in drawn
    assert "lie 40 epochs, all from random weights;" in lineage.finding(read)


def test_a_running_study_shows_how_far_it_is(running: StudyResults, finished: StudyResults) -> None:
    begun = tuple(donor for donor in finished.donors if donor.architecture == "model1")
    planned = tuple(
        replace(one, curve=(), objective=None) for one in finished.confirmations if one.architecture == "model1"
    )
    read = lineage.read(replace(running, donors=begun, confirmations=planned), OPTIONS)
    assert [tree.architecture for tree in read.trees] == ["model1"]
    assert "not trained yet" in lineage.draw(read, LOOKS)
    assert "Stage 2 has not started for model2, model3 and model4." in lineage.explain(read)
    only = replace(finished, confirmations=())
    assert lineage.finding(lineage.read(only, OPTIONS)) == (
        "52 stage-2 trials finished so far; no final model has been planned yet."
    )


def test_of_many_seeds_the_first_are_shown() -> None:
    study = invent_study(architectures=("model1",), seeds=tuple(range(12)))
    read = lineage.read(study, OPTIONS)
    drawn = lineage.draw(read, LOOKS)
    assert drawn.count("After, seed ") == lineage.MOST_SEEDS
    assert drawn.count("seed 7: ") == 2
    assert "seed 8: " not in drawn
    assert lineage.finding(read).startswith("Behind each of the 12 tuned final models lie")
    assert "4 more seeds of each role are not shown." in lineage.explain(read)


def test_names_from_yaml_stay_text() -> None:
    study = invent_study(architectures=("<b>bold</b>",), seeds=(0,))
    drawn = lineage.draw(lineage.read(study, OPTIONS), LOOKS)
    assert "<b>bold" not in drawn
    assert "&lt;b&gt;bold&lt;/b&gt;" in drawn


def test_it_waits_for_stage_2(empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match="No architecture has started stage 2 yet"):
        lineage.read(empty, OPTIONS)
