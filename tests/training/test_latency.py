"""Latency: measured by a process of its own, with the machine that it is of."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.errors import TrainingError
from hpo.recipe.architecture import CnnSpec, Convolution, FunctionSpec
from hpo.training.latency import (
    BATCH,
    latency_from_json,
    latency_to_json,
    measure_latency,
    network_digest,
)

SPEC = CnnSpec((Convolution(3, 4),), (5,))


def test_a_network_takes_some_time_on_some_machine(tmp_path: Path) -> None:
    found = measure_latency(SPEC, 16, tmp_path, batch_normalization=True, threads=1)
    assert 0 < found.milliseconds < 10_000
    assert found.batch == BATCH
    assert found.machine.endswith("CPU, 1 thread")
    assert found.network == network_digest(SPEC, 16, batch_normalization=True)
    assert found.network != network_digest(SPEC, 16, batch_normalization=False)
    assert latency_from_json(latency_to_json(found)) == found
    assert latency_from_json({"of": "another version"}) is None


def test_what_cannot_be_measured_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the network's latency could not be measured: .*nowhere"):
        measure_latency(FunctionSpec("nowhere:make", "0" * 64), 16, tmp_path, batch_normalization=False, threads=1)
