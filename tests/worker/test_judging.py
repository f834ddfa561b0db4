"""A finished point's values of several objectives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hpo.evaluation.front import Objectives, Rule
from hpo.evaluation.objective import Objective
from hpo.stages.plan import template_recipe
from hpo.training.latency import Latency, latency_to_json, network_digest, this_machine
from hpo.worker import judging
from hpo.worker.worker import Worker
from tests.stages.story import load

OBJECTIVES = Objectives(("auc", "latency_ms"), Rule("auc", 0.01, "latency_ms"), Objective("auc"))


def test_a_latency_is_measured_once_for_each_network_on_each_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(tmp_path)
    recipe = template_recipe(study, next(iter(study.architecture_specs)), "data", 0)
    network = network_digest(recipe.architecture, study.data.patch_size, batch_normalization=False)
    here = Latency(network, 3.0, 32, this_machine())
    elsewhere = replace(here, milliseconds=9.0, machine=f"elsewhere, {this_machine().partition(', ')[2]}")
    monkeypatch.setattr(judging, "measure_latency", lambda *_args, **_named: replace(here, milliseconds=5.0))

    def latency(*known: Latency) -> float:
        database = SimpleNamespace(run=lambda *_: [latency_to_json(one) for one in known])
        worker = SimpleNamespace(study=study, database=database, threads=1)
        claim = SimpleNamespace(stage_name="small/stage2/tiny")
        curve = [{"valid_auc": 0.75}]
        values, _ = judging.judged(cast(Worker, worker), cast(Any, claim), OBJECTIVES, recipe, curve)
        assert values[0] == 0.75
        return values[1]

    assert latency(elsewhere, here) == 3.0
    assert latency(elsewhere) == 5.0
    assert latency(replace(here, network="another")) == 5.0
