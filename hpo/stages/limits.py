"""What a study's limits leave out, and limits that leave nothing to study."""

from __future__ import annotations

from dataclasses import replace

from hpo.config.study import StudyFile
from hpo.errors import ConfigError, TrainingError
from hpo.recipe.point import FACTORS, Point, apply_point
from hpo.search.limits import excesses, network_sizes
from hpo.stages.plan import designed_points, judged, reference_recipe

_MOST_NAMED = 6
"""Points that a line names."""


def check_limits(study: StudyFile) -> None:
    """Refuse limits that an architecture's reference point exceeds: every study trains it, and compares with it.

    Raises:
        ConfigError: saying which limit, by how much, and whether any point of stage 1 meets it.
    """
    if not study.limits.is_set:
        return
    for architecture in study.architecture_specs:
        try:
            _check(study, architecture)
        except TrainingError as error:
            raise ConfigError(
                study.file, f"{error}; nothing was planned", key=f"architectures.{architecture}"
            ) from error


def _check(study: StudyFile, architecture: str) -> None:
    template = reference_recipe(study, architecture, "", 0)
    inserted = replace(template, batch_normalization=True)
    wanted = [template, *([inserted] if study.stage2.batch_normalization else [])]
    over = excesses(study, wanted)
    if not any(over):
        return
    said = limit_words(study)
    if not over[0]:
        raise ConfigError(
            study.file,
            f"with it {architecture} has {over[1]} at the reference point; limits: {said}; leave it out, or raise the "
            "limit",
            key="stage2.batch_normalization",
        )
    within = [point for point, excess in judged(study, architecture) if not excess]
    if not within:
        recipes = [apply_point(template, point)[0] for point in designed_points(study, architecture)]
        least = min(network_sizes(study, recipes), key=lambda size: (size.parameters, size.weights))
        raise ConfigError(
            study.file,
            f"{said}: no point of stage 1 of {architecture} meets it; the smallest network has "
            f"{least.parameters:,} parameters ({least.model_mb:.3g} MB); raise the limit, or leave {architecture} out "
            "of architectures",
            key="limits",
        )
    own = [name for name in study.space_of(architecture).factors if name not in FACTORS]
    lower = f"lower the reference of {', '.join(own)} in {study.search_space.name}" if own else "make it smaller"
    raise ConfigError(
        study.file,
        f"{said}: the reference point of {architecture} has {over[0]}, and every study trains its reference point; "
        f"{lower}, or raise the limit",
        key="limits",
    )


def left_out(study: StudyFile) -> list[str]:
    """The points of stage 1 that limits leave out, a line for each architecture that loses some.

    Raises:
        TrainingError: if a function does not make a network.
    """
    if not study.limits.is_set:
        return []
    lines = []
    for architecture in study.architecture_specs:
        points = judged(study, architecture)
        reference = points[0][0]
        over = [f"{_difference(point, reference)} ({excess})" for point, excess in points if excess]
        if over:
            more = f" and {len(over) - _MOST_NAMED} more" if len(over) > _MOST_NAMED else ""
            lines.append(
                f"limits ({limit_words(study)}) leave out {len(over)} of {len(points)} points of stage 1 of "
                f"{architecture}: {'; '.join(over[:_MOST_NAMED])}{more}"
            )
    return lines


def limit_words(study: StudyFile) -> str:
    """The limits as a line says them."""
    limits = study.limits
    words = [] if limits.parameters is None else [f"at most {limits.parameters:,} parameters"]
    return " and ".join([*words, *([] if limits.model_mb is None else [f"at most {limits.model_mb:g} MB"])])


def _difference(point: Point, reference: Point) -> str:
    """What sets a point apart from the reference."""
    return ", ".join(f"{name} {value}" for name, value in point.items() if value != reference.get(name)) or "reference"
