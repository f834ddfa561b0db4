"""How a training step is computed: in which numbers, and whether XLA compiles it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from hpo.recipe.architecture import ArchitectureSpec, CnnSpec
from hpo.recipe.as_built import as_built

ComputeDtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Arithmetic:
    """How a training step is computed. Each way rounds differently, and so trains to weights of its own.

    It is about training alone: validation, test and the exported model compute in float32, not compiled by XLA.

    Args:
        compute_dtype: of layers and their gradients, but for a CNN's last one; weights, loss and optimizer stay float32
            (mixed precision, Micikevicius et al. 2018). bfloat16 has float32's range, so that no loss need be scaled
            (Kalamkar et al. 2019). A user's own function decides by a layer's ``dtype`` what stays float32.
        jit_compile: whether XLA compiles the step: forward, gradient, optimizer.
    """

    compute_dtype: ComputeDtype = "float32"
    jit_compile: bool = False


PLAIN = Arithmetic()
"""What everything but training computes in, and training too where nothing else is asked for."""


def why_not_compiled(architecture: ArchitectureSpec) -> str | None:
    """Why XLA cannot compile an architecture's training reproducibly, in words; None if nothing is known against it.

    What a user's own function makes shows only when it is compiled.
    """
    if not isinstance(architecture, CnnSpec) or architecture.pool in (1, architecture.pool_stride):
        return None
    if not any(convolution.pool for convolution in as_built(architecture).convolutions):
        return None
    return (
        f"pooling windows of {architecture.pool} pixels at steps of {architecture.pool_stride} overlap or leave gaps, "
        "which XLA cannot train reproducibly; make the two equal, or set arithmetic.jit_compile to false"
    )


def arithmetic_to_json(arithmetic: Arithmetic) -> dict[str, Any]:
    """What differs from `PLAIN`, JSON-ready for a recipe and its key; so that more ways to compute change no key."""
    usual = asdict(PLAIN)
    differing = {name: value for name, value in asdict(arithmetic).items() if value != usual[name]}
    return {"arithmetic": differing} if differing else {}
