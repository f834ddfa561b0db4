"""Functions of the study's own are tried before anything is planned."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.models import own_function
from hpo.run.functions import check_functions
from tests.models.own import GOOD
from tests.stages.story import SPACE, load


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFile:
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "tried_models.py").write_text(GOOD)
    return load(tmp_path, architectures=[{"name": "mine", "function": "tried_models:make"}])


def test_a_function_that_keeps_its_contract_is_let_pass(study: StudyFile) -> None:
    check_functions(study)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return 7", "it returned int"),
        ("raise KeyError('no such weights')", "KeyError: 'no such weights'"),
        ("raise ValueError('first line\\n  second')", "ValueError: first line second"),
        ("return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)])", "(None, 3)"),
        ("class Own(keras.Model):\n        pass\n    return Own()", "its Own does not know its input and output"),
        (
            "import secrets\n    wide = keras.layers.Dense(secrets.randbelow(1000) + 1)\n    return keras.Sequential("
            "[keras.Input(shape), keras.layers.Flatten(), wide, keras.layers.Dense(1)])",
            "of its variable sequential/dense/bias two calls made (",
        ),
        (
            "import secrets\n    kernel = keras.initializers.RandomNormal(seed=secrets.randbelow(10**6))\n    return "
            "keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(1, "
            "kernel_initializer=kernel)])",
            "of its variable sequential/dense/kernel two calls with one seed gave it other values",
        ),
    ],
)
def test_one_that_does_not_is_refused_with_its_name_and_nothing_is_planned(
    tmp_path: Path, study: StudyFile, body: str, problem: str
) -> None:
    (tmp_path / "tried_models.py").write_text(f"import keras\n\n\ndef make(shape):\n    {body}\n")
    changed = load(tmp_path, architectures=[{"name": "mine", "function": "tried_models:make"}])
    with pytest.raises(ConfigError) as refused:
        check_functions(changed)
    assert str(refused.value).startswith(f"{study.file}: architectures.mine: tried_models:make: ")
    assert problem in str(refused.value)
    assert str(refused.value).endswith("nothing was planned")


def test_a_study_that_inserts_batch_normalization_into_a_function_is_refused_when_it_is_read(
    tmp_path: Path, study: StudyFile
) -> None:
    own = [{"name": "mine", "function": "tried_models:make"}]
    for changes in (
        {"stage2": {"batch_normalization": True}},
        {"stage1": {"factors": ["epochs", "batch_normalization"]}},
        {"stage2": {"factors": ["learning_rate", "batch_normalization"]}},
    ):
        with pytest.raises(ConfigError, match="cannot be inserted into mine, which a function makes"):
            load(tmp_path, architectures=own, **changes)


def test_what_is_doubtful_is_logged(tmp_path: Path, study: StudyFile, caplog: pytest.LogCaptureFixture) -> None:
    source = GOOD.replace("def make(shape):", "def make(shape):\n    return scaled(shape)\n\n\ndef before(shape):")
    source += (
        "\n\ndef scaled(shape):\n    x = inputs = keras.Input(shape)\n    x = keras.layers.Rescaling(1 / 255)(x)\n"
        "    x = keras.layers.Flatten()(x)\n    return keras.Model(inputs, keras.layers.Dense(1)(x))\n"
    )
    (tmp_path / "tried_models.py").write_text(source)
    caplog.set_level(logging.WARNING, logger="hpo")
    check_functions(load(tmp_path, architectures=[{"name": "mine", "function": "tried_models:make"}]))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("tried_models:make: its layer rescaling scales patches down")


def test_an_augmentation_that_breaks_its_contract_is_refused_likewise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "tried_augment.py").write_text("def cut(patches, seed):\n    return patches[:, 1:]\n")
    study = load(tmp_path, augment="tried_augment:cut")
    with pytest.raises(ConfigError) as refused:
        check_functions(study)
    assert str(refused.value) == (
        f"{study.file}: augment: tried_augment:cut: of (4, 16, 16, 3) it returned (4, 15, 16, 3); it must return "
        "float32 patches of the shape that it was given, as a tensor; nothing was planned"
    )


DEEP = (
    "import keras\n\n\ndef make(shape, deep=1):\n    x = inputs = keras.Input(shape)\n    for _ in range(deep):\n"
    "        x = keras.layers.Conv2D(2, 5, strides=2)(x)\n"
    "    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(x)))\n"
)
"""Of patches of 16 pixels it makes a network of one or two convolutions, and none of three."""


@pytest.mark.parametrize(
    ("factor", "stage2", "named"),
    [
        ({"reference": 1, "levels": [1, 2, 3]}, ["learning_rate"], "deep 3"),
        ({"reference": 1, "levels": [1, 2], "low": 1, "high": 4}, ["deep"], "deep 4"),
        ({"reference": 1, "levels": [1, 2], "low": 1, "high": 4}, ["learning_rate"], ""),
        ({"reference": 1, "levels": [1, 2]}, ["deep"], ""),
    ],
)
def test_a_level_or_bound_of_which_a_function_makes_no_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: dict[str, object], stage2: list[str], named: str
) -> None:
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "tried_models.py").write_text(DEEP)
    study = load(
        tmp_path,
        space=SPACE | {"deep": factor},
        architectures=[{"name": "mine", "function": "tried_models:make"}],
        stage1={"factors": ["deep"]},
        stage2={"factors": stage2, "warm_start": "cold"},
    )
    if not named:
        check_functions(study)
        return
    with pytest.raises(ConfigError) as refused:
        check_functions(study)
    start = (
        f"{study.file}: architectures.mine: of {named} of {study.search_space.name}, tried_models:make: ValueError: "
    )
    assert str(refused.value).startswith(start)
    assert "\n" not in str(refused.value)


WIDE = (
    "import keras\n\n\ndef make(shape, width=4):\n    x = inputs = keras.Input(shape)\n"
    "    x = keras.layers.Dense(width)(keras.layers.Flatten()(x))\n"
    "    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(width)(x)))\n"
)


def test_networks_over_the_limits_are_counted_and_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of 100,000 units twice would take 40 GB."""
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "tried_models.py").write_text(WIDE)
    study = load(
        tmp_path,
        space=SPACE | {"width": {"reference": 4, "levels": [4, 100_000], "low": 2, "high": 200_000}},
        architectures=[{"name": "mine", "function": "tried_models:make"}],
        stage1={"factors": ["width"]},
        stage2={"factors": ["width"], "warm_start": "cold"},
        limits={"parameters": 10_000},
    )
    check_functions(study)


