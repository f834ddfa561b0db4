"""The top of a report: the verdict, its numbers, how far the study is, and what to run next."""

from __future__ import annotations

from hpo.config.objectives import QUANTITIES
from hpo.evaluation.compare import MetricComparison
from hpo.evaluation.metrics import METRICS
from hpo.reports.html import Html, element, escape, paragraph, table
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table, difference_kind
from hpo.results.advice import next_steps
from hpo.results.comparison import Tested
from hpo.results.cost import total_cost
from hpo.results.front import objective_value
from hpo.results.study import StudyResults
from hpo.results.trials import STAGES
from hpo.results.verdict import every_metric, origin, price, verdict
from hpo.results.words import (
    before_note,
    capital,
    count,
    interval,
    metric_words,
    number,
    p_value,
    plural,
    resampled_words,
    signed,
    signed_interval,
)

_TESTS: tuple[Tested, ...] = ("accuracy", "auc")


def summarize(results: StudyResults) -> Html:
    """The verdict in two sentences, the numbers behind it, and what to run next."""
    parts = [] if results.is_finished else [paragraph(_progress(results), "notice")]
    for name, reason in results.given_up.items():
        parts.append(paragraph(f"{name} was given up: {reason.rstrip('.')}.", "notice"))
    if results.compared:
        parts.append(paragraph(verdict(results), "verdict"))
        parts.append(paragraph(_origin(results), "origin"))
        parts += [_facts(results), table(before_after_table(results)), paragraph(_how_to_read(results), "explain")]
        parts.append(_advice(results))
    return element("section", *parts, class_="summary", id="summary", aria_label="Summary")


def _origin(results: StudyResults) -> str:
    best = results.best_compared
    return " ".join(filter(None, (every_metric(results, best), origin(results, best), price(results))))


def before_after_table(results: StudyResults) -> Table:
    """One row per architecture: each test metric of both sides, its paired difference, and adjusted p-values."""
    columns = [
        Column("Test split"),
        *(Column(capital(metric_words(name)), numeric=True) for name in METRICS),
        Column("Adjusted p", numeric=True),
    ]
    looks = Looks(results.settings.architectures)
    rows: list[list[Cell | str]] = []
    for name, sides in results.compared.items():
        mark = results.settings.best_words if name == results.best_architecture else ""
        cells: list[Cell | str] = [Cell(name, mark, swatch=looks.colour(name))]
        cells += [_metric_cell(sides.headline.metrics[metric]) for metric in METRICS]
        of_accuracy, of_auc = (p_value(sides.adjusted_p[metric]) for metric in _TESTS)
        cells.append(Cell(f"AUC {of_auc}", f"accuracy {of_accuracy}"))
        rows.append(cells)
    return Table(columns, rows)


def _metric_cell(found: MetricComparison) -> Cell:
    difference = found.difference
    text = f"{number(found.before.value)} \N{RIGHTWARDS ARROW} {number(found.after.value)}"
    return Cell(text, f"{signed(difference.value)} ({signed_interval(difference)})", difference_kind(difference))


def _facts(results: StudyResults) -> Html:
    metric, best = results.settings.test_metric, results.best_compared
    found, cost = results.compared[best].headline.metrics[metric], total_cost(results.compute)
    likely, after = found.improvement, f"{number(found.after.value)} ({interval(found.after)})"
    facts = [
        (results.settings.best_words, best, _best_note(results, best, f"test {metric_words(metric)} {after}")),
        ("its gain by tuning", signed(found.difference.value), f"95% interval {signed_interval(found.difference)}"),
        (
            "a tuned training beats an untuned one",
            f"{likely.probability:.0%}",
            f"of pairs of {best}'s seeds; 95% interval {likely.low:.0%} to {likely.high:.0%}",
        ),
    ]
    if cost.ratio is not None:
        note = f"the reference's training; {count(cost.compared[1])} patch-visits"
        facts.append(("cost of tuning", f"{cost.ratio:.1f} times", note))
    if cost.saved:
        facts.append(("saved by sharing", f"{cost.saved:.0%}", f"of {count(cost.unshared)} patch-visits"))
    tiles = (
        element("div", element("dt", escape(label)), element("dd", escape(value), element("small", escape(note))))
        for label, value, note in facts
    )
    return element("dl", *tiles, class_="facts")


def _best_note(results: StudyResults, best: str, tested: str) -> str:
    values = results.final_values(best)
    return "; ".join([tested, *(objective_value(name, values[name]) for name in values if name in QUANTITIES)])


def _how_to_read(results: StudyResults) -> str:
    sampling = next(iter(results.compared.values())).sampling
    equal_training = results.settings.confirm.equal_training
    return (
        f"Test metrics before \N{RIGHTWARDS ARROW} after tuning, means over {plural(sampling.seeds, 'seed')}; below "
        f"them the paired difference with its 95% interval (BCa bootstrap over {resampled_words(sampling)}), coloured "
        f"where it excludes 0.{before_note(equal_training)}{_symmetries(results)}{_macro(results)} "
        "p: McNemar's test of the accuracy and "
        "DeLong's of the AUC, adjusted by Holm over the architectures."
    )


def _symmetries(results: StudyResults) -> str:
    if not results.settings.confirm.symmetries:
        return ""
    return " Every prediction is the mean over the eight flips and quarter turns of its patch."


def _macro(results: StudyResults) -> str:
    if len(results.classes) <= 2:
        return ""
    return " Precision, recall, F1 and AUC are means over the classes, each against the rest."


def _advice(results: StudyResults) -> Html:
    advice = next_steps(results, results.settings.test_metric) or [
        "Nothing in this study asks for another run: hpo export writes its best models."
    ]
    items = element("ul", *(element("li", escape(sentence)) for sentence in advice))
    return element("div", element("h2", escape("What to run next")), items, class_="advice")


def _progress(results: StudyResults) -> str:
    parts = []
    for stage, words in STAGES.items():
        trials = results.trials_of(stage)
        ended = sum(trial.state in ("complete", "pruned", "failed") for trial in trials)
        parts.append(f"{words}: {ended} of {plural(len(trials), 'trial')} done" if trials else f"{words}: not started")
    fresh = [one for candidate in results.candidates for one in candidate.trainings]
    if fresh:
        parts.append(f"recheck: {sum(one.objective is not None for one in fresh)} of {len(fresh)} trained")
    trained = sum(bool(training.curve) for training in results.confirmations)
    tested = sum(training.test_probabilities is not None for training in results.confirmations)
    parts.append(f"{plural(trained, 'final training')} done, {tested} tested")
    return f"This study is not finished ({'; '.join(parts)}). Below is what there is so far."
