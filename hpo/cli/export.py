"""``hpo export``: best configuration, Keras models and ROC data of a finished study."""

from __future__ import annotations

from contextlib import closing

from hpo.cli.console import DatabaseOption, StudyArgument, out


def export(study: StudyArgument, database: DatabaseOption = None) -> None:
    """Write best_config.yaml, and ARCHITECTURE/model.h5 and roc.csv, for every architecture that is finished."""
    from hpo.cli.outputs import export_outputs
    from hpo.config.load import load_study
    from hpo.data.prepare import prepare_data
    from hpo.reports.read import read_results
    from hpo.storage.database import open_database

    settings = load_study(study, database)
    with closing(open_database(settings.database)) as opened:
        dataset = prepare_data(settings.data)
        export_outputs(settings, opened, dataset, read_results(opened, settings, dataset))
    out.print(str(settings.output), soft_wrap=True, markup=False, highlight=False)
