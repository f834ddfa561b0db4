from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.slides.agreement import Agreement, agreement_with
from hpo.slides.annotations import Annotations, Polygon
from hpo.slides.model_file import ModelFile
from hpo.slides.predict import Predictor, Settings
from hpo.slides.prediction import Prediction
from hpo.slides.score import Score
from hpo.slides.scores import score_slides
from tests.slides.pictures import painted, save

BOX = (120, 144, 240, 288)
"""Top, left, bottom, right of the purple."""


def box(top: int, left: int, bottom: int, right: int) -> Polygon:
    return Polygon((np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float),))


@pytest.fixture
def prediction(model: ModelFile, tmp_path: Path) -> Prediction:
    slide = save(tmp_path / "slide.png", painted(400, 560, (48, 48, 350, 500), BOX))
    return Predictor(model, Settings()).predict(slide)


def compare(prediction: Prediction, *polygons: Polygon) -> Agreement:
    return agreement_with(prediction, Annotations(Path("a.xml"), polygons))


def test_what_is_outlined_as_it_is_predicted_agrees(prediction: Prediction) -> None:
    found = compare(prediction, box(*BOX))
    assert found.annotated_mm2 == pytest.approx(120 * 144 * 0.972e-3**2, rel=0.01)
    assert found.dice > 0.9
    assert found.auc > 0.999
    assert found.sensitivity > 0.99
    assert found.specificity > 0.97
    assert len(found.lesions) == 1
    assert found.lesions[0] > 0.99
    assert found.alarms == ()


def test_numbers_are_those_of_areas(prediction: Prediction) -> None:
    sure = replace(prediction, tiles=np.where(np.isfinite(prediction.tiles), 0.9, np.nan).astype(np.float32))
    found = compare(sure, box(48, 48, 350, 274))  # the left half of the tissue
    assert found.dice == pytest.approx(2 / 3, abs=0.02)
    assert (found.sensitivity, found.specificity) == (pytest.approx(1, abs=0.02), pytest.approx(0, abs=0.02))
    assert found.auc == pytest.approx(0.5, abs=1e-6)


def test_a_slide_without_tumour_has_alarms_alone(prediction: Prediction) -> None:
    found = agreement_with(prediction, None)
    assert (found.annotated_mm2, found.dice, found.lesions) == (0, 0, ())
    assert math.isnan(found.auc)
    assert math.isnan(found.sensitivity)
    assert len(found.alarms) >= 1


def test_a_lesion_elsewhere_is_missed_and_near_ones_are_one(prediction: Prediction) -> None:
    found = compare(prediction, box(300, 400, 330, 440), box(300, 460, 330, 480))
    assert len(found.lesions) == 1
    assert math.isnan(found.lesions[0])
    assert len(found.alarms) >= 1
    assert len(compare(prediction, box(60, 60, 80, 80), box(300, 460, 330, 480)).lesions) == 2


def test_slides_are_scored_where_both_kinds_are_known() -> None:
    def slide(maximum: float, lesions: tuple[float, ...], alarms: tuple[float, ...]) -> tuple[Score, int, Agreement]:
        score = Score("a", 1, 1, 1, maximum, maximum, maximum, maximum)
        return score, int(bool(lesions)), Agreement(1.0, 1.0, 1.0, 1.0, 1.0, lesions, alarms)

    slides = [slide(0.9, (0.9, 0.4), (0.2,)), slide(0.7, (0.7,), ()), slide(0.8, (), (0.8,)), slide(0.1, (), ())]
    found = score_slides(slides)
    assert found.areas["maximum"].value == 0.75
    assert found.froc is not None
    assert found.froc.sensitivities[0] == 1.0  # one alarm in four slides is allowed, and the next is 0.2
    assert json.loads(found.to_json())["froc"]["lesions"] == 3
    assert "FROC 1.000 of 3 lesions" in found.lines()[-1]
    assert "slides of both kinds are needed" in score_slides(slides[:2]).lines()[0]
