"""How weights follow the gradients, beyond what the first recipes had: all of it is off by default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

LossName = Literal["cross_entropy", "focal", "poly"]
ClassWeights = Literal["none", "balanced"]


@dataclass(frozen=True)
class Fitting:
    """Parts of an optimizer step. Every field is a factor of that name.

    Args:
        nesterov: Nesterov's momentum (Sutskever et al. 2013), of ``sgd`` with a momentum above 0.
        beta_1: of ``adam`` and ``adamw``: decay of the mean gradient; in [0, 1).
        beta_2: of the same: decay of the mean squared gradient; in [0, 1).
        epsilon: of the same and of ``rmsprop``: added to the root of the mean squared gradient; > 0.
        clip_norm: longest gradient of a step, as the norm over all variables together; a longer one is shortened to it.
            0 is no limit.
        l2: what the sum of the squares of all kernels adds to the loss, times this; >= 0. Unlike ``weight_decay`` it
            passes through momentum and scaling like any gradient, and spares biases and BatchNormalization.
        ema: decay per step of the exponential moving average of the weights, in [0, 1); 0 is none. See
            `hpo.training.averages`.
        loss: what is minimized, a mean over patches; see `hpo.training.losses`.
        focal_gamma: of ``focal``: how much less patches count that are classified well already; >= 0.
        poly_epsilon: of ``poly``: what is added to the weight of the first term of the series; > -1.
        label_smoothing: share of each label that is spread evenly over all classes; in [0, 1).
        class_weights: ``balanced`` has every class count the same in the loss, however many patches it has.
        balanced_sampling: whether every class comes equally often in each epoch, which has as many patches as ever:
            those of a large class may be left out, those of a small one come several times.

    The last two have an effect where the training patches keep the classes' own ratio (``balance: natural``), and the
    first of them only without the second.
    """

    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    clip_norm: float = 0.0
    l2: float = 0.0
    ema: float = 0.0
    loss: LossName = "cross_entropy"
    focal_gamma: float = 2.0
    poly_epsilon: float = 1.0
    label_smoothing: float = 0.0
    class_weights: ClassWeights = "none"
    balanced_sampling: bool = False


AS_BEFORE = Fitting()
"""What older recipes, which do not mention it, were trained with."""


def in_use(fitting: Fitting, *, optimizer: str, momentum: float, balance: str, has_own_loss: bool) -> Fitting:
    """The same with every field that has no effect at its default: what a recipe's key holds, and training obeys.

    Args:
        fitting: as a recipe holds it.
        optimizer: the recipe's.
        momentum: likewise.
        balance: likewise.
        has_own_loss: whether the recipe has a loss of the user's own.
    """
    is_adam = optimizer in ("adam", "adamw")
    idle = {
        "nesterov": optimizer != "sgd" or not momentum,
        "beta_1": not is_adam,
        "beta_2": not is_adam,
        "epsilon": not is_adam and optimizer != "rmsprop",
        "loss": has_own_loss,
        "focal_gamma": has_own_loss or fitting.loss != "focal",
        "poly_epsilon": has_own_loss or fitting.loss != "poly",
        "class_weights": balance == "equal" or fitting.balanced_sampling,
        "balanced_sampling": balance == "equal",
    }
    return replace(fitting, **{name: getattr(AS_BEFORE, name) for name, is_idle in idle.items() if is_idle})
