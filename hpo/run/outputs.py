"""The files that a study leaves: report, best configuration and models."""

from __future__ import annotations

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import HpoError
from hpo.export.tuned import is_exported, tuned_models
from hpo.reports.page.report import write_report
from hpo.reports.panels.function import look_for_modules
from hpo.results.read import read_results
from hpo.results.study import StudyResults
from hpo.storage.database import Database
from hpo.terminal import err, say


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
    # Sides whose trainings diverged with every seed that they share cannot be compared.
    tuned = {name: model for name, model in tuned_models(database, study).items() if name in results.compared}
    if not tuned:
        raise HpoError(f"{study.name}: no architecture is finished yet, there is nothing to export; run: hpo run")
    if is_exported(study, tuned, results, onnx=onnx):
        return
    from hpo.export.best import export_study  # imports TensorFlow

    with err.status("exporting the models"):
        export_study(study, dataset, results, tuned, onnx=onnx)
