"""The origin of every weight: from random weights through donors to stage 2 and the final models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Html, element, escape, swatch
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.results.decisions import Donor
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation, Role, TrialResult
from hpo.results.trials import value_of
from hpo.results.words import DASH, listed, metric_words, number, plural

MOST_SEEDS = 8
"""Final trainings drawn of a role; a study of more seeds shows the first."""

_KEY = 8  # letters of a recipe key; the donors' table has more


class Model(NamedTuple):
    """Weights: what they are, the recipe key, the epochs trained to them, and the objective where it is known."""

    name: str
    key: str
    epochs: int
    objective: float | None = None
    note: str = ""


class Tree(NamedTuple):
    """One architecture.

    ``donor`` and ``choice`` are None before stage 2, ``donor`` also where it starts cold; ``after`` pairs each final
    model with the donor that was repeated for its seed. ``is_cold`` is whether the choice starts at random weights
    although there is a donor, as it may where each trial's start is searched.
    """

    architecture: str
    donor: Model | None
    trials: int
    choice: Model | None
    after: list[tuple[Model | None, Model]]
    before: list[Model]
    cold_control: list[Model]
    equal: list[Model]
    is_rechecked: bool = False
    is_cold: bool = False


class Lineage(NamedTuple):
    """Facts of the trees."""

    metric: str
    trees: list[Tree]
    missing: list[str]
    left_out: int


def read(results: StudyResults, _options: PanelSettings) -> Lineage:
    """Donors, stage 2's choice and the final trainings of each architecture that has come so far.

    Raises:
        NotThereError: if stage 2 of none has begun.
    """
    trees = [_tree(results, name) for name in results.settings.architectures]
    grown = [tree for tree in trees if tree.donor or tree.trials or tree.after or tree.before]
    if not grown:
        raise NotThereError("No architecture has started stage 2 yet; until then, all weights start at random.")
    return Lineage(
        results.settings.objective.metric,
        grown,
        [tree.architecture for tree in trees if tree not in grown],
        max(0, len(results.settings.confirm.seeds) - MOST_SEEDS),
    )


def draw(data: Lineage, looks: Looks) -> Html:
    """A tree an architecture, left to right; on a narrow page its branches lie below one another."""
    parts = []
    for tree in data.trees:
        heading = element("h4", swatch(looks.colour(tree.architecture)), escape(tree.architecture))
        root = _node("Random weights")
        branches = element("ul", element("li", root, _list(_branches(tree))), class_="tree")
        parts.append(element("div", heading, branches))
    return element("div", *parts, class_="lineage")


def finding(data: Lineage) -> str:
    """The training behind the final models."""
    tuned = [(donor, model) for tree in data.trees for donor, model in tree.after]
    if not tuned:
        begun = sum(tree.trials for tree in data.trees)
        return f"{plural(begun, 'stage-2 trial')} finished so far; no final model has been planned yet."
    own = _span([model.epochs for _, model in tuned])
    donors = [donor.epochs for donor, _ in tuned if donor is not None]
    before = [model.epochs for tree in data.trees for model in tree.equal or tree.before]
    lent = (
        f"{_span(donors)} of a donor trained with its own seed and {own} of its own"
        if donors
        else f"{own}, all from random weights"
    )
    if 0 < len(donors) < len(tuned):  # each start was searched
        lent = f"{own} of its own and, for {len(donors)} of them, {_span(donors)} of a donor trained with its own seed"
    reference = f"; a reference model has {_span(before)} from random weights" if before else ""
    return f"Behind each of the {plural(len(tuned), 'tuned final model')} lie {lent}{reference}."


def explain(data: Lineage) -> str:
    """The meaning of the branches."""
    missing = f" Stage 2 has not started for {listed(data.missing)}." if data.missing else ""
    seeds = f" {plural(data.left_out, 'more seed')} of each role are not shown." if data.left_out else ""
    return (
        "A line hands weights on, from left to right; the code is the first letters of the training's recipe key, the "
        f"number its validation {metric_words(data.metric)}. Final models take stage 2's settings, not its weights."
        f"{missing}{seeds}"
    )


def _tree(results: StudyResults, architecture: str) -> Tree:
    donor, chosen = results.donor(architecture), results.chosen_trial(architecture)
    trials = results.finished("stage2", architecture)

    def finals(role: Role) -> list[Confirmation]:
        return sorted(results.finals(architecture, role), key=lambda one: one.seed)

    return Tree(
        architecture,
        None if donor is None else Model("Stage 1's donor", donor.recipe_key, donor.epoch, donor.objective),
        len(trials),
        None if chosen is None else _choice(chosen),
        [(_repeated(one, donor), _model(one)) for one in finals("after")],
        [_model(one) for one in finals("before")],
        [_model(one) for one in finals("cold_control")],
        [_model(one) for one in finals("equal")],
        results.chosen(architecture) is not None,
        donor is not None and chosen is not None and chosen.donor is None,
    )


def _choice(trial: TrialResult) -> Model:
    return Model(f"trial {trial.number}", trial.recipe_key, int(trial.point.get("epochs", 0)), value_of(trial))


def _model(one: Confirmation) -> Model:
    return Model(f"seed {one.seed}", one.recipe_key, one.epochs, one.objective, "" if one.curve else "not trained yet")


def _repeated(one: Confirmation, donor: Donor | None) -> Model | None:
    """The donor of a final training: stage 1's, trained anew with this seed unless it is the same seed."""
    if one.donor is None:
        return None
    key, epoch = one.donor
    same = donor is not None and key == donor.recipe_key
    return Model("Stage 1's donor itself" if same else f"Donor again, seed {one.seed}", key, epoch)


