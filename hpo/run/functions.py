"""The study's own functions, tried once before anything is planned: what is wrong with one costs no design point."""

from __future__ import annotations

import logging
from contextlib import suppress

from hpo.config.factor import Factor
from hpo.config.study import StudyFile
from hpo.errors import ConfigError, TrainingError
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.key import canonical
from hpo.recipe.point import Point, apply_point
from hpo.search.designs import one_factor
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
    from hpo.models.build import build_model, check_repeatable, doubts_about
    from hpo.models.own_function import look_in
    from hpo.training.own_augment import check_augmentation
    from hpo.training.own_loss import check_loss
    from hpo.training.own_metric import check_metric
    from hpo.training.runtime import configure

    with suppress(TrainingError):  # TensorFlow runs already, with other threads: whoever trains next says so
        configure(study.workers.threads or threads)
    look_in(study.file.parent)
    for name, spec in functions.items():
        try:
            model = build_model(spec, study.data.patch_size, arithmetic=study.arithmetic.of_recipe, form=form_of(study))
            check_repeatable(spec, model)
        except TrainingError as error:
            raise ConfigError(study.file, f"{error}; nothing was planned", key=f"architectures.{name}") from error
        for doubt in doubts_about(model):
            _log.warning("%s: %s", spec.function, doubt)
        _check_levels(study, name, spec)
    for key, function in study.function_specs.items():
        form = form_of(study)
        try:
            if key == "augment":
                check_augmentation(function, study.data.patch_size, form.channels)
            else:
                check_loss(function, form.logit_shape)
        except TrainingError as error:
            raise ConfigError(study.file, f"{error}; nothing was planned", key=key) from error
    if study.metric_spec is not None:
        try:
            check_metric(study.metric_spec, form_of(study))
        except TrainingError as error:
            raise ConfigError(study.file, f"{error}; nothing was planned", key="objective.metric") from error
    if frozen is not None:
        _check_frozen(study, frozen)


def _check_levels(study: StudyFile, name: str, spec: FunctionSpec) -> None:
    """See that a function makes a network of each level of its arguments in stage 1, and of the bounds of stage 2.

    Raises:
        ConfigError: naming the value that it makes none of.
    """
    from hpo.models.build import build_model

    tried: dict[FunctionSpec, None] = {spec: None}
    for point in [*designed_points(study, name)[:_MOST_LEVELS], *_bounds(study, name)]:
        wanted = apply_point(template_recipe(study, name, "", study.stage1.seed), point)[0].architecture
        if not isinstance(wanted, FunctionSpec) or wanted in tried:
            continue
        tried[wanted] = None
        try:
            build_model(wanted, study.data.patch_size, arithmetic=study.arithmetic.of_recipe, form=form_of(study))
        except TrainingError as error:
            before = dict(spec.arguments)
            asked = ", ".join(
                f"{key} {canonical(value)}" for key, value in wanted.arguments if before.get(key) != value
            )
            text = f"of {asked} of {study.search_space.name}, {error}; nothing was planned"
            raise ConfigError(study.file, text, key=f"architectures.{name}") from error


def _bounds(study: StudyFile, name: str) -> list[Point]:
    """The reference point with each factor of stage 2 at its levels and bounds, where that applies."""
    space = study.space_of(name)
    factors = {key: factor for key, factor in space.factors.items() if key in study.stage2.factors}
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
