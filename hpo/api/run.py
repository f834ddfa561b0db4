"""Doing things to a study from Python: run it, or make one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.api.study import Study, open_study
from hpo.config.load import load_study
from hpo.config.stage import STAGES, Stage
from hpo.errors import HpoError, nearest
from hpo.worker.observer import Observer

if TYPE_CHECKING:
    from hpo.config.dashboard import Dashboard
    from hpo.config.search_space import SearchSpace


def run_study(
    study: Study | Path | str, *, until: Stage = "test", database: str | None = None, observer: Observer | None = None
) -> Study:
    """Run a study to its end in this process, as ``hpo run`` does, from wherever it stands.

    An interrupt stops it after the current epoch; calling it again continues from there. Report, best configuration and
    models are written at the end.

    Args:
        study: the study, or its file.
        until: the stage to end with; ``test`` is the end.
        database: URL that overrides HPO_DATABASE and the file's.
        observer: receives what happens; by default a progress bar.

    Returns:
        The study, to be read anew.

    Raises:
        HpoError: as ``hpo run``; if there is no such stage; `StopRequestedError` after an interrupt.
    """
    from hpo.run.here import run_here
    from hpo.run.output_folder import adopt_plan
    from hpo.run.outputs import write_outputs
    from hpo.run.signals import stopping
    from hpo.stages.data import open_data
    from hpo.stages.mend import remake_predictions
    from hpo.storage.database import open_database
    from hpo.terminal import say, say_doubts

    if until not in STAGES:
        raise HpoError(f"until: there is no stage {until!r}; {nearest(str(until), STAGES)}")
    if isinstance(study, Study):
        settings = study.settings if database is None else load_study(study.settings.file, database)
    else:
        settings = load_study(study, database)
    with closing(open_database(settings.database)) as opened, stopping() as stop:
        dataset = open_data(settings)
        say_doubts(dataset.doubts)
        adopt_plan(opened, settings, dataset.digest)
        for line in remake_predictions(opened, settings):
            say(line)
        settings, _ = run_here(settings, opened, dataset, stop, until, observer)
        if until == "test":
            write_outputs(settings, opened, dataset)
    return Study(settings)


def make_study(
    file: Path | str,
    *,
    search_space: SearchSpace | Mapping[str, Any] | Path | str,
    dashboard: Dashboard | Mapping[str, Any] | Path | str | None = None,
    **sections: Any,
) -> Study:
    """Make a study in Python: its YAML files are written, so that every command and worker can take it too.

    Args:
        file: the study file to write, such as ``studies/mine.yaml``.
        search_space: values of the hyper-parameters, written beside the study file, or a file that there is (its path
            starts where Python runs).
        dashboard: the report's contents, likewise; None is the report with everything in it.
        **sections: of `hpo.config.study.StudyFile`: mappings, or its models such as
            ``stage2=Stage2Settings(epochs=16, trials=20)``.

    Raises:
        ConfigError: if they say what they may not say.
        HpoError: if a file with other contents already exists.
    """
    from hpo.config.write import write_study_files

    new = write_study_files(Path(file), search_space=search_space, dashboard=dashboard, sections=sections)
    try:
        return open_study(file)
    except HpoError:
        for path in new:  # else the call, once corrected, would be refused for them
            path.unlink(missing_ok=True)
        raise
