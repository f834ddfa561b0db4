"""Where bfloat16 is slower than float32, whoever plans or runs a study is told."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import pytest

from hpo.launchers import arithmetic
from hpo.launchers.arithmetic import slow_arithmetic
from tests.stages.story import load

MIXED = {"arithmetic": {"compute_dtype": "bfloat16"}}


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "has_driver", lambda: False)


def test_a_processor_without_instructions_for_it_is_named_with_the_file_and_its_key(tmp_path: Path) -> None:
    (line,) = slow_arithmetic(load(tmp_path, **MIXED), {"avx2", "avx512f"})
    assert line.startswith(f"{tmp_path / 'study.yaml'}: arithmetic.compute_dtype: bfloat16 trains several times slower")


@pytest.mark.parametrize("flags", [{"avx512f", "avx512_bf16"}, {"amx_bf16"}, {"asimd", "bf16"}, frozenset()])
def test_nothing_is_said_of_one_that_has_them_or_is_not_known(tmp_path: Path, flags: Set[str]) -> None:
    assert slow_arithmetic(load(tmp_path, **MIXED), flags) == []


def test_nothing_is_said_of_float32_or_where_there_may_be_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slow_arithmetic(load(tmp_path / "plain"), {"avx2"}) == []
    monkeypatch.setattr(arithmetic, "has_driver", lambda: True)
    assert slow_arithmetic(load(tmp_path / "mixed", **MIXED), {"avx2"}) == []
