"""How weights follow the gradients, beyond what the first recipes had: all of it is off by default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

LossName = Literal["cross_entropy", "focal", "poly"]


@dataclass(frozen=True)
class Fitting:
    """Parts of an optimizer step. Every field is a factor of that name.

    Args:
        nesterov: Nesterov's momentum (Sutskever et al. 2013), of ``sgd`` with a momentum above 0.
        loss: what is minimized, a mean over patches; see `hpo.training.losses`.
        focal_gamma: of ``focal``: how much less patches count that are classified well already; >= 0.
        poly_epsilon: of ``poly``: what is added to the weight of the first term of the series; > -1.
        label_smoothing: share of each label that is spread evenly over all classes; in [0, 1).
    """

    nesterov: bool = False
    loss: LossName = "cross_entropy"
    focal_gamma: float = 2.0
    poly_epsilon: float = 1.0
    label_smoothing: float = 0.0


AS_BEFORE = Fitting()
"""What older recipes, which do not mention it, were trained with."""


def in_use(fitting: Fitting, *, optimizer: str, momentum: float) -> Fitting:
    """The same with every field that has no effect at its default: what a recipe's key holds, and training obeys.

    Args:
        fitting: as a recipe holds it.
        optimizer: the recipe's.
        momentum: likewise.
    """
    idle = {
        "nesterov": optimizer != "sgd" or not momentum,
        "focal_gamma": fitting.loss != "focal",
        "poly_epsilon": fitting.loss != "poly",
    }
    return replace(fitting, **{name: getattr(AS_BEFORE, name) for name, is_idle in idle.items() if is_idle})
