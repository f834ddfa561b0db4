"""Two-stage hyper-parameter optimization for image classifiers.

    import hpo

    study = hpo.open_study("studies/quickstart.yaml")
    study.figure("history")

`hpo.api` has what the names below mean; ``docs/python.md`` shows them at work. Each is imported when it is first used,
so that ``import hpo`` takes no time and never starts TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpo.api.run import make_study as make_study
    from hpo.api.run import run_study as run_study
    from hpo.api.study import Study as Study
    from hpo.api.study import open_study as open_study
    from hpo.config.load import load_study as load_study
    from hpo.errors import HpoError as HpoError
    from hpo.results.study import StudyResults as StudyResults

__version__: str

_HOMES = {
    "Study": "hpo.api.study",
    "make_study": "hpo.api.run",
    "open_study": "hpo.api.study",
    "run_study": "hpo.api.run",
    "load_study": "hpo.config.load",
    "HpoError": "hpo.errors",
    "StudyResults": "hpo.results.study",
}

__all__ = ["HpoError", "Study", "StudyResults", "load_study", "make_study", "open_study", "run_study"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("hpo")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
