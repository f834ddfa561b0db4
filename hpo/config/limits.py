"""Limits on networks: what is known of one before it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import Number, Settings, Whole

_NO_LIMITS = {
    "latency_ms": "is measured once a network has been trained",
    "patch_visits": "is the cost of a training and nothing of its network; stage2.patch_visits is the budget of all",
    **dict.fromkeys(
        ("auc", "accuracy", "precision", "recall", "f1", "loss"), "is known only once a network has been trained"
    ),
}
"""Quantities that are no limits, and why."""


class LimitSettings(Settings):
    """The most that a network may have; points beyond a limit are never trained."""

    parameters: Whole | None = Field(default=None, ge=1, description="trainable parameters")
    model_mb: Number | None = Field(
        default=None, gt=0, description="megabytes (1,000,000 bytes) of weights in float32, those of statistics too"
    )

    @model_validator(mode="before")
    @classmethod
    def _known_before_training(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            rule = "limits are of what is known before training: parameters, model_mb"
            refuse([Problem((name,), f"{_NO_LIMITS[name]}; {rule}") for name in values if name in _NO_LIMITS])
        return values

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.model_fields_set and not self.is_set:
            refuse([Problem((), "limits nothing; set parameters or model_mb, or leave it out")])
        return self

    @property
    def is_set(self) -> bool:
        """Whether anything is limited."""
        return self.parameters is not None or self.model_mb is not None
