"""What a study leaves on disk and in the terminal, from wherever it stands."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import HpoError
from hpo.evaluation.compare import Comparison
from hpo.evaluation.estimate import Estimate
from hpo.evaluation.metrics import METRICS
from hpo.export.tuned import best_of, is_exported, tuned_models
from hpo.reports.page.report import write_report
from hpo.reports.panels.function import look_for_modules
from hpo.results.read import read_results
from hpo.results.study import StudyResults
from hpo.results.words import before_note, plural, resampled_words
from hpo.storage.database import Database
from hpo.terminal import err, out, say


def write_outputs(study: StudyFile, database: Database, dataset: Dataset) -> StudyResults:
    """Write report, best configuration and models; files that are up to date stay as they are.

    Returns:
        What the report was drawn from.
    """
    results = read_results(database, study, dataset)
    look_for_modules(study.panels, study.file.parent, study.dashboard.parent)
    with err.status("writing the report"):
        write_report(results, study.panels, study.output / "report.html", say)
    export_outputs(study, database, dataset, results)
    return results


def export_outputs(
    study: StudyFile, database: Database, dataset: Dataset, results: StudyResults, *, onnx: bool = False
) -> None:
    """Write best configuration, models, model cards and ROC data, unless they are there already.

    Args:
        study: whose output folder they go to.
        database: the study's.
        dataset: its data.
        results: what the database holds of it.
        onnx: whether ONNX models are wanted too.

    Raises:
        HpoError: if no architecture is finished yet.
    """
    tuned = tuned_models(database, study)
    if not tuned:
        raise HpoError(f"{study.name}: no architecture is finished yet, there is nothing to export; run: hpo run")
    if is_exported(study, tuned, best_of(results, tuned), onnx=onnx):
        return
    from hpo.export.best import export_study  # imports TensorFlow

    with err.status("exporting the models"):
        export_study(study, dataset, results, tuned, onnx=onnx)


def comparisons(results: StudyResults) -> dict[str, Comparison]:
    """Before and after on the test split, of each architecture that has both."""
    return {name: sides.headline for name, sides in results.compared.items()}


def print_comparison(results: StudyResults) -> None:
    """Print the test metrics before and after tuning, with 95% intervals; the best on validation is marked."""
    found, best = comparisons(results), results.best_compared
    table = Table(
        title=f"{results.settings.name}: test split, before and after tuning",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("", no_wrap=True)
    for heading in ("before", "after", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, comparison in found.items():
        table.add_row(Text(f"{name}{' *' if name == best else ''}", style="bold"))
        for metric in METRICS:
            values = comparison.metrics[metric]
            sides = _interval(values.before), _interval(values.after), _interval(values.difference, "+")
            table.add_row(metric, *sides)
        table.add_section()
    out.print(table)
    sampling = next(iter(found.values())).sampling
    out.print(
        f"means of {plural(sampling.seeds, 'seed')} with 95% intervals (bootstrap over {resampled_words(sampling)}); "
        f"* best on validation.{before_note(results.settings.confirm.equal_training)}"
    )


def _interval(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.2f}, {estimate.high:{sign}.2f}]"
