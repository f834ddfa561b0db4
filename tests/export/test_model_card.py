"""The model card says what the study found, to the digit, and nothing of the machine that it was written on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from hpo.config.study import DataSettings, SampleSettings
from hpo.evaluation.metrics import METRICS
from hpo.export.model_card import model_card
from hpo.export.subject import subject_of
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec, Convolution, FunctionSpec
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.recipe.taken import Taken
from hpo.results.study import StudyResults
from tests.export.samples import best_config, fitting
from tests.results.invented import honest_study, invent_study

DATA = "d" * 64
DONOR = Recipe(data=DATA, patches=4000, architecture=ARCHITECTURES["model3"])
TUNED = replace(DONOR, patches=7200, batch_size=24, learning_rate=0.0057, seed=1, initial=WarmStart(DONOR, 12))
MARKDOWN = MarkdownIt("commonmark").enable("table")


@pytest.fixture(scope="module")
def results() -> StudyResults:
    return fitting(invent_study(("model3",)), {"model3": TUNED})


def card(results: StudyResults, recipe: Recipe = TUNED, **changes: object) -> str:
    config = best_config(results, {"model3": recipe}, Path("/data/of/somebody/patches")).model_copy(update=changes)
    return model_card(subject_of(results, config, "model3", parameters=427_931))


def tables(text: str) -> list[list[list[str]]]:
    """Every table's rows of cells, without the heading, as a reader sees them."""
    found: list[list[list[str]]] = []
    in_body = False
    for token in MARKDOWN.parse(text):
        if token.type in ("tbody_open", "tbody_close"):
            in_body = token.type == "tbody_open"
            found += [[]] if in_body else []
        elif in_body and token.type == "tr_open":
            found[-1].append([])
        elif in_body and token.type == "inline":
            found[-1][-1].append("".join(child.content for child in token.children or ()))
    return found


def numbers(cell: str) -> list[float]:
    return [float(found.replace("\N{MINUS SIGN}", "-")) for found in re.findall(r"[+\N{MINUS SIGN}]?\d+\.\d+", cell)]


def test_every_metric_and_interval_is_the_comparisons_own(results: StudyResults) -> None:
    rows = tables(card(results))[0]
    comparison = results.comparison["model3"].before_after
    assert comparison is not None
    scores = {
        "accuracy": lambda labels, p: accuracy_score(labels, p > 0.5),
        "precision": lambda labels, p: precision_score(labels, p > 0.5),
        "recall": lambda labels, p: recall_score(labels, p > 0.5),
        "f1": lambda labels, p: f1_score(labels, p > 0.5),
        "auc": roc_auc_score,
    }
    runs = {
        (one.role, one.seed): one.test_probabilities for one in results.confirmations if one.architecture == "model3"
    }
    assert [row[0] for row in rows] == ["Accuracy", "Precision", "Recall", "F1 score", "AUC"]
    for name, (_, before, after, difference, own) in zip(METRICS, rows, strict=True):
        of = {run: scores[name](results.test_labels, probabilities) for run, probabilities in runs.items()}
        means = {role: np.mean([of[role, seed] for seed in (0, 1, 2)]) for role in ("before", "after")}
        metric = comparison.metrics[name]
        expected = {
            before: (means["before"], metric.before.low, metric.before.high),
            after: (means["after"], metric.after.low, metric.after.high),
            difference: (means["after"] - means["before"], metric.difference.low, metric.difference.high),
            own: (of["after", TUNED.seed],),
        }
        for cell, values in expected.items():
            assert numbers(cell) == pytest.approx(values, abs=5.1e-4)


def test_thresholds_and_calibration_are_those_of_the_exported_weights(results: StudyResults) -> None:
    text = card(results)
    (exported,) = [one for one in results.confirmations if one.recipe_key == TUNED.key]
    assert exported.test_probabilities is not None
    usual, chosen = tables(text)[1]
    for row in (usual, chosen):
        (threshold,) = numbers(row[0])
        called = exported.test_probabilities > threshold
        tn, fp, fn, tp = confusion_matrix(results.test_labels, called).ravel()
        assert [float(cell) for cell in row[1:3]] == pytest.approx([tp / (tp + fn), tn / (tn + fp)], abs=5.1e-4)
        assert [int(cell) for cell in row[3:]] == [tp, fp, tn, fn]
    assert numbers(usual[0]) == [0.5]
    assert numbers(chosen[0]) != [0.5]
    brier, _, _, nll, _, _, _ = numbers(re.findall(r"Brier score .*", text)[0])
    assert brier == pytest.approx(brier_score_loss(results.test_labels, exported.test_probabilities), abs=5.1e-4)
    certain = exported.test_probabilities.astype(np.float64)
    assert nll == pytest.approx(log_loss(results.test_labels, certain), abs=5.1e-4)


def test_data_training_compute_and_provenance_are_the_studys(results: StudyResults) -> None:
    text = card(results)
    _, _, splits, training, compute, provenance = tables(text)
    assert splits == [
        ["Train", "8,000", "4,000", "60"],
        ["Valid", "2,000", "1,000", "20"],
        ["Test", "600", "300", "24"],
    ]
    settings = dict(training)
    assert settings["Training patches"] == "7,200"
    assert re.findall(r"The reference \(before\) is (.*), trained for 40 epochs", text) == [
        "training patches 4,000, batch size 32, learning rate 0.01, learning-rate strategy constant"
    ]
    assert settings["Batch size"] == "24"
    assert settings["Learning rate"] == "0.0057"
    assert settings["Epochs"] == "40"
    assert (settings["Optimizer"], settings["Momentum"], settings["Seed"]) == ("sgd", "0.9", "1")
    assert f"`{DONOR.key}` after 12 epochs" in text
    spent = [entry.spent for entry in results.compute if entry.architecture == "model3"]
    assert [(row[1], row[2]) for row in compute] == [(f"{one.epochs:,}", f"{one.patch_visits:,}") for one in spent]
    facts = dict(provenance)
    assert facts["Recipe key"] == TUNED.key
    assert facts["SHA-256 of the weights"] == "a" * 64
    assert facts["tensorflow"] == "2.20.0"
    assert results.data is not None
    for shown in (results.data.digest, results.data.test_digest, "427,931 trained parameters"):
        assert shown in text


