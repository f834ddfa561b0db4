"""A worker that trains, as the tests of the worker have it."""

from __future__ import annotations

from tests.worker.conftest import dataset as dataset
from tests.worker.conftest import open_workshop as open_workshop
from tests.worker.conftest import patches as patches
from tests.worker.conftest import trainer as trainer
