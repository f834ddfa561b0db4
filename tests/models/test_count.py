"""The sizes of networks, counted by building them, agree with arithmetic and with Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.config.function_source import read_function
from hpo.errors import TrainingError
from hpo.models.build import build_model
from hpo.models.count import count_sizes
from hpo.recipe.architecture import CnnSpec, Convolution, FunctionSpec
from hpo.recipe.size import cnn_size
from tests.models.own import GOOD


def spec_of(folder: Path, source: str, name: str) -> FunctionSpec:
    (folder / f"{name}.py").write_text(source)
    return FunctionSpec(f"{name}:make", read_function(f"{name}:make", folder).digest)


def test_a_described_cnn_is_as_large_as_its_keras_model() -> None:
    spec = CnnSpec((Convolution(3, 4), Convolution(3, 8)), (5,), batch_normalization=(1,))
    for inserted in (False, True):
        model = build_model(spec, 16, batch_normalization=inserted)
        size = cnn_size(spec, 16, batch_normalization=inserted)
        assert size.weights == model.count_params()
        assert size.parameters == sum(weight.numpy().size for weight in model.trainable_weights)


def test_a_functions_network_is_counted_here_and_by_a_process_of_its_own(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, GOOD, "counted_good")
    (here,) = count_sizes([spec], 16, tmp_path)
    assert here.parameters == here.weights == (27 * 2 + 2) + (14 * 14 * 2 * 3 + 3) + (3 + 1)
    program = (
        "import sys; from pathlib import Path; from hpo.models.count import count_sizes\n"
        "from hpo.recipe.architecture import FunctionSpec\n"
        f"print(count_sizes([FunctionSpec({spec.function!r}, {spec.source_digest!r})], 16, Path({str(tmp_path)!r})))\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    apart = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert apart.stdout.strip() == str([here])


def test_a_function_that_makes_nothing_is_one_line(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "def make(shape):\n    return 1\n", "counted_bad")
    with pytest.raises(TrainingError, match=r"counted_bad:make.*must return a keras.Model"):
        count_sizes([spec], 16, tmp_path)