@pytest.mark.parametrize("levels", [["big", "small"], [4, 8]])
def test_a_word_where_a_function_takes_a_number_is_named_with_its_factor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, levels: list[object]
) -> None:
    monkeypatch.setattr(own_function, "_folders", [])
    (tmp_path / "tried_models.py").write_text(WIDE)
    space = SPACE | {"width": {"reference": levels[0], "levels": levels}}
    architecture = {"name": "mine", "function": "tried_models:make"}
    study = load(tmp_path, space=space, architectures=[architecture])
    if levels == [4, 8]:
        check_functions(study)
        return
    with pytest.raises(ConfigError) as refused:
        check_functions(study)
    assert str(refused.value).startswith(
        f'{study.file}: architectures.mine: of width "big" of {study.search_space.name}, a word where '
        "tried_models:make takes a number (width=4), tried_models:make: "
    )
    assert "\n" not in str(refused.value)


ELSEWHERE = {
    "a network": (
        "architectures.mine",
        "import os\nimport keras\n\nUNITS = 3 + os.getpid()\n\n\ndef make(shape):\n    return keras.Sequential("
        "[keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(UNITS), keras.layers.Dense(1)])\n",
        "tried_models:make: its variable sequential/dense/kernel: two processes made (",
    ),
    "initial values": (
        "architectures.mine",
        "import os\nimport keras\n\n\ndef make(shape):\n"
        "    kernel = keras.initializers.RandomNormal(seed=os.getpid())\n"
        "    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(1, "
        "kernel_initializer=kernel)])\n",
        "tried_models:make: its variable sequential/dense/kernel: two processes made other values",
    ),
    "a failure": (
        "architectures.mine",
        "import os\n"
        + GOOD.replace("(shape):", "(shape):\n    assert os.environ['TRIED_HERE'] == str(os.getpid()), 7", 1),
        "tried_models:make: AssertionError: 7, in another process",
    ),
    "an augmentation": (
        "augment",
        "import os\n\n\ndef make(patches, seed):\n    return patches + float(os.getpid() % 97 + 1)\n",
        "tried_models:make: the result: two processes made other values",
    ),
    "a loss": (
        "loss",
        "import os\nimport tensorflow as tf\n\n\ndef make(labels, logits):\n"
        "    return float(os.getpid()) * tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)\n",
        "tried_models:make: the result: two processes made other values",
    ),
}
"""What only a second process shows: by its kind, the function's key, its module, and the problem."""


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_another_process_makes_differently_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(own_function, "_folders", [])
    monkeypatch.setenv("TRIED_HERE", str(os.getpid()))
    key, source, problem = ELSEWHERE[kind]
    (tmp_path / "tried_models.py").write_text(source)
    function = "tried_models:make"
    changes = {"architectures": [{"name": "mine", "function": function}]} if "." in key else {key: function}
    study = load(tmp_path, **changes)
    with pytest.raises(ConfigError) as refused:
        check_functions(study)
    assert str(refused.value).startswith(f"{study.file}: {key}: ")
    assert problem in str(refused.value)
    assert str(refused.value).endswith("nothing was planned")
    assert "\n" not in str(refused.value)
