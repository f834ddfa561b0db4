"""Every kind of bad input, and which share of all it has."""

from __future__ import annotations

from tests.bad_inputs import hdf5, pictures, stored, words, yaml_files
from tests.bad_inputs.attempt import Maker

KINDS: dict[str, tuple[Maker, int]] = {
    "study": (yaml_files.study, 12),
    "search_space": (yaml_files.space, 8),
    "dashboard": (yaml_files.board, 5),
    "ranges": (yaml_files.ranges, 4),
    "best_config": (yaml_files.best_config, 5),
    "hdf5": (hdf5.patches, 12),
    "slides": (hdf5.meta, 6),
    "images": (pictures.images, 12),
    "archives": (pictures.archives, 8),
    "labels": (pictures.labels, 6),
    "predictions": (stored.predictions, 4),
    "checkpoints": (stored.checkpoints, 2),
    "database": (stored.database, 6),
    "urls": (words.urls, 5),
    "options": (words.options, 6),
    "environment": (words.environment, 4),
}
"""Each kind's maker and its weight."""

NEED_A_STUDY = ("ranges", "best_config", "predictions", "checkpoints", "database")
"""Kinds whose sound input is a finished study, which takes training."""
