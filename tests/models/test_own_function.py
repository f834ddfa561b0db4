"""A user's function: its module is compared before it runs, and changes nothing for the models after it."""

from __future__ import annotations

import hashlib
import py_compile
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from hpo.errors import TrainingError
from hpo.models import own_function
from hpo.models.backend import keras
from hpo.models.build import build_model
from hpo.models.doubts import doubts_about
from hpo.recipe.architecture import FunctionSpec
from tests.models.own import GOOD, HEADER, Maker


def test_a_module_whose_digest_is_another_does_not_run(module: Maker, tmp_path: Path) -> None:
    spec = module(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + GOOD)
    with pytest.raises(TrainingError, match="is not the one that this recipe was made with, and was not run"):
        build_model(FunctionSpec(spec.function, "0" * 64), 16)
    assert not (tmp_path / "ran").exists()
    assert "users_own" not in sys.modules


def test_a_file_that_a_function_reads_is_compared_too(
    module: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_function, "_folders", [tmp_path])
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"one")
    spec = replace(module(GOOD), files=(("weights.bin", hashlib.sha256(b"one").hexdigest()),))
    assert build_model(spec, 16).output_shape == (None, 1)
    weights.write_bytes(b"another")
    with pytest.raises(TrainingError, match=r"weights\.bin is not the file that this recipe was made with"):
        build_model(spec, 16)
    weights.unlink()
    with pytest.raises(TrainingError, match=r"its file weights\.bin is not in "):
        build_model(spec, 16)


@pytest.mark.parametrize("place", ["in the function", "in the module"])
def test_a_file_that_is_lacking_and_not_listed_is_to_be_listed(module: Maker, place: str) -> None:
    opened = "open('no_such_weights.bin')"
    source = (
        f"{opened}\n{GOOD}" if place == "in the module" else GOOD.replace("shape):\n", f"shape):\n    {opened}\n", 1)
    )
    with pytest.raises(TrainingError, match=r"FileNotFoundError: .*no_such_weights\.bin.*; name each file .* files:"):
        build_model(module(source), 16)
    with pytest.raises(TrainingError) as other:
        build_model(module(GOOD.replace("shape):\n", "shape):\n    1 / 0\n", 1)), 16)
    assert "files:" not in str(other.value)


def test_patches_that_are_scaled_twice_are_doubtful(module: Maker) -> None:
    scaling = "keras.layers.Rescaling({}, name='scaled')(inputs)"
    for scale, doubtful in (("1 / 255", True), ("1 / 127.5, offset=-1", True), ("127.5, offset=127.5", False)):
        source = (
            "import keras\n\n\ndef make(shape):\n"
            "    inputs = keras.Input(shape)\n"
            f"    x = {scaling.format(scale)}\n"
            "    x = keras.layers.GlobalAveragePooling2D()(x)\n"
            "    return keras.Model(inputs, keras.layers.Dense(1)(x))\n"
        )
        found = doubts_about(build_model(module(source), 16))
        assert bool(found) == doubtful
        assert all("its layer scaled scales patches down" in line for line in found)


def test_operations_that_keras_cannot_load_from_hdf5_are_named(module: Maker) -> None:
    source = (
        "import keras\n\n\ndef make(shape):\n"
        "    inputs = keras.Input(shape)\n"
        "    inner = keras.Model(inputs, keras.ops.relu(inputs) * 2.0)\n"
        "    x = keras.layers.GlobalAveragePooling2D()(inner(inputs))\n"
        "    return keras.Model(inputs, keras.layers.Dense(1)(x))\n"
    )
    (found,) = doubts_about(build_model(module(source), 16))
    assert (
        found
        == "it calls Multiply, Relu of keras.ops, which model.keras will have, and Keras cannot load from model.h5"
    )


