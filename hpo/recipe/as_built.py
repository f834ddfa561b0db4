"""Described CNNs as they really are: with depth, sides, filters and units carried out, and without what is idle."""

from __future__ import annotations

from dataclasses import replace

from hpo.recipe.architecture import ArchitectureSpec, CnnSpec, blocks

_USUAL = CnnSpec((), ())


def as_built(spec: CnnSpec) -> CnnSpec:
    """The CNN with the layers, sides, filters and units that it really has, as if it had been written so."""
    order = _order(spec)
    share = 1.0 if spec.first_filters is None else spec.first_filters / spec.convolutions[0].filters
    convolutions = tuple(
        replace(
            one,
            filters=max(1, round(share * one.filters)),
            kernel=one.kernel if spec.kernel is None else spec.kernel,
            pool=is_pooled,
        )
        for one, is_pooled in ((spec.convolutions[number], is_pooled) for number, is_pooled in order)
    )
    dense_share = 1.0 if spec.first_dense is None else spec.first_dense / spec.dense[0]
    return replace(
        spec,
        convolutions=convolutions,
        dense=tuple(max(1, round(dense_share * units)) for units in spec.dense),
        batch_normalization=tuple(at for at, (number, _) in enumerate(order) if number in spec.batch_normalization),
        first_filters=None,
        first_dense=None,
        depth=None,
        kernel=None,
    )


def _order(spec: CnnSpec) -> list[tuple[int, bool]]:
    """The number of the written convolution that stands at each place, and whether pooling follows there."""
    written = blocks(spec.convolutions)
    depth = spec.depth or len(written)
    ends_pooled = spec.convolutions[-1].pool
    return [
        (number, number == block[-1] and (place < depth - 1 or ends_pooled))
        for place, block in enumerate(written[min(place, len(written) - 1)] for place in range(depth))
        for number in block
    ]


def in_effect(spec: ArchitectureSpec, *, batch_normalization: bool) -> ArchitectureSpec:
    """The same with every part that has no effect at its default: what a recipe's key holds.

    Args:
        spec: as a recipe holds it.
        batch_normalization: the recipe's: one after every convolution.
    """
    if not isinstance(spec, CnnSpec):
        return spec
    if spec.bn_momentum != _USUAL.bn_momentum and not batch_normalization and not as_built(spec).batch_normalization:
        spec = replace(spec, bn_momentum=_USUAL.bn_momentum)
    if spec.residual and len(blocks(as_built(spec).convolutions)) == 1:  # whose input no shortcut takes
        spec = replace(spec, residual=False)
    return spec
