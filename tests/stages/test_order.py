"""The stages that a study passes through, and may end with."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.stage import STAGES
from hpo.errors import HpoError
from hpo.stages.order import check_until, stages_of
from tests.stages.story import load


def test_a_study_without_a_recheck_has_one_stage_less(tmp_path: Path) -> None:
    assert stages_of(load(tmp_path, stage2={"recheck": {"top": 2, "seeds": 1}})) == STAGES
    assert stages_of(load(tmp_path)) == ("stage1", "stage2", "confirm", "test")
    assert stages_of(load(tmp_path, stage2={"recheck": {"top": 0}})) == stages_of(load(tmp_path))


def test_a_run_may_end_with_any_stage_of_its_study_and_no_other(tmp_path: Path) -> None:
    rechecked, plain = load(tmp_path / "a", stage2={"recheck": {"top": 2, "seeds": 1}}), load(tmp_path / "b")
    for stage in STAGES:
        check_until(rechecked, stage)
    for stage in stages_of(plain):
        check_until(plain, stage)
    with pytest.raises(HpoError, match=r"study\.yaml: there is no stage 'recheck' .*allowed: stage1, stage2, confirm,"):
        check_until(plain, "recheck")