def test_the_compared_source_runs_and_no_compiled_file_beside_it(module: Maker, tmp_path: Path) -> None:
    stale = tmp_path / "users_own.py"
    stale.write_text("raise RuntimeError('stale')\n")
    py_compile.compile(str(stale), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert build_model(module(GOOD), 16).output_shape == (None, 1)


def test_a_module_that_something_else_imported_is_run_anew(module: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = module(GOOD)
    monkeypatch.setitem(sys.modules, "users_own", ModuleType("users_own"))
    assert build_model(spec, 16).output_shape == (None, 1)


def test_a_changed_module_runs_anew_in_the_same_process(module: Maker) -> None:
    first = build_model(module(GOOD), 16)
    second = build_model(module(GOOD.replace("layers.Dense(3)", "layers.Dense(5)")), 16)
    assert (len(first.weights), first.count_params() < second.count_params()) == (len(second.weights), True)


def test_a_module_of_a_package_finds_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from .sizes import UNITS\n" + GOOD.replace("Dense(3)", "Dense(UNITS)")
    (tmp_path / "users_package").mkdir()
    for name, text in {"__init__": "", "sizes": "UNITS = 7\n", "nets": source}.items():
        (tmp_path / f"users_package/{name}.py").write_text(text)
    monkeypatch.setattr(own_function, "_folders", [])
    monkeypatch.setattr(sys, "path", list(sys.path))
    own_function.look_in(tmp_path)
    spec = FunctionSpec("users_package.nets:make", hashlib.sha256(source.encode()).hexdigest())
    assert build_model(spec, 16).layers[-2].units == 7
    for name in ("users_package", "users_package.sizes", "users_package.nets"):
        del sys.modules[name]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def (", "invalid syntax"),
    ],
)
def test_a_module_that_fails_is_one_line_and_is_not_kept(module: Maker, statement: str, reason: str) -> None:
    with pytest.raises(TrainingError, match=f"users_own:make: cannot be imported as module:name .*{reason}") as failed:
        build_model(module(f"{statement}\n{GOOD}"), 16)
    assert "\n" not in str(failed.value)
    assert "users_own" not in sys.modules


SETTINGS = """
keras.config.set_image_data_format("channels_first")
keras.config.set_floatx("float16")
keras.config.set_epsilon(0.1)
keras.config.set_dtype_policy("mixed_float16")
"""


def test_a_module_cannot_change_kerass_settings_for_the_models_after_it(module: Maker) -> None:
    spec = module(f"import keras\n{SETTINGS}\n{GOOD}")
    first, second = build_model(spec, 16), build_model(spec, 16)
    assert {variable.dtype for variable in first.trainable_variables} == {"float32"}
    assert first.get_config() == second.get_config(), "the first call imports the module, the second does not"
    build_model(module(HEADER + SETTINGS.replace("\nkeras", "\n    keras") + GOOD.removeprefix(HEADER)), 16)
    found = keras.config.image_data_format(), keras.config.floatx(), keras.config.epsilon()
    assert found == ("channels_last", "float32", 1e-7)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("statement", "setting"),
    [
        ("tf.config.optimizer.set_jit(True)", "jit"),
        ("tf.config.run_functions_eagerly(True)", "run_functions_eagerly"),
        ("tf.config.optimizer.set_experimental_options({'auto_mixed_precision': True})", "auto_mixed_precision"),
        ("tf.config.experimental.enable_tensor_float_32_execution(False)", "tensor_float_32_execution"),
    ],
)
def test_a_module_that_changes_tensorflows_settings_is_refused_and_they_are_set_back(
    module: Maker, statement: str, setting: str
) -> None:
    before = own_function._tensorflow_settings()
    with pytest.raises(TrainingError, match=f"its module sets TensorFlow's {setting}, which no recipe"):
        build_model(module(f"import tensorflow as tf\n{statement}\n{GOOD}"), 16)
    after = own_function._tensorflow_settings()
    assert {name: value for name, value in after.items() if before.get(name) != value} == {}


def test_arguments_are_given_by_name_and_whole_numbers_as_such(module: Maker) -> None:
    source = HEADER.replace("(shape)", "(shape, width=3, *, rate=0.5)") + (
        "    assert type(width) is int and type(rate) is float, (width, rate)\n"
        "    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(width),"
        " layers.Dropout(rate), layers.Dense(1)])\n"
    )
    spec = replace(module(source), arguments=(("rate", 0.25), ("width", 5.0)))
    model = build_model(spec, 16)
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [5, 1]
    with pytest.raises(TrainingError, match="unexpected keyword argument 'depth'"):
        build_model(replace(spec, arguments=(("depth", 2),)), 16)
