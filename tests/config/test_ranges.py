from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.config.load import load_study
from hpo.config.ranges import ChoiceRange, NumericRange, load_ranges, ranges_from_json, write_ranges
from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from tests.config.samples import DASHBOARD, SPACE, STUDY, refusal


@pytest.fixture
def study(write_study: Callable[..., Path]) -> StudyFile:
    return load_study(write_study())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ranges.yaml"


MODEL2 = {
    "learning_rate": NumericRange(low=0.003, high=0.05, best=0.01),
    "batch_size": NumericRange(low=16, high=22.5, best=16),
    "strategy": ChoiceRange(choices=("constant",), best="constant"),
}


def test_ranges_are_read_as_they_were_written(study: StudyFile, file: Path) -> None:
    write_ranges(file, {"model2": MODEL2, "model3": {}})

    assert load_ranges(file, study) == {"model2": MODEL2, "model3": {}}


def test_the_file_explains_itself_and_is_easy_to_edit(study: StudyFile, file: Path) -> None:
    write_ranges(file, {"model2": MODEL2})
    text = file.read_text()

    assert text.startswith("# Ranges found by stage 1; stage 2 searches inside them. Edit this file")
    assert text.endswith(
        "architectures:\n"
        "  model2:\n"
        "    learning_rate:\n      low: 0.003\n      high: 0.05\n      best: 0.01\n"
        "    batch_size:\n      low: 16\n      high: 22.5\n      best: 16\n"
        "    strategy:\n      choices:\n      - constant\n      best: constant\n"
    )


def test_ranges_survive_the_database(study: StudyFile) -> None:
    values = {name: limits.model_dump(mode="json") for name, limits in MODEL2.items()}

    assert ranges_from_json(values) == MODEL2
    with pytest.raises(ValueError, match="low"):
        ranges_from_json({"learning_rate": {"low": 2, "high": 1, "best": 1}})


rates = st.floats(min_value=0.001, max_value=0.1)


@settings(deadline=None, max_examples=40)
@given(ends=st.lists(rates, min_size=3, max_size=3))
def test_every_range_inside_the_space_survives_the_file_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, ends: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("ranges")
    for name, text in (("space", SPACE), ("dashboard", DASHBOARD), ("example", STUDY)):
        (folder / f"{name}.yaml").write_text(text)
    low, best, high = sorted(ends)
    limits = {"learning_rate": NumericRange(low=low, high=high, best=best)}

    write_ranges(folder / "ranges.yaml", {"model2": limits})

    assert load_ranges(folder / "ranges.yaml", load_study(folder / "example.yaml")) == {"model2": limits}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "architectures: {model9: {}}",
            "1 architectures.model9: is not an architecture of the study; "
            "did you mean 'model3'? (allowed: model2, model3)",
        ),
        (
            "architectures:\n  model2:\n    weight_decay: {low: 0, high: 1, best: 0}",
            "3 architectures.model2.weight_decay: is no factor of model2 in space.yaml; "
            "allowed: batch_size, epochs, learning_rate, momentum, patches, strategy",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.0001, high: 0.01, best: 0.01}",
            "3 architectures.model2.learning_rate.low: the search space allows 0.001 to 0.1; found 0.0001",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.01, high: 1, best: 0.01}",
            "3 architectures.model2.learning_rate.high: the search space allows 0.001 to 0.1; found 1",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.02, high: 0.01, best: 0.01}",
            "3 architectures.model2.learning_rate.low: must be at most high, 0.01; found 0.02",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.02, high: 0.03, best: 0.01}",
            "3 architectures.model2.learning_rate.best: lies outside low to high, 0.02 to 0.03; found 0.01",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.01, high: 0.03}",
            "3 architectures.model2.learning_rate.best: is missing "
            "(best level of stage 1; where the factor stays if stage 2 does not tune it)",
        ),
        (
            "architectures:\n  model2:\n    learning_rate: {low: 0.01, hi: 0.03, high: 0.03, best: 0.02}",
            "3 architectures.model2.learning_rate.hi: unknown key; did you mean 'high'? (allowed: best, high, low)",
        ),
        (
            "architectures:\n  model2:\n    batch_size: {low: 16, high: 32, best: 20.5}",
            "3 architectures.model2.batch_size.best: must be a whole number; found 20.5",
        ),
        (
            "architectures:\n  model2:\n    batch_size: {choices: [16, 32], best: 16}",
            "3 architectures.model2.batch_size: is a number: expected low, high and best; found choices",
        ),
        (
            "architectures:\n  model2:\n    strategy: {low: 0, high: 1, best: 0}",
            "3 architectures.model2.strategy: is not a number: expected choices and best; found low, high and best",
        ),
        (
            "architectures:\n  model2:\n    strategy: {choices: [constant, exponential], best: constant}",
            '3 architectures.model2.strategy.choices.1: found "exponential"; allowed: constant, step',
        ),
        (
            "architectures:\n  model2:\n    strategy: {choices: [constant, step, constant], best: step}",
            "3 architectures.model2.strategy.choices.2: 'constant' is listed twice",
        ),
        (
            "architectures:\n  model2:\n    strategy: {choices: [constant], best: step}",
            '3 architectures.model2.strategy.best: "step" is not among the choices ("constant")',
        ),
        (
            "architectures:\n  model2:\n    strategy: {choices: [], best: step}",
            "3 architectures.model2.strategy.choices: needs at least 1 item; found an empty list",
        ),
        (
            "architectures:\n  model2:\n    lr: {low: 0.01, high: 0.03, best: 0.02}",
            "3 architectures.model2.lr: is no factor of model2 in space.yaml; allowed: batch_size, epochs, "
            "learning_rate, momentum, patches, strategy",
        ),
        ("ranges: {}\narchitectures: {}", "1 ranges: unknown key; allowed: architectures"),
    ],
)
def test_an_edit_that_cannot_be_honoured_is_refused(study: StudyFile, file: Path, text: str, error: str) -> None:
    file.write_text(text)

    assert refusal(load_ranges, file, study) == [error]


def test_one_and_zero_are_not_true_and_false(tmp_path: Path) -> None:
    augmentation = "  augmentation: {reference: false, levels: [false, true]}\n"
    for name, text in (("space", SPACE + augmentation), ("dashboard", DASHBOARD), ("example", STUDY)):
        (tmp_path / f"{name}.yaml").write_text(text)
    file = tmp_path / "ranges.yaml"
    file.write_text("architectures: {model2: {augmentation: {choices: [1], best: 1}}}")
    with pytest.raises(ConfigError, match=r"choices.0: found 1; allowed: False, True"):
        load_ranges(file, load_study(tmp_path / "example.yaml"))
