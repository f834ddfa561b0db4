"""What the three other programs need to read the patches; ours reads them itself."""

from pathlib import Path

import h5py
import numpy as np


def load(folder, split):
    """Patches scaled to [-1, 1], and labels 0 and 1."""
    found = []
    for letter in "xy":
        with h5py.File(Path(folder, f"camelyonpatch_level_2_split_{split}_{letter}.h5")) as file:
            found.append(file[letter][:])
    return found[0].astype(np.float32) / 127.5 - 1.0, found[1].reshape(-1).astype(np.float32)
