"""The stages of a study, in the order in which each architecture passes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # every command imports this module, and its help must not wait for SQLAlchemy
    from hpo.config.study import StudyFile
    from hpo.storage.tables import StageName

Until = Literal["stage1", "stage2", "confirm", "test"]
"""The stage that a run ends with."""

STAGES: tuple[StageName, ...] = ("stage1", "stage2", "recheck", "confirm", "test")
"""All there are."""


def stages_of(study: StudyFile) -> tuple[StageName, ...]:
    """Those that a study passes through."""
    return tuple(stage for stage in STAGES if stage != "recheck" or study.stage2.is_rechecked)
