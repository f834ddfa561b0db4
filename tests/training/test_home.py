"""Where patches stay, decided without a GPU; a second device of this CPU plays one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.models.backend import tf
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training import home as module
from hpo.training.engine import Trainer
from hpo.training.home import GPU, HOST, home_of
from hpo.training.runtime import configure
from tests.training.toy import PLAIN, ToyDataset, ToyPatches

GIB = 2**30


@pytest.fixture
def with_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which TensorFlow sees a GPU, and the driver's tool says what this file holds."""
    configure()  # which would let TensorFlow's memory grow on the GPU that is not there
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n. "${0%/*}/answer"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = tmp_path / "answer"
    answer.write_text('[ "$*" = "--id=0 --query-gpu=memory.total --format=csv,noheader,nounits" ] && echo 24576\n')
    return answer


def test_without_a_gpu_patches_stay_on_the_host(with_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_gpu.exists()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: [])
    assert home_of(1) == HOST


@pytest.mark.usefixtures("with_gpu")
def test_patches_that_fill_an_eighth_of_a_gpu_stay_on_it() -> None:
    assert home_of(3 * GIB) == GPU
    assert home_of(3 * GIB + 1) == HOST


@pytest.mark.parametrize(("visible", "asked"), [("3,1", "3"), ("GPU-8d0f-22", "GPU-8d0f-22")])
def test_the_first_gpu_that_the_process_may_use_is_asked(
    with_gpu: Path, monkeypatch: pytest.MonkeyPatch, visible: str, asked: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with_gpu.write_text(f'[ "$1" = "--id={asked}" ] && echo 8192\n')
    assert home_of(GIB) == GPU
    assert home_of(2 * GIB) == HOST


@pytest.mark.parametrize("answer", ["echo '[N/A]'", "echo 'No devices were found'; exit 6", "echo"])
def test_a_driver_that_does_not_tell_leaves_patches_on_the_host(with_gpu: Path, answer: str) -> None:
    with_gpu.write_text(answer + "\n")
    assert home_of(1) == HOST


def test_a_driver_that_hangs_is_not_waited_for(with_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpu.write_text("exec /bin/sleep 60\n")
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    assert home_of(1) == HOST


def test_only_as_many_patches_count_as_recipes_may_have(with_gpu: Path, tmp_path: Path) -> None:
    with_gpu.write_text("echo 1\n")  # MiB, of which an eighth is 170 patches of 16 x 16
    homes = [
        Trainer(CheckpointStore(Files(tmp_path)), ToyDataset(train=ToyPatches(200, 0)), most_patches=most)._home
        for most in (None, 170, 171)
    ]
    assert homes == [HOST, GPU, HOST]


def test_a_gpu_without_the_drivers_tool_keeps_no_patches(with_gpu: Path) -> None:
    (with_gpu.parent / "nvidia-smi").unlink()
    assert home_of(1) == HOST


SECOND_DEVICE = """
import sys
from hpo.models.backend import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training import engine
from tests.training.toy import PLAIN, ToyDataset
engine.home_of = lambda nbytes: "/CPU:1" if nbytes == 120 * 16 * 16 * 3 else "/CPU:0"
trainer = engine.Trainer(CheckpointStore(Files(sys.argv[1])), ToyDataset())
for _ in trainer.bring(PLAIN, {2}): pass
data = trainer._data.train(PLAIN.patches, PLAIN.seed)
print(data.patches.device, data.targets.device, trainer.weights_digest(PLAIN, 2))
"""


def test_patches_of_another_device_train_to_the_same_weights(tmp_path: Path) -> None:
    program = [sys.executable, "-c", SECOND_DEVICE, str(tmp_path / "other")]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    patches, targets, digest = done.stdout.split()
    assert {patches.rpartition("device:")[2], targets.rpartition("device:")[2]} == {"CPU:1"}
    trainer = Trainer(CheckpointStore(Files(tmp_path / "host")), ToyDataset())
    assert digest == trainer.weights_digest(PLAIN, 2)
