"""The stages of a study, in the order in which each architecture passes through them."""

from __future__ import annotations

from typing import Literal

Until = Literal["stage1", "stage2", "confirm", "test"]
"""The stage that a run ends with."""

STAGES: tuple[Until, ...] = ("stage1", "stage2", "confirm", "test")
