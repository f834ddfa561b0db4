from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpo.errors import HpoError
from hpo.slides.classifier import open_classifier
from hpo.slides.model_file import ModelFile, find_model, label_named
from tests.slides.models import SIZE, greenness_model, probability_of


def opened(path: Path, **options: object) -> object:
    return open_classifier(ModelFile(path, path.name), **options)  # type: ignore[arg-type]


def test_an_onnx_model_gives_its_probabilities(tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (9, SIZE, SIZE, 3), dtype=np.uint8)
    found = opened(greenness_model(tmp_path / "m.onnx"))
    assert (found.size, found.outputs) == (SIZE, 1)
    assert np.allclose(found.probabilities(tiles), probability_of(tiles), atol=1e-5)


def test_a_model_of_several_classes_is_asked_for_one(tmp_path: Path) -> None:
    path = greenness_model(tmp_path / "m.onnx", outputs=4)
    tiles = np.random.default_rng(0).integers(100, 160, (9, SIZE, SIZE, 3), dtype=np.uint8)
    shares = np.stack([opened(path, label=label).probabilities(tiles) for label in range(4)])
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    with pytest.raises(HpoError, match="gives 4 probabilities; choose one to map by --class: 0 to 3"):
        opened(path)
    named = ModelFile(path, "m", classes=("fat", "stroma", "tumour", "debris"))
    assert [label_named(named, text) for text in ("3", "tumour")] == [3, 2]
    with pytest.raises(HpoError, match=r"--class tumor: .* has no such class; did you mean 'tumour'"):
        label_named(named, "tumor")
    with pytest.raises(HpoError, match=r"--class 4: .* has these: 0 \(fat\), 1 \(stroma\), 2 \(tumour\), 3 \(debris\)"):
        open_classifier(named, label=4)


def test_a_class_that_is_named_by_a_number_is_meant_by_its_name() -> None:
    grades = ModelFile(Path("m.onnx"), "m", classes=("3", "4", "5"))
    assert [label_named(grades, text) for text in ("3", "4", "5")] == [0, 1, 2]
    assert [label_named(grades, text) for text in ("0", "1")] == [0, 1]


def test_the_classes_of_a_file_without_its_study_have_no_names() -> None:
    alone = ModelFile(Path("m.onnx"), "m")
    assert alone.class_name(1) == "class 1"
    assert label_named(alone, "1") == 1
    with pytest.raises(HpoError, match=r"--class malignant: the names of the classes of m\.onnx are unknown"):
        label_named(alone, "malignant")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"channels": 4}, r"takes input of shape \(N, 24, 24, 4\); a model of RGB patches takes \(N, size, size, 3\)"),
        ({"last": "Identity"}, "gives values from .* which are no probabilities"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, made: dict[str, object], message: str) -> None:
    path = greenness_model(tmp_path / "m.onnx", **made)  # type: ignore[arg-type]
    with pytest.raises(HpoError, match=message):
        opened(path).probabilities(np.zeros((2, SIZE, SIZE, 3), np.uint8))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(HpoError, match=r"broken\.onnx: ONNX Runtime cannot load it"):
        opened(broken)
    with pytest.raises(HpoError, match=r"--class 0: .* gives the probability of label 1 alone"):
        opened(greenness_model(tmp_path / "m.onnx"), label=0)


def test_the_model_is_found_in_a_folder_or_refused(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match="no such file or folder; name a study's output folder"):
        find_model(tmp_path / "nothing")
    with pytest.raises(HpoError, match=r"has neither best_config.yaml nor a model"):
        find_model(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(HpoError, match=r"is no model; its name must end in \.onnx, \.keras, \.h5"):
        find_model(tmp_path / "notes.txt")
    greenness_model(tmp_path / "model.onnx")
    found = find_model(tmp_path)
    assert (found.path.name, found.threshold, found.chosen) == ("model.onnx", 0.5, "by default")
    with pytest.raises(HpoError, match=r"--backend keras: does not run model.onnx"):
        find_model(tmp_path / "model.onnx", backend="keras")
