"""Classes and channels of a data folder, without reading its patches."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.data.description import read_description
from hpo.data.pcam import SPLITS, check_patches, compressed, split_files, unpack
from hpo.recipe.form import TWO_IN_RGB, Form


def form_of_folder(folder: Path) -> Form | None:
    """The form of the data set in a folder; None where no patches are there. Gzipped ones are decompressed first.

    Raises:
        DataError: if the description or the patches' file is damaged, or cannot be decompressed.
    """
    for name in (*SPLITS, "patches"):
        patches = split_files(folder, name).x
        if os.path.lexists(patches) or os.path.lexists(compressed(patches)):
            unpack(patches)
            return Form(len(read_description(folder).classes), check_patches(patches, None).channels)
    return None


def form_of_data(folder: Path, sample_classes: int | None = None) -> Form:
    """The form of a study's data: that of its folder, or of the sample that is to be drawn; else two classes in RGB.

    Args:
        folder: the study's.
        sample_classes: of the sample that the study asks for, if it does.

    Raises:
        DataError: as `form_of_folder`.
    """
    found = form_of_folder(folder)
    return found if found is not None else Form(sample_classes or TWO_IN_RGB.classes)
