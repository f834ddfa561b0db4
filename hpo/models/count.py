"""The size of a user's own network, counted by calling its function; nothing is trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hpo.errors import TrainingError
from hpo.models.own_process import ask
from hpo.recipe.architecture import FunctionSpec, architecture_from_json, architecture_to_json
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.size import NetworkSize

_known: dict[tuple[FunctionSpec, int, Form], NetworkSize] = {}

_PATIENCE = 300
"""Seconds that building the networks may take."""


def count_sizes(
    specs: Sequence[FunctionSpec], patch_size: int, folder: Path, form: Form = TWO_IN_RGB
) -> list[NetworkSize]:
    """The sizes of the networks that functions make; each is counted once in the life of a process.

    A process that trains builds them itself. Others have a process of its own do it, because TensorFlow takes its
    number of threads once, from whoever trains.

    Args:
        specs: the functions with their arguments.
        patch_size: side of the square patches, pixels.
        folder: the study file's, where functions are looked for first.
        form: classes and channels of the data.

    Raises:
        TrainingError: if a function does not make a network.
    """
    new = [spec for spec in dict.fromkeys(specs) if (spec, patch_size, form) not in _known]
    if new:
        count = _built if "tensorflow" in sys.modules else _asked
        found = count(new, patch_size, folder, form)
        _known.update({(spec, patch_size, form): size for spec, size in zip(new, found, strict=True)})
    return [_known[spec, patch_size, form] for spec in specs]


def _built(specs: Sequence[FunctionSpec], patch_size: int, folder: Path, form: Form) -> list[NetworkSize]:
    from hpo.models.build import network_size
    from hpo.models.own_function import look_in

    look_in(folder)
    return [network_size(spec, patch_size, form) for spec in specs]


def _asked(specs: Sequence[FunctionSpec], patch_size: int, folder: Path, form: Form) -> list[NetworkSize]:
    """The same by a process of its own."""
    question = {
        "specs": [architecture_to_json(spec) for spec in specs],
        "patch_size": patch_size,
        "folder": str(folder),
        "form": asdict(form),
    }
    name = specs[0].function
    found = ask(
        "hpo.models.count",
        question,
        _PATIENCE,
        late=f"{name}: its networks were not built",
        failed=f"{name}: its networks could not be counted",
    )
    if "problem" in found:
        raise TrainingError(found["problem"])
    return [NetworkSize(*counts) for counts in found["sizes"]]


def _main() -> None:
    question = json.load(sys.stdin)
    specs = [architecture_from_json(values) for values in question["specs"]]
    functions = [spec for spec in specs if isinstance(spec, FunctionSpec)]
    try:
        sizes = _built(functions, question["patch_size"], Path(question["folder"]), Form(**question["form"]))
    except TrainingError as error:
        sys.stdout.write(json.dumps({"problem": str(error)}) + "\n")
        return
    sys.stdout.write(json.dumps({"sizes": [[size.parameters, size.weights] for size in sizes]}) + "\n")


if __name__ == "__main__":
    _main()
