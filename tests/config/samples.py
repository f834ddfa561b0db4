"""A small valid study, search space and dashboard, to be broken in one place by each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpo.errors import ConfigError, ConfigErrors

STUDY = """\
name: example
data:
  folder: data
search_space: space.yaml
dashboard: dashboard.yaml
architectures: [model2, model3]
stage1:
  factors: [epochs, batch_size, patches, learning_rate, strategy]
stage2:
  epochs: 3
  trials: 4
confirm:
  epochs: 3
"""

SPACE = """\
factors:
  epochs: {reference: 2, levels: [1, 2, 4]}
  batch_size: {reference: 32, levels: [16, 32], scale: log}
  patches: {reference: 200, levels: [100, 200]}
  learning_rate: {reference: 0.01, levels: [0.003, 0.01], low: 0.001, high: 0.1, scale: log}
  strategy: {reference: constant, levels: [constant, step]}
  momentum: {reference: 0.9}
"""

DASHBOARD = "panels: [{panel: roc}]\n"

Change = tuple[str, str]
"""Text to replace, which must stand there once, and its replacement."""


def changed(text: str, *changes: Change) -> str:
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in the text")
        text = text.replace(old, new)
    return text


def refusal(load: Callable[..., Any], *arguments: Any) -> list[str]:
    """Every error that loading ends with, as 'LINE KEY: PROBLEM'."""
    with pytest.raises(ConfigError) as caught:
        load(*arguments)
    error = caught.value
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    return [f"{one.line} {one.key}: {one.problem}" for one in errors]
