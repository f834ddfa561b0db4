"""Every kind of bad input, and which share of all it has."""

from __future__ import annotations

from tests.bad_inputs import (
    archives,
    command_lines,
    environment,
    hdf5,
    images,
    labels,
    slides,
    stored,
    urls,
    yaml_files,
)
from tests.bad_inputs.attempt import Maker

KINDS: dict[str, tuple[Maker, int]] = {
    "study": (yaml_files.study, 12),
    "search_space": (yaml_files.space, 8),
    "dashboard": (yaml_files.board, 5),
    "ranges": (yaml_files.ranges, 4),
    "best_config": (yaml_files.best_config, 5),
    "hdf5": (hdf5.patches, 12),
    "slides": (slides.meta, 6),
    "images": (images.images, 12),
    "archives": (archives.archives, 8),
    "labels": (labels.labels, 6),
    "predictions": (stored.predictions, 2),
    "checkpoints": (stored.checkpoints, 2),
    "database": (stored.database, 4),
    "urls": (urls.urls, 5),
    "options": (command_lines.options, 6),
    "environment": (environment.environment, 4),
}
"""Each kind's maker and its weight."""

NEED_A_STUDY = ("ranges", "best_config", "predictions", "checkpoints", "database")
"""Kinds whose sound input is a finished study, which takes training."""
