"""Colours of probabilities: cividis, which people of any colour vision, and black-and-white printers, tell apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Nine equally spaced colours of Nunez, Anderton and Renslow 2018, "Optimizing colormaps with consideration for color
# vision deficiency", made more saturated towards the ends so that they stand out from eosin and haematoxylin.
_ANCHORS = np.array(
    [
        (0, 32, 81), (18, 53, 112), (60, 77, 110), (98, 100, 111), (127, 124, 117), (155, 148, 117), (187, 175, 104),
        (223, 204, 76), (253, 234, 69),
    ],
    dtype=np.float64,
)  # fmt: skip


def colours_of(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Red, green and blue of probabilities: uint8 of shape ``(..., 3)``; NaN is black."""
    place = np.linspace(0, 1, len(_ANCHORS))
    values = np.nan_to_num(np.asarray(probabilities, np.float64), nan=0.0)
    channels = [np.interp(values, place, _ANCHORS[:, channel]) for channel in range(3)]
    found = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    found[~np.isfinite(probabilities)] = 0
    return found
