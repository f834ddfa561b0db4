"""The study's own functions, tried once before anything is planned: what is wrong with one costs no design point."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hpo.config.factor import Factor
from hpo.config.study import StudyFile
from hpo.errors import ConfigError, TrainingError
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.key import canonical
from hpo.recipe.point import Point, Value, apply_point
from hpo.search.designs import one_factor
from hpo.search.limits import is_within
from hpo.stages.plan import designed_points, form_of, template_recipe

_log = logging.getLogger(__name__)

_MOST_LEVELS = 64
"""Points of stage 1 whose networks are tried: all of one_factor's, the first ones of a large grid."""


def check_functions(study: StudyFile, threads: int | None = None) -> None:
    """Call each function of the study, and see that it keeps its contract; see docs/functions.md.

    What is doubtful, such as patches that are scaled twice, is logged. TensorFlow is imported if there is a function.

    Args:
        study: the study file.
        threads: that TensorFlow may use, where the study file does not say.

    Raises:
        ConfigError: naming the function, and what is wrong with it.
    """
    functions = {name: spec for name, spec in study.architecture_specs.items() if isinstance(spec, FunctionSpec)}
    frozen = study.space.factors.get("frozen_layers")
    if not functions and not study.function_specs and study.metric_spec is None and frozen is None:
        return
    from hpo.models.own_function import look_in
    from hpo.training.own_metric import check_metric
    from hpo.training.runtime import configure

    with suppress(TrainingError):  # TensorFlow runs already, with other threads: whoever trains next says so
        configure(study.workers.threads or threads)
    look_in(study.file.parent)
    for name, spec in functions.items():
        _check_network(study, name, spec)
    for key, function in study.function_specs.items():
        _check_of_training(study, key, function)
    if study.metric_spec is not None:
        try:
            check_metric(study.metric_spec, form_of(study))
        except TrainingError as error:
            raise ConfigError(study.file, f"{error}; nothing was planned", key="objective.metric") from error
    if frozen is not None:
        _check_frozen(study, frozen)
    _check_elsewhere(
        study, {f"architectures.{name}": spec for name, spec in functions.items()} | dict(study.function_specs)
    )


def _check_network(study: StudyFile, name: str, spec: FunctionSpec) -> None:
    """See that a function makes the same network twice, and one of each level of its arguments.

    Raises:
        ConfigError: as `check_functions`.
    """
    from hpo.models.build import build_model, check_repeatable
    from hpo.models.doubts import doubts_about

    try:
        model = build_model(spec, study.data.patch_size, arithmetic=study.arithmetic.of_recipe, form=form_of(study))
        check_repeatable(spec, model)
    except TrainingError as error:
        raise _refused(study, f"architectures.{name}", spec, error) from error
    for doubt in doubts_about(model):
        _log.warning("%s: %s", spec.function, doubt)
    _check_levels(study, name, spec)


def _check_of_training(study: StudyFile, key: str, function: FunctionSpec) -> None:
    """See that an augmentation or a loss keeps its contract.

    Raises:
        ConfigError: as `check_functions`.
    """
    from hpo.training.own_augment import check_augmentation
    from hpo.training.own_loss import check_loss

    form = form_of(study)
    try:
        if key == "augment":
            check_augmentation(function, study.data.patch_size, form.channels)
        else:
            check_loss(function, form.logit_shape)
    except TrainingError as error:
        raise _refused(study, key, function, error) from error


def _check_elsewhere(study: StudyFile, functions: dict[str, FunctionSpec]) -> None:
    """See that another process gets the same of each function.

    Raises:
        ConfigError: as `check_functions`.
    """
    from hpo.training.elsewhere import OwnFunctions, differences

    try:
        for key, problem in differences(
            OwnFunctions(functions, study.data.patch_size, form_of(study)), study.file.parent
        ):
            raise ConfigError(study.file, f"{problem}; nothing was planned", key=key)
    except TrainingError as error:
        raise ConfigError(study.file, f"{error}; nothing was planned", key=next(iter(functions))) from error


