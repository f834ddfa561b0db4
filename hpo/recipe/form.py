"""What the patches of a data set are: in how many classes, and of how many channels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """What a network takes and gives.

    Args:
        classes: that patches are told apart into; >= 2.
        channels: of a patch; 3 is RGB, 1 is grey.
    """

    classes: int = 2
    channels: int = 3

    @property
    def outputs(self) -> int:
        """Logits of a patch: one for two classes (of label 1, by the logistic function), else one for each class."""
        return 1 if self.classes == 2 else self.classes

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """The shape of a patch's logits: () for two classes, else (K,)."""
        return () if self.classes == 2 else (self.classes,)


TWO_IN_RGB = Form()
"""What older recipes, which do not mention it, were trained for."""
