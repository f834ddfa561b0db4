"""The answer in the terminal: test metrics before and after tuning."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from hpo.evaluation.estimate import Estimate
from hpo.evaluation.metrics import METRICS
from hpo.results.front import bound_lines, objective_value, read_front, rule_words
from hpo.results.study import StudyResults
from hpo.results.words import before_note, listed, plural, resampled_words
from hpo.terminal import out, tell


def print_comparison(results: StudyResults) -> None:
    """Print the test metrics before and after tuning, with 95% intervals; the best on validation is marked."""
    found = {name: sides.headline for name, sides in results.compared.items()}
    table = Table(
        title=f"{results.settings.name}: test split, before and after tuning",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("", no_wrap=True)
    for heading in ("before", "after", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, comparison in found.items():
        table.add_row(Text(f"{name}{' *' if name == results.best_compared else ''}", style="bold"))
        for metric in METRICS:
            values = comparison.metrics[metric]
            sides = _interval(values.before), _interval(values.after), _interval(values.difference, "+")
            table.add_row(metric, *sides)
        table.add_section()
    out.print(table)
    sampling = next(iter(found.values())).sampling
    out.print(
        f"means of {plural(sampling.seeds, 'seed')} with 95% intervals (bootstrap over {resampled_words(sampling)}); "
        f"* {results.settings.best_words}.{before_note(results.settings.confirm.equal_training)}"
    )

    for line in objective_lines(results):
        tell(line)


def objective_lines(results: StudyResults) -> Iterator[str]:
    """The objectives of each architecture's tuned network, and what chose it; nothing with one objective."""
    front = read_front(results)
    if front is None or not front.best:
        return
    yield f"chosen from a front of {plural(len(front.best), 'network')}: {rule_words(front.objectives)}"
    yield from bound_lines(front)
    for name in results.compared:
        trial, values = front.chosen.get(name), results.final_values(name)
        if trial is None or not values:
            continue
        reached = listed([objective_value(one, value) for one, value in values.items()])
        searched = listed([objective_value(one, value) for one, value in zip(values, trial.values, strict=True)])
        mark = " *" if name == results.best_compared else ""
        seeds = plural(len(results.trained_finals(name, "after")), "seed")
        yield f"{name}{mark}: {reached} (validation, {seeds}); trial {trial.number} of stage 2: {searched}"


def _interval(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.2f}, {estimate.high:{sign}.2f}]"
