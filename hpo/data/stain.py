"""Stain and colour: from concentrations of haematoxylin and eosin to RGB, by the Beer-Lambert law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# Optical-density directions (R, G, B) between which slides vary: from a violet scanner, near Ruifrok and Johnston's
# (2001), to a brownish one, near those of Macenko et al. (2009). PCam's patches lie between and at both ends.
HAEMATOXYLIN = np.array([[0.65, 0.70, 0.29], [0.54, 0.71, 0.46]])
EOSIN = np.array([[0.17, 0.93, 0.30], [0.22, 0.80, 0.56]])


def _basis(*directions: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Two directions and the one at right angles to both, each of length 1."""
    rows = np.array(directions)
    rows = np.vstack([rows, np.cross(*rows)])
    basis: npt.NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return basis


RUIFROK_JOHNSTON = _basis((0.65, 0.70, 0.29), (0.07, 0.99, 0.11))
"""Optical-density directions of haematoxylin, of eosin and of what is neither, (3, 3), as Ruifrok and Johnston (2001)
measured the first two: ``concentrations . directions`` is a pixel's optical density."""


@dataclass(frozen=True)
class Stain:
    """Stain and scanner of one slide.

    Args:
        vectors: optical density of a unit concentration of haematoxylin and of eosin, shape (2, 3), float32.
        light: brightness of the empty slide in R, G, B, shape (3,), grey levels.
        blur: standard deviation of the scanner's blur, pixels.
        noise: standard deviation of the scanner's noise, grey levels.
    """

    vectors: Floats
    light: Floats
    blur: float
    noise: float


def random_stain(rng: np.random.Generator) -> Stain:
    """The stain of one slide: hue, strength of either dye, lamp, focus and noise all vary.

    The strength varies by a third to either side, so that a patch's colour says more about its slide than about its
    label.
    """
    hue = np.clip(rng.uniform() + rng.normal(0, 0.15, 2), 0, 1)
    vectors = np.stack(
        [
            HAEMATOXYLIN[0] * (1 - hue[0]) + HAEMATOXYLIN[1] * hue[0],
            EOSIN[0] * (1 - hue[1]) + EOSIN[1] * hue[1],
        ]
    )
    vectors = np.clip(vectors + rng.normal(0, 0.03, (2, 3)), 0.02, None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors *= np.exp(rng.uniform(-0.5, 0.5, (2, 1)))
    light = 240 + rng.uniform(-5, 5) + rng.normal(0, 2.5, 3)
    return Stain(
        vectors=vectors.astype(np.float32),
        light=light.astype(np.float32),
        blur=float(rng.uniform(0.3, 0.65)),
        noise=float(rng.uniform(1.5, 4.0)),
    )


def to_rgb(concentrations: Floats, stain: Stain, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The picture that a scanner takes of stained tissue: ``light * exp(-concentrations . vectors)`` and noise.

    Args:
        concentrations: of haematoxylin and eosin, shape (2, height, width), float32; >= 0.
        stain: of the slide.
        rng: of the noise.

    Returns:
        uint8 of shape (height, width, 3).

    Source: Ruifrok and Johnston 2001, "Quantification of histochemical staining by color deconvolution".
    """
    haematoxylin, eosin = concentrations[0, ..., None], concentrations[1, ..., None]
    density = haematoxylin * stain.vectors[0]
    density += eosin * stain.vectors[1]
    picture = np.exp(np.negative(density, out=density), out=density)
    picture *= stain.light
    noise = rng.standard_normal(concentrations.shape[1:], dtype=np.float32)  # grey: JPEG smooths the colours
    noise *= stain.noise
    noise += 0.5  # rounds
    picture += noise[..., None]
    return np.asarray(np.clip(picture, 0, 255, out=picture).astype(np.uint8))
