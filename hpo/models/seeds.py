"""Random numbers addressed by what they are for: stateless, and the same on every machine and NumPy version."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
from numpy.typing import NDArray


def random_words(count: int, *address: int | str) -> NDArray[np.uint64]:
    """Random 64-bit words that depend on nothing but their address.

    Args:
        count: how many.
        address: what the numbers are for, such as ``(seed, epoch, "order")``.

    Returns:
        uint64, shape ``(count,)``: the raw stream of Philox-4x64-10 keyed by the address's SHA-256. The raw stream is
        fixed by Philox's definition, whereas NumPy may change its distributions from version to version.

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    key = hashlib.sha256(json.dumps(address).encode()).digest()[:16]
    words: NDArray[np.uint64] = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(count)
    return words


def random_uniform(shape: tuple[int, ...], *address: int | str) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), float64 of the given shape, that depend on nothing but their address."""
    words = random_words(math.prod(shape), *address)
    return np.ldexp((words >> np.uint64(11)).astype(np.float64), -53).reshape(shape)
