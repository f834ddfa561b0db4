"""Whatever a user's environment and ~/.keras/keras.json say, TensorFlow starts with the same settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.models.environment import pin

ALWAYS = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "KERAS_BACKEND": "tensorflow"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KERAS_BACKEND", "jax"),
        ("KERAS_MAX_EPOCHS", "1"),
        ("KERAS_NNX_ENABLED", "true"),
        ("NVIDIA_TF32_OVERRIDE", "0"),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"),
        ("TF2_BEHAVIOR", "0"),
        ("TF_DETERMINISTIC_OPS", "0"),
        ("TF_ENABLE_AUTO_MIXED_PRECISION", "1"),
        ("TF_ENABLE_ONEDNN_OPTS", "0"),
        ("TF_SOMETHING_OF_A_LATER_VERSION", "1"),
        ("TF_USE_LEGACY_KERAS", "1"),
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2"),
        ("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
    ],
)
def test_what_changes_the_arithmetic_is_taken_out_and_named(name: str, value: str) -> None:
    environment = {name: value, "HOME": "/home/me"}
    assert pin(environment) == [name]
    assert environment == ALWAYS | {"HOME": "/home/me"}


@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CPP_MIN_LOG_LEVEL": "0", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"},
        {"TF_GPU_ALLOCATOR": "cuda_malloc_async", "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        {"KERAS_HOME": "/elsewhere", "TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"},
        {"XLA_FLAGS": "--xla_gpu_cuda_data_dir=/opt/cuda --xla_dump_to=/tmp/dump"},
        {"TF_CLI_CONFIG_FILE": "/etc/terraform.rc", "TF_VAR_region": "here", "TF_LOG": "debug", "TF_WORKSPACE": "mine"},
    ],
)
def test_what_only_says_where_how_loudly_and_how_fast_stays(environment: dict[str, str]) -> None:
    pinned = dict(environment)
    assert pin(pinned) == []
    assert pinned == ALWAYS | environment


def test_what_asks_for_what_is_done_anyway_stays() -> None:
    environment = {"KERAS_BACKEND": "tensorflow", "TF_DETERMINISTIC_OPS": "1", "TF2_BEHAVIOR": "1"}
    pinned = dict(environment)
    assert pin(pinned) == []
    assert pinned == ALWAYS | environment


def test_of_xlas_flags_those_stay_that_say_where_things_are() -> None:
    environment = {"XLA_FLAGS": "--xla_gpu_cuda_data_dir=/opt/cuda --xla_gpu_autotune_level=0"}
    assert pin(environment) == ["XLA_FLAGS"]
    assert environment == ALWAYS | {"XLA_FLAGS": "--xla_gpu_cuda_data_dir=/opt/cuda"}


START = """
from hpo.errors import HpoError
try:
    from hpo.models.backend import keras, tf
except HpoError as error:
    print(error)
else:
    from hpo.models.build import build_model, initial_weights
    from hpo.recipe.architecture import CnnSpec, Convolution
    spec = CnnSpec((Convolution(3, 2),), (2,))
    model = build_model(spec, 8)
    weights = initial_weights(spec, model, 1)
    print(keras.config.backend(), keras.config.image_data_format(), keras.config.floatx(), keras.config.epsilon())
    print(keras.config.dtype_policy().name, model.get_layer("conv1").data_format, model.output.dtype)
    print(tf.keras.__version__ == keras.__version__, float(sum(value.sum() for value in weights.values())))
"""


def started(folder: Path, settings: object, before: str = "", **environment: str) -> tuple[str, str]:
    """What a fresh process with this keras.json prints, and what else it says."""
    (folder / ".keras").mkdir()
    content = settings if isinstance(settings, str) else json.dumps(settings)
    (folder / ".keras/keras.json").write_text(content)
    environment = {**os.environ, "HOME": str(folder), **environment}
    command = [sys.executable, "-c", before + START]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment)
    return ran.stdout, ran.stderr


def test_neither_keras_json_nor_the_environment_changes_a_model(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    plain, said = started(tmp_path / "plain", {})
    assert plain.startswith("tensorflow channels_last float32 1e-07\nfloat32 channels_last float32\nTrue ")
    assert said == ""
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "torch"}
    variables = {"KERAS_BACKEND": "jax", "TF_USE_LEGACY_KERAS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}
    other, said = started(tmp_path / "other", settings, **variables)
    assert other == plain
    names = "KERAS_BACKEND, TF_ENABLE_ONEDNN_OPTS, TF_USE_LEGACY_KERAS"
    assert said == f"ignored, so that equal recipes train to equal weights: {names}\n"


@pytest.mark.parametrize("settings", [{"floatx": "float99"}, [1], {"nnx_enabled": True}])
def test_a_keras_json_that_keras_cannot_use_is_one_line(tmp_path: Path, settings: object) -> None:
    line, said = started(tmp_path, settings)
    assert line.startswith(f"{tmp_path}/.keras/keras.json: Keras cannot start with these settings: ")
    assert line.endswith("; correct or remove it\n")
    assert (line.count("\n"), said) == (1, "")


def test_settings_that_tensorflow_has_read_already_are_refused(tmp_path: Path) -> None:
    line, said = started(tmp_path, {}, before="import keras\n", TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3")
    assert line.startswith("TF_ENABLE_ONEDNN_OPTS: set when tensorflow was imported, which may change what it computes")
    assert (line.count("\n"), said) == (1, "")
