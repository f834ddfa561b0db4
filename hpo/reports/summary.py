"""The top of a report: how far the study is, and in plain words what tuning gained."""

from __future__ import annotations

from hpo.evaluation.compare import MetricComparison
from hpo.evaluation.metrics import METRICS
from hpo.recipe.point import Point
from hpo.reports.comparison import Sides, compare_architectures
from hpo.reports.html import Html, element, escape, paragraph, swatch
from hpo.reports.records import Role
from hpo.reports.results import StudyResults
from hpo.reports.style import architecture_style
from hpo.reports.words import METRIC_WORDS, interval, number, plural, signed, signed_interval


def headline_metric(results: StudyResults) -> str:
    """The study's objective where it is one of the five metrics, else AUC."""
    objective = results.settings.objective.metric
    return objective if objective in METRICS else "auc"


def is_finished(results: StudyResults) -> bool:
    """Whether every architecture has been tested on both sides with every seed."""
    compared, settings = compare_architectures(results), results.settings
    return all(
        name in compared
        and compared[name].before_after is not None
        and compared[name].sampling.seeds == len(settings.confirm_seeds)
        for name in settings.architectures
    )


def sentence(architecture: str, metric: str, found: MetricComparison) -> str:
    """What tuning gained one architecture, in words."""
    words, gain = METRIC_WORDS[metric], found.difference
    start = f"After tuning, {architecture}'s test {words} is {number(found.after.value)} ({interval(found.after)}), "
    if number(gain.value) == number(0):
        where = "the same as before"
    else:
        where = f"{number(abs(gain.value))} {'higher' if gain.value > 0 else 'lower'} than before"
    verdict = "excludes 0" if gain.excludes_zero else "includes 0, so this may be chance"
    return f"{start}{where}; the interval of the difference, {signed_interval(gain)}, {verdict}."


def origin(results: StudyResults, architecture: str, metric: str, found: Sides) -> str:
    """Where the gain comes from, in words: the tuned settings, or the weights that the tuned training starts from.

    Returns:
        An empty text without a tested cold-start control.
    """
    settings_alone = found.pairs.get(("before", "cold_control"))
    if settings_alone is None:
        return ""
    if _point(results, architecture, "before") == _point(results, architecture, "cold_control"):
        return (
            "The tuned settings are the reference's own: whatever was gained comes from starting at weights that had "
            "been trained before."
        )
    alone = settings_alone.metrics[metric].difference
    return f"From random weights, the tuned settings alone bring {signed(alone.value)} ({signed_interval(alone)})."


def summarize(results: StudyResults) -> Html:
    """Cards of all architectures, and what is still to come."""
    compared = compare_architectures(results)
    metric = headline_metric(results)
    cards = [
        _card(results, name, metric, compared[name])
        for name in results.settings.architectures
        if name in compared and compared[name].before_after is not None
    ]
    parts = [] if is_finished(results) else [paragraph(_progress(results), "notice")]
    if cards:
        parts.append(element("div", *cards, class_="cards"))
    return element("section", *parts, class_="summary", id="summary")


def _card(results: StudyResults, name: str, metric: str, found: Sides) -> Html:
    comparison = found.before_after
    if comparison is None:
        raise ValueError(f"{name} has not been tested on both sides")
    values = comparison.metrics[metric]
    gain = values.difference
    mark = "unsure" if not gain.excludes_zero else "up" if gain.value > 0 else "down"
    numbers = element(
        "p",
        element("span", escape(number(values.before.value)), class_="from"),
        escape(" \N{RIGHTWARDS ARROW} "),
        element("span", escape(number(values.after.value)), class_="to"),
        class_="numbers",
    )
    colour = architecture_style(results.settings, name).colour
    return element(
        "article",
        element("h3", swatch(colour), escape(name), element("span", escape(signed(gain.value)), class_=f"gain {mark}")),
        paragraph(f"test {METRIC_WORDS[metric]} before and after", "what"),
        numbers,
        paragraph(f"{sentence(name, metric, values)} {origin(results, name, metric, found)}".strip()),
        class_="card",
    )


def _point(results: StudyResults, architecture: str, role: Role) -> Point | None:
    trainings = (one for one in results.confirmations if (one.architecture, one.role) == (architecture, role))
    return next((one.point for one in trainings), None)


def _progress(results: StudyResults) -> str:
    parts = []
    for stage, words in (("stage1", "stage 1"), ("stage2", "stage 2")):
        trials = [trial for trial in results.trials if trial.stage == stage]
        ended = sum(trial.state in ("complete", "pruned", "failed") for trial in trials)
        parts.append(f"{words}: {ended} of {plural(len(trials), 'trial')} done" if trials else f"{words}: not begun")
    trained = sum(bool(training.curve) for training in results.confirmations)
    tested = sum(training.test_probabilities is not None for training in results.confirmations)
    parts.append(f"{plural(trained, 'final training')} done, {tested} tested")
    return f"This study is not finished ({'; '.join(parts)}). Below is what there is so far."
