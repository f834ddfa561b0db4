"""The stages that a study passes through."""

from __future__ import annotations

from hpo.config.stage import STAGES, Stage
from hpo.config.study import StudyFile
from hpo.errors import HpoError


def stages_of(study: StudyFile) -> tuple[Stage, ...]:
    """The stages that a study passes through, in their order."""
    return tuple(stage for stage in STAGES if stage != "recheck" or study.stage2.is_rechecked)


def check_until(study: StudyFile, until: Stage) -> None:
    """See that a study passes through the stage that its run is to end with.

    Raises:
        HpoError: if it does not.
    """
    if until not in stages_of(study):
        raise HpoError(
            f"{study.file}: there is no stage {until!r} to end with: stage2.recheck is not set; "
            f"allowed: {', '.join(stages_of(study))}"
        )