def test_what_was_taken_of_a_donor_of_other_shapes_is_said(results: StudyResults) -> None:
    assert "were taken" not in card(results)
    partly = [
        replace(one, curve=({**one.curve[0], **Taken(6, 16).to_metrics()}, *one.curve[1:])) if one.curve else one
        for one in results.confirmations
    ]
    text = card(replace(results, confirmations=partly))
    assert (
        "6 of the model's 16 variables were taken, in whole layers, and the others began at random values"
    ) in " ".join(text.split())


def test_it_has_one_title_and_names_no_place_of_this_machine(results: StudyResults) -> None:
    text = card(results)
    headings = [token.tag for token in MARKDOWN.parse(text) if token.type == "heading_open"]
    assert headings.count("h1") == 1
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert "somebody" not in text
    assert not re.search(r"(?:^|[\s`\"'(])(?:/|[A-Z]:\\)\w", text)


def test_a_hostile_name_is_only_a_name(results: StudyResults) -> None:
    hostile = "<img src=x onerror=alert(1)> | `\n# no title\n[x](javascript:alert(1))"
    assert results.data is not None
    text = card(replace(results, data=replace(results.data, name=hostile)))
    page = MARKDOWN.render(text)
    assert "<img" not in page
    assert "javascript" not in "".join(re.findall(r"<a [^>]*>", page))
    assert page.count("<h1>") == 1
    assert "&lt;img src=x onerror=alert(1)&gt; | ` # no title [x](javascript:alert(1))" in page


def test_drawn_patches_and_unknown_slides_are_said_to_be_so(results: StudyResults) -> None:
    drawn = DataSettings(folder=Path("/data"), sample=SampleSettings(train=8, valid=8, test=8, seed=4))
    text = card(replace(results, test_slides=None), data=drawn)
    assert "(`hpo data sample`, seed 4), no tissue and no patients" in text
    assert "it says nothing about tissue" in text
    assert "bootstrap over 600 patches" in text
    assert "Slides were unknown" in text
    assert "Slides were unknown" not in card(results)
    one_slide = replace(results, test_slides=np.zeros(600, "U1"))
    assert "Slides were unknown" not in card(one_slide)
    assert "fewer than three slides, or a class is on one only: patches of one slide resemble" in card(one_slide)


def test_where_stage_2_tuned_is_said_as_it_was(results: StudyResults) -> None:
    assert "stage 2 tuned inside the ranges" in card(results)
    settings = results.settings
    everywhere = replace(settings, stage2=settings.stage2.model_copy(update={"within": "space"}))
    assert "stage 2 tuned in the whole search space" in card(replace(results, settings=everywhere))


def test_a_network_of_the_users_own_is_named_by_its_function(results: StudyResults) -> None:
    recipe = replace(DONOR, architecture=FunctionSpec("networks:small_net", "f" * 64), seed=0)
    text = card(fitting(results, {"model3": recipe}), recipe)
    assert "made by the function networks:small_net" in text
    assert 'load_model("model.keras", custom_objects=vars(networks))' in text
    assert "import networks" in text
    assert "Training began at random weights." in text


def test_a_described_network_is_described(results: StudyResults) -> None:
    convolutions = (Convolution(5, 8, 2, pool=False), Convolution(3, 8), Convolution(3, 16, pool=False))
    spec = CnnSpec(convolutions, (), activation="silu", pooling="average", residual=True, crop=64, dropout=0.2)
    recipe = replace(DONOR, architecture=spec, seed=0)
    assert (
        "On the middle 64 x 64 pixels, convolutions of 5 x 5 (8 filters, stride 2, no pooling), 3 x 3 (8 filters, "
        "stride 1), 3 x 3 (16 filters, stride 1, no pooling), each with SiLU and max-pooling, the mean of each "
        "channel, and one output; the input of each block after the first is added to its output; dropout of 0.2 "
        "before each layer after the convolutions"
    ) in card(fitting(results, {"model3": recipe}), recipe)
    whole = replace(recipe, architecture=replace(spec, crop=96))
    assert "Convolutions of 5 x 5 (8 filters" in card(fitting(results, {"model3": whole}), whole)


def test_more_training_alone_is_spoken_of_where_there_was_more() -> None:
    longer = fitting(honest_study(("model3",)), {"model3": TUNED})
    assert "more training alone changes it by" in card(longer)
    others = [one for one in longer.confirmations if one.role != "equal"]
    again = [replace(one, role="equal") for one in others if one.role == "before"]
    assert "more training alone" not in card(replace(longer, confirmations=(*others, *again)))


def test_the_reference_is_said_to_be_trained_for_less_only_where_it_was(results: StudyResults) -> None:
    less = "trained by stage 1's rules, for less than the tuned model and its donors together; after"
    assert less in card(results)
    cold = replace(DONOR, seed=TUNED.seed, patches=4000)
    assert "trained by stage 1's rules; after is" in card(fitting(results, {"model3": cold}), cold)


def test_a_model_that_was_not_tested_has_no_card(results: StudyResults) -> None:
    with pytest.raises(ValueError, match="model3 has no tested final training"):
        card(results, replace(TUNED, seed=2))