def _refused(
    study: StudyFile, key: str, spec: FunctionSpec, error: TrainingError, of: Mapping[str, Value] | None = None
) -> ConfigError:
    """The refusal of a function, which names the values that it made nothing of.

    Args:
        study: the study file.
        key: of the function, in the study file.
        spec: the function with the arguments that it was called with.
        error: what it said.
        of: the arguments that differ from the reference; None is the reference itself.
    """
    words = _words_for_numbers(spec)
    named = words or of or {}
    space = study.search_space.name
    asked = ", ".join(
        f"{name} {json.dumps(canonical(value))}{f' of {space}' if name in study.space.factors else ''}"
        for name, value in named.items()
    )
    start = f"of {asked}, " if asked else ""
    if words:
        numbers = " and ".join(f"{name}={default}" for name, default in _defaults(spec).items() if name in words)
        start += f"a word where {spec.function} takes a number ({numbers}), "
    return ConfigError(study.file, f"{start}{error}; nothing was planned", key=key)


def _words_for_numbers(spec: FunctionSpec) -> dict[str, Value]:
    """The arguments that are words where the function's own default is a number."""
    defaults = _defaults(spec)
    return {
        name: value
        for name, value in spec.arguments
        if isinstance(value, str) and isinstance(defaults.get(name), int | float)
    }


def _defaults(spec: FunctionSpec) -> dict[str, Any]:
    """The defaults of a function's arguments, as far as they can be known."""
    from hpo.models.own_function import import_function

    try:
        return {name: one.default for name, one in inspect.signature(import_function(spec)).parameters.items()}
    except (TrainingError, TypeError, ValueError):
        return {}


def _check_levels(study: StudyFile, name: str, spec: FunctionSpec) -> None:
    """See that a function makes a network of each level of its arguments in stage 1, and of the bounds of stage 2.

    Networks over the study's limits are counted, not built: they are never trained.

    Raises:
        ConfigError: naming the value that it makes none of.
    """
    from hpo.models.build import build_model

    tried: dict[FunctionSpec, None] = {spec: None}
    for point in [*designed_points(study, name)[:_MOST_LEVELS], *_bounds(study, name)]:
        recipe = apply_point(template_recipe(study, name, "", study.stage1.seed), point)[0]
        wanted = recipe.architecture
        if not isinstance(wanted, FunctionSpec) or wanted in tried:
            continue
        tried[wanted] = None
        try:
            if is_within(study, recipe):
                build_model(wanted, study.data.patch_size, arithmetic=study.arithmetic.of_recipe, form=form_of(study))
        except TrainingError as error:
            before = dict(spec.arguments)
            changed = {key: value for key, value in wanted.arguments if before.get(key) != value}
            raise _refused(study, f"architectures.{name}", wanted, error, changed) from error


def _bounds(study: StudyFile, name: str) -> list[Point]:
    """The reference point with each factor of stage 2 at its levels and bounds, where that applies."""
    space = study.space_of(name)
    # No network depends on its initial weights, and there is no donor yet.
    tuned = {*study.stage2.factors} - {"warm_start"}
    factors = {key: factor for key, factor in space.factors.items() if key in tuned}
    values = {
        key: [*factor.levels, *(bound for bound in (factor.low, factor.high) if bound is not None)]
        for key, factor in factors.items()
    }
    return one_factor(space.reference_values, values, space.conditions)


def _check_frozen(study: StudyFile, factor: Factor) -> None:
    """See that every architecture has the layers to freeze that the search space may ask for.

    Raises:
        ConfigError: as `check_functions`, about the search space.
    """
    from hpo.models.build import build_model
    from hpo.models.freeze import freeze

    named = [factor.reference, *factor.levels, *([] if factor.high is None else [factor.high])]
    values = {value if isinstance(value, str) else int(value) for value in named}
    for name, spec in study.architecture_specs.items():
        for value in sorted(values, key=str):
            model = build_model(spec, study.data.patch_size, arithmetic=study.arithmetic.of_recipe, form=form_of(study))
            try:
                freeze(model, value)
            except TrainingError as error:
                key = "factors.frozen_layers"
                raise ConfigError(study.search_space, f"{name}: {error}; nothing was planned", key=key) from error
