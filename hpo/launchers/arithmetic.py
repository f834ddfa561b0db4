"""What a study's arithmetic costs on the processor of this machine."""

from __future__ import annotations

from collections.abc import Set

from hpo.config.study import StudyFile
from hpo.launchers.devices import has_driver
from hpo.machine import processor_flags

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""By which Linux says that a processor has instructions for bfloat16: Intel's and AMD's, Intel's tiles, Arm's."""


def slow_arithmetic(study: StudyFile, flags: Set[str] | None = None) -> list[str]:
    """A line that says so where trainings in bfloat16 would be slower than in float32; none otherwise.

    Args:
        study: the study file.
        flags: of the processor; None are this machine's. Where they are not known, nothing is said, and where there may
            be a GPU neither.
    """
    found = processor_flags() if flags is None else flags
    if study.arithmetic.compute_dtype != "bfloat16" or not found or found & BFLOAT16_FLAGS or has_driver():
        return []
    return [
        f"{study.file}: arithmetic.compute_dtype: bfloat16 trains several times slower than float32 on this machine, "
        "whose processor has no instructions for it (avx512_bf16, amx_bf16 or bf16)"
    ]
