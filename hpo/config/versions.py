"""Versions of what decides a result, for reports and best configurations."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("hpo", "tensorflow", "keras", "optuna", "numpy", "scikit-learn", "h5py", "sqlalchemy", "plotly")


def versions() -> dict[str, str]:
    """Of Python, the packages and the machine's kind, by name."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"platform": f"{platform.system()} {platform.machine()}"}