def _branches(tree: Tree) -> list[Html]:
    branches = []
    stage2 = [_stage2(tree)] if tree.trials else []
    if tree.donor is not None:
        grown = [] if tree.is_cold else stage2
        branches.append(element("li", _node(tree.donor.name, _line(tree.donor)), _list(grown)))
    if tree.donor is None or tree.is_cold:
        branches += stage2
    for donor, model in tree.after[:MOST_SEEDS]:
        leaf = element("li", _node(f"After, {model.name}", _line(model), kind="final"))
        branches.append(leaf if donor is None else element("li", _node(donor.name, _line(donor)), _list([leaf])))
    for name, models in (
        ("Before", tree.before),
        ("Reference, equally trained", tree.equal),
        ("Cold control", tree.cold_control),
    ):
        if models:
            lines = [_line(model, with_name=True) for model in models[:MOST_SEEDS]]
            branches.append(element("li", _node(name, *lines, kind="final")))
    return branches


def _stage2(tree: Tree) -> Html:
    if tree.choice is None:
        return element("li", _node("Stage 2", escape("no trial has finished")))
    best = _line(tree.choice, with_name=True)
    how = "chosen from" if tree.is_rechecked else "best of"
    return element("li", _node(f"Stage 2: {how} {plural(tree.trials, 'trial')}", best))


def _list(items: Sequence[Html]) -> Html:
    return element("ul", *items) if items else Html("")


def _node(name: str, *lines: Html, kind: str = "") -> Html:
    body = [element("b", escape(name)), *(element("span", line) for line in lines)]
    return element("div", *body, class_=f"node {kind}".strip())


def _line(model: Model, *, with_name: bool = False) -> Html:
    name = escape(f"{model.name}: ") if with_name else Html("")
    key = element("span", escape(model.key[:_KEY] or DASH), class_="code")
    known = model.note or (number(model.objective) if model.objective is not None else "")
    facts = ["", plural(model.epochs, "epoch"), *([known] if known else [])]
    return Html(f"{name}{key}{escape(', '.join(facts))}")


def _span(epochs: Sequence[int]) -> str:
    low, high = min(epochs), max(epochs)
    return plural(low, "epoch") if low == high else f"{low} to {plural(high, 'epoch')}"


PANEL = Panel("Lineage of the weights", read, draw, finding, explain)
