"""The time that a network takes for a batch, measured by a process of its own in which nothing else runs."""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpo.models.own_process import ask
from hpo.recipe.architecture import ArchitectureSpec, architecture_from_json, architecture_to_json
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.key import digest

BATCH = 32
"""Patches of the one batch that is predicted again and again."""

_WARM, _RUNS = 5, 40
"""Predictions before the clock starts, and those that are timed."""

_PATIENCE = 600
"""Seconds that a measurement may take."""


@dataclass(frozen=True)
class Latency:
    """How long a network takes.

    Args:
        network: digest of what was measured.
        milliseconds: for one batch, the lower quartile of the runs: whatever else the machine does only adds.
        batch: patches in it.
        machine: where, in a few words.
    """

    network: str
    milliseconds: float
    batch: int
    machine: str


def network_digest(
    spec: ArchitectureSpec, patch_size: int, *, batch_normalization: bool, form: Form = TWO_IN_RGB
) -> str:
    """A digest of what decides how long a network takes; its weights do not."""
    of_network = {"network": architecture_to_json(spec), "size": patch_size, "normalized": batch_normalization}
    return digest({**of_network, "form": asdict(form)})


def measure_latency(
    spec: ArchitectureSpec,
    patch_size: int,
    folder: Path,
    *,
    batch_normalization: bool,
    threads: int | None,
    form: Form = TWO_IN_RGB,
) -> Latency:
    """Measure a network with random weights on a batch of random patches.

    Args:
        spec: its architecture.
        patch_size: side of the square patches, pixels.
        folder: the study file's, where functions are looked for first.
        batch_normalization: the recipe's.
        threads: CPU threads, as the worker has them; None is as in `hpo.training.runtime.configure`.
        form: classes and channels of the data.

    Raises:
        TrainingError: if the network cannot be built.
    """
    question = {
        "network": architecture_to_json(spec),
        "patch_size": patch_size,
        "folder": str(folder),
        "batch_normalization": batch_normalization,
        "threads": threads,
        "form": asdict(form),
    }
    answer = ask(
        "hpo.training.latency",
        question,
        _PATIENCE,
        late="the network's latency was not measured",
        failed="the network's latency could not be measured",
    )
    return Latency(**answer)


def this_machine() -> str:
    """The machine and the device that this process computes on, in a few words; TensorFlow is configured."""
    from hpo.training.runtime import describe_device

    return f"{platform.node()}, {describe_device()}"


def latency_from_json(values: Any) -> Latency | None:
    """A latency as its attribute holds it; None of another version's."""
    try:
        return Latency(**values)
    except TypeError:
        return None


def latency_to_json(latency: Latency) -> dict[str, Any]:
    """The inverse of `latency_from_json`."""
    return asdict(latency)


def _measured(question: dict[str, Any]) -> Latency:
    from hpo.models.backend import tf
    from hpo.models.build import build_model
    from hpo.models.own_function import look_in
    from hpo.training.runtime import configure

    configure(question["threads"])
    look_in(Path(question["folder"]))
    spec, size = architecture_from_json(question["network"]), question["patch_size"]
    normalized = question["batch_normalization"]
    form = Form(**question["form"])
    model = build_model(spec, size, batch_normalization=normalized, form=form)
    patches = np.random.default_rng(0).uniform(-1, 1, (BATCH, size, size, form.channels)).astype(np.float32)
    predict = tf.function(lambda batch: model(batch, training=False))
    batch = tf.constant(patches)
    seconds = []
    for run in range(_WARM + _RUNS):
        began = time.perf_counter()
        predict(batch).numpy()
        if run >= _WARM:
            seconds.append(time.perf_counter() - began)
    network = network_digest(spec, size, batch_normalization=normalized, form=form)
    return Latency(network, float(np.percentile(seconds, 25) * 1000), BATCH, this_machine())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_measured(json.load(sys.stdin)))) + "\n")
