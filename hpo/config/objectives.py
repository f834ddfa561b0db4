"""Several objectives at once, and which network of their front is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from hpo.config.explain import Problem
from hpo.config.fields import Number, Settings, repeated_items
from hpo.config.metric import METRIC_NAMES
from hpo.config.stages import POOL_DESIGNS, Stage2Settings
from hpo.errors import nearest

if TYPE_CHECKING:
    from hpo.config.study import StudyFile

QUANTITIES = ("parameters", "model_mb", "latency_ms", "patch_visits")
"""Objectives that are no metrics; less of each is better."""

_ALWAYS = ("auc", "accuracy", "precision", "recall", "f1", "loss")
"""Metrics that every curve holds; others are measured only where they are ``objective.metric``."""

_WITHOUT_FRONT: dict[str, str] = {
    **dict.fromkeys(POOL_DESIGNS, "pauses trainings by one objective"),
    "cmaes": "searches for one objective",
}
"""Designs that take no more than one objective, and why."""


def _objective(name: str) -> str:
    known = (*METRIC_NAMES, *QUANTITIES)
    if name not in known:
        raise ValueError(f"{name!r} is no objective; {nearest(name, known)}")
    return name


ObjectiveName = Annotated[
    str, AfterValidator(_objective), Field(json_schema_extra={"enum": [*METRIC_NAMES, *QUANTITIES]})
]
"""A metric on the validation split, or a quantity of a network or its training."""


class ChooseSettings(Settings):
    """Which network of the front is chosen."""

    best: ObjectiveName = Field(description="objective that is to be best")
    within: Number = Field(
        default=0, ge=0, description="so much worse than the best, in that objective's own unit, is as good"
    )
    then: ObjectiveName | None = Field(
        default=None, description="objective that decides among those; by default the first other one"
    )
    at_least: dict[ObjectiveName, Number] = Field(
        default={}, description="the least that a chosen network reaches, by objective"
    )
    at_most: dict[ObjectiveName, Number] = Field(
        default={}, description="the most that a chosen network has or takes, by objective"
    )


def objective_problems(study: StudyFile) -> Iterator[Problem]:
    """What is wrong with a study's objectives, located in its file."""
    names, choose = study.objectives, study.choose
    if not names:
        if choose is not None:
            yield Problem(("choose",), "chooses from the front of several objectives; set objectives, or leave it out")
        return
    yield from repeated_items("objectives", names)
    yield from _design_problems(study.stage2)
    metric = study.objective.metric
    for index, name in enumerate(names):
        if name not in (*_ALWAYS, *QUANTITIES, metric):
            text = f"{name} is measured only where it is objective.metric; name one of {', '.join(_ALWAYS)}"
            yield Problem(("objectives", index), text)
    if len(names) < 2:
        yield Problem(
            ("objectives",), f"needs at least two; found {names[0]!r}, and objective: {{metric: ...}} is for one"
        )
    elif metric not in names:
        text = f"lacks {metric}, which ranges and the final comparison are judged by; add it, or set objective.metric"
        yield Problem(("objectives",), text)
    elif choose is None:
        other = next(name for name in names if name != metric)
        text = (
            "needs choose, which says which network of the front is tuned further, such as "
            f"choose: {{best: {metric}, within: 0.01, then: {other}}}"
        )
        yield Problem(("objectives",), text)
    else:
        yield from _choose_problems(names, choose)


def _choose_problems(names: Sequence[str], choose: ChooseSettings) -> Iterator[Problem]:
    places: list[tuple[tuple[str, ...], str | None]] = [(("best",), choose.best), (("then",), choose.then)]
    places += [(("at_least", name), name) for name in choose.at_least]
    places += [(("at_most", name), name) for name in choose.at_most]
    for place, name in places:
        if name is not None and name not in names:
            yield Problem(("choose", *place), f"{name} is none of the objectives: {', '.join(names)}")
    if choose.then == choose.best:
        yield Problem(("choose", "then"), f"is {choose.best}, as best is; name another objective")


def _design_problems(stage2: Stage2Settings) -> Iterator[Problem]:
    why = _WITHOUT_FRONT.get(stage2.design)
    if why is not None:
        text = f"{stage2.design} {why}; with objectives take tpe, nsga2, gp, random or qmc"
        yield Problem(("stage2", "design"), text)
    if stage2.stop is not None:
        yield Problem(("stage2", "stop"), "looks at one objective; leave it out where there are several")
