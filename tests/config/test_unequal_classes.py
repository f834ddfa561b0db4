"""Factors for classes of unequal size, and studies that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.config.load import load_study
from hpo.errors import ConfigError
from tests.stages.story import SPACE, load, write

WEIGHED = {**SPACE, "class_weights": {"reference": "none", "levels": ["none", "balanced"]}}
SAMPLED = {**SPACE, "balanced_sampling": {"reference": True}}


@pytest.mark.parametrize(("space", "name"), [(WEIGHED, "class_weights"), (SAMPLED, "balanced_sampling")])
def test_where_classes_are_equal_they_are_refused(tmp_path: Path, space: dict[str, Any], name: str) -> None:
    file = write(tmp_path, space=space)
    text = f"data.balance: {name} of space.yaml has no effect on equally many patches of each class; set natural"
    with pytest.raises(ConfigError, match=text):
        load_study(file)
    assert load(tmp_path, space=space, data={"balance": "natural"}).data.balance == "natural"


def test_at_its_default_such_a_factor_does_no_harm(tmp_path: Path) -> None:
    load(tmp_path, space={**SPACE, "class_weights": {"reference": "none"}})
