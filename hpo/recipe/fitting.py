"""How weights follow the gradients, beyond what the first recipes had: all of it is off by default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fitting:
    """Parts of an optimizer step. Every field is a factor of that name.

    Args:
        nesterov: Nesterov's momentum (Sutskever et al. 2013), of ``sgd`` with a momentum above 0.
    """

    nesterov: bool = False


AS_BEFORE = Fitting()
"""What older recipes, which do not mention it, were trained with."""
