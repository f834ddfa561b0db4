"""How training patches are changed at random, beyond what the first recipes had: all of it is off by default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentations:
    """Random changes of training patches. Every field is a factor of that name, and 0 is none.

    Args:
        shift: each patch moves by up to so many pixels in either direction, uniformly; what comes into sight at the
            edges is its mirror image. This is a random crop of the padded patch (He et al. 2016, section 4.2).
        brightness: strength ``b``: each patch's values are multiplied by ``1 +- b``, uniformly.
        blur: standard deviation of a Gaussian blur, pixels, uniform from 0 to this.
        he_jitter: strength ``j`` in stain space: each patch's concentrations of haematoxylin and of eosin are scaled by
            ``1 +- j`` and shifted by ``+- 0.3 j``, uniformly (Tellez et al. 2018).
        mixup: alpha of the Beta distribution by which two patches and their labels are averaged (Zhang et al. 2018).
        cutmix: alpha of the Beta distribution of the share of a patch that another's rectangle covers, the labels in
            the same proportion (Yun et al. 2019). With ``mixup`` too, a fair coin chooses for each patch.
    """

    shift: int = 0
    brightness: float = 0.0
    blur: float = 0.0
    he_jitter: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def blur_radius(self) -> int:
        """Pixels to either side that the widest blur takes in: three standard deviations, rounded up; 0 is none."""
        return -int(-3.0 * self.blur // 1)

    @property
    def mixes(self) -> bool:
        """Whether patches are combined, so that labels become proportions."""
        return self.mixup > 0 or self.cutmix > 0


NO_AUGMENTATIONS = Augmentations()
"""What older recipes, which do not mention them, were trained with."""
