"""The stages of a study, by name."""

from __future__ import annotations

from typing import Literal

Stage = Literal["stage1", "stage2", "recheck", "confirm", "test"]

STAGES: tuple[Stage, ...] = ("stage1", "stage2", "recheck", "confirm", "test")
"""All, in the order in which each architecture passes through them."""
