"""A study's own functions in another process: what they make there must be what they make here.

Two calls in one process do not show what a module decides when it is imported, a function while it is traced, or the
order of a set: such a function would fail in the middle of a run, when another process resumes its training.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import TrainingError
from hpo.models.own_process import ask
from hpo.recipe.architecture import FunctionSpec, architecture_to_json, function_from_json
from hpo.recipe.form import Form

_PATIENCE = 300
"""Seconds that the other process may take."""

_FIRST = 16
"""Numbers of a variable that are compared one by one, beside the sum of all."""

_SEED = (1, 2)

Made = dict[str, dict[str, Any]]
"""By the function's key in the study file, a shape and a few numbers of each thing that it made, by name."""


@dataclass(frozen=True)
class OwnFunctions:
    """Functions of a study's own.

    Args:
        functions: by their keys in the study file: ``architectures.NAME``, ``augment`` or ``loss``.
        patch_size: side of the square patches, pixels.
        form: classes and channels of the data.
    """

    functions: Mapping[str, FunctionSpec]
    patch_size: int
    form: Form


def differences(own: OwnFunctions, folder: Path) -> Iterator[tuple[str, str]]:
    """What another process makes differently, as pairs of a key in the study file and a problem in words.

    Args:
        own: the functions; here they keep their contracts.
        folder: the study file's, where modules are looked for first.

    Raises:
        TrainingError: if the other process does not answer.
    """
    if not own.functions:
        return
    name = next(iter(own.functions.values())).function
    question = {
        "functions": {key: architecture_to_json(spec) for key, spec in own.functions.items()},
        "patch_size": own.patch_size,
        "form": asdict(own.form),
        "folder": str(folder),
        "path": sys.path,
    }
    there: dict[str, Any] = ask(
        __name__,
        question,
        _PATIENCE,
        late=f"{name}: it was not called in another process",
        failed=f"{name}: it could not be called in another process",
    )
    for key, spec in own.functions.items():
        problem = there[key] if isinstance(there[key], str) else _difference(spec, _made(key, spec, own), there[key])
        if problem:
            yield key, f"{problem}; decide nothing by time, machine, process or the order of a set"


def _difference(spec: FunctionSpec, here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """The first difference between what two processes made, in words; empty if there is none."""
    for path in (*here, *(path for path in there if path not in here)):
        one, other = here.get(path), there.get(path)
        if one is None or other is None:
            return f"{path}: it is made by one process and not by another, so that no training could be resumed"
        if one["shape"] != other["shape"]:
            shapes = " and ".join(str(tuple(found["shape"])) for found in (one, other))
            return f"{path}: two processes made {shapes}, so that no training could be resumed"
        if not np.allclose(one["numbers"], other["numbers"], rtol=1e-3, atol=1e-4, equal_nan=True):
            return f"{path}: two processes made other values, so that a resumed training would differ"
    if list(here) != list(there):
        return (
            f"{spec.function}: two processes made its variables in another order, so that no training could be resumed"
        )
    return ""


def _made(key: str, spec: FunctionSpec, own: OwnFunctions) -> dict[str, Any]:
    """A few numbers of what a function makes in this process.

    Raises:
        TrainingError: if it breaks its contract.
    """
    from hpo.models.build import build_model, weights_of
    from hpo.training.own_augment import noise_patches, own_augmentation
    from hpo.training.own_loss import own_loss, probe_logits

    if key == "augment":
        patches = noise_patches(own.patch_size, own.form.channels)
        change = own_augmentation(spec, own.patch_size, len(patches), own.form.channels)
        return {f"{spec.function}: the result": _summary(change(patches, np.array(_SEED, np.int32)).numpy())}
    if key == "loss":
        labels, logits = probe_logits(own.form.logit_shape)
        loss = own_loss(spec, len(labels), own.form.logit_shape)
        return {f"{spec.function}: the result": _summary(loss(labels, logits).numpy())}
    weights = weights_of(build_model(spec, own.patch_size, form=own.form))
    return {f"{spec.function}: its variable {path}": _summary(value) for path, value in weights.items()}


def _summary(values: NDArray[Any]) -> dict[str, Any]:
    flat = values.astype(np.float64).ravel()
    return {"shape": list(values.shape), "numbers": [*flat[:_FIRST].tolist(), float(np.mean(np.abs(flat)))]}


def _main() -> None:
    question = json.load(sys.stdin)
    sys.path.extend(place for place in question["path"] if place not in sys.path)
    from hpo.models.backend import tf
    from hpo.models.own_function import look_in

    tf.config.set_visible_devices([], "GPU")  # the process that asks has it
    tf.config.experimental.enable_op_determinism()
    look_in(Path(question["folder"]))
    functions = {key: function_from_json(values) for key, values in question["functions"].items()}
    own = OwnFunctions(functions, question["patch_size"], Form(**question["form"]))
    answer: dict[str, Any] = {}
    for key, spec in functions.items():
        try:
            answer[key] = _made(key, spec, own)
        except TrainingError as error:
            answer[key] = f"{error}, in another process"
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    _main()
