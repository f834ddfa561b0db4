"""``hpo export``: the models of a finished study, and its runs for MLflow and TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.errors import HpoError
from hpo.stages.begun import looking_at
from hpo.terminal import following, say, tell

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.export.tuned import Tuned
    from hpo.results.study import StudyResults


def export(
    study: StudyArgument,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write ARCHITECTURE/model.onnx too.")] = False,
    mlflow: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="MLflow server to log trials and final trainings to: http://SERVER or sqlite:///FILE."
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the same as TensorBoard event files.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write to, if the study's own is read-only."),
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write best_config.yaml, and each finished architecture's model.keras, model.h5, model_card.md and roc.csv.

    Files that are up to date stay as they are. MLflow and TensorBoard also take a running study; nothing is logged to
    MLflow twice.
    """
    from hpo.data.prepare import prepare_data
    from hpo.export.extras import require_extra
    from hpo.export.tuned import tuned_models
    from hpo.results.read import read_results
    from hpo.run.outputs import export_outputs

    if onnx:
        require_extra("onnx")
    if mlflow is not None:
        require_extra("mlflow")
    if tensorboard is not None:
        require_extra("tensorboard")
    with looking_at(study, database) as begun:
        settings, opened = begun.study, begun.database
        if output is not None:
            settings = settings.model_copy(update={"output": output.absolute()})
        for note in begun.notes():
            say(note)
        dataset = prepare_data(settings.data)
        results = read_results(opened, settings, dataset)
        tuned = tuned_models(opened, settings)
        if not begun.trains_alike:
            raise HpoError(
                f"{settings.name}: was trained by an earlier version of hpo, whose weights this one cannot make again; "
                "its report and database can be read, export its models with the version that trained it"
            )
        if tuned or (mlflow is None and tensorboard is None):
            export_outputs(settings, opened, dataset, results, onnx=onnx)
            if not as_json:
                tell(str(settings.output))
    said = tell if not as_json else say
    if mlflow is not None:
        said(_log_to_mlflow(settings, results, tuned, mlflow))
    if tensorboard is not None:
        said(_log_to_tensorboard(results, tensorboard))
    if as_json:
        _print_json(settings, results, tuned)


def _print_json(settings: StudyFile, results: StudyResults, tuned: dict[str, Tuned]) -> None:
    from hpo.export.tuned import config_path, exported_files
    from hpo.results.as_json import results_to_json

    files = {name: [str(path) for path in exported_files(settings, name, onnx=True) if path.exists()] for name in tuned}
    found = {"output": str(settings.output), "best_config": str(config_path(settings)), "files": files}
    typer.echo(json.dumps(found | {"results": results_to_json(results)}, indent=2))


def _log_to_mlflow(settings: StudyFile, results: StudyResults, tuned: dict[str, Tuned], uri: str) -> str:
    from hpo.export.mlflow_log import log_to_mlflow
    from hpo.export.tuned import config_path, exported_files

    expected = [settings.output / "report.html", config_path(settings)]
    for name in tuned:
        expected += exported_files(settings, name, onnx=True)
    files = [path for path in expected if path.exists()]
    with following() as update:
        new = log_to_mlflow(
            results, uri, files, settings.output, lambda done, total: update("logging to MLflow", done, total)
        )
    return f"MLflow: {new} new runs in the experiment {settings.name}"


def _log_to_tensorboard(results: StudyResults, folder: Path) -> str:
    from hpo.export.tensorboard_log import write_event_files

    with following() as update:
        runs = write_event_files(results, folder, lambda done, total: update("writing event files", done, total))
    return f"TensorBoard: {runs} runs; to see them: tensorboard --logdir {folder}"
