"""``hpo plan``: the cost of a study, before it runs."""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.edits import tell_changes
from hpo.cli.options import DatabaseOption, JsonOption, StudyArgument
from hpo.errors import StorageError
from hpo.terminal import err, following, out, say, say_doubts, tell

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.stages.edits import Change
    from hpo.stages.estimate import StageEstimate


def plan(
    study: StudyArgument,
    database: DatabaseOption = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Estimate the time by training each architecture for a few seconds.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print how many design points, trainings, patch-visits and bytes a study will take, and how long.

    Of a study that has started, also say what the file changes, and what that means for what has been done.

    Stage 1 is exact; stage 2 and the confirmation are upper bounds, because the sampler chooses the patches. With
    trainings that pause and a budget in trials, stage 2 is an estimate: how many continue depends on their values.
    """
    from hpo.config.load import load_study

    settings = load_study(study, database)  # before what takes long to import: a wrong file is refused at once
    from rich import box
    from rich.table import Table

    from hpo.config.horizons import horizon_lines
    from hpo.config.own_factors import absent_factors, constant_objectives
    from hpo.launchers.arithmetic import slow_arithmetic
    from hpo.run.functions import check_functions
    from hpo.stages.data import open_data
    from hpo.stages.estimate import estimate, total
    from hpo.stages.limits import check_limits, left_out

    check_functions(settings)
    check_limits(settings)
    digest = None
    if settings.data.folder.exists():
        dataset = open_data(settings)
        say_doubts(dataset.doubts)
        digest = dataset.digest
    changes = _changes(settings, digest)
    speeds = _calibrated(settings) if calibrate else {}
    stages = [stage.filled(*speeds[stage.architecture]) if speeds else stage for stage in estimate(settings)]
    seconds = {name: sum(_seconds(stage, speeds) for stage in stages if stage.architecture == name) for name in speeds}
    if as_json:
        told = {
            "stages": [asdict(stage) for stage in stages],
            "seconds": seconds,
            **({} if changes is None else {"changes": [asdict(change) for change in changes]}),
        }
        typer.echo(json.dumps(told, indent=2))
        return
    title = f"{settings.name}: {settings.stage1.design}, then {settings.stage2.design}"
    title += f" in {settings.stage2.folds} folds" if settings.stage2.folds else ""
    table = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in ("", "stage"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "points",
        "trainings",
        "patch-visits",
        "after\nsharing",  # in two lines, so that the time too has room in 80 columns
        "checkpoints",
        *(["time"] if speeds else []),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in stages:
        table.add_row(*_cells(stage), *([_duration(_seconds(stage, speeds))] if speeds else []))
    table.add_section()
    table.add_row(*_cells(total(stages)), *([_duration(sum(seconds.values()))] if speeds else []))
    out.print(table)
    told_of_space = [*absent_factors(settings), *constant_objectives(settings), *horizon_lines(settings)]
    for line in [*told_of_space, *left_out(settings), *slow_arithmetic(settings)]:
        tell(line)
    if changes is not None:
        tell(f"{settings.name} has started; what is trained already is not trained again")
        tell_changes(changes)
    if speeds:
        whole = _duration(sum(seconds.values()))
        tell(f"at most {whole} with one worker here; what stages share is not known before they run")
    if settings.stage2.minutes is not None and not speeds:
        minutes = _duration(60 * settings.stage2.minutes)
        say(
            f"stage 2 of each architecture takes {minutes}; --calibrate says how many trainings that is enough for here"
        )
    elif not speeds:
        say("for the time on this machine: add --calibrate")
    if not settings.data.folder.exists() and settings.data.sample is None:
        say(f"the data do not exist yet: {settings.data.folder}")


def _changes(study: StudyFile, data_digest: str | None) -> list[Change] | None:
    """What the file changes of a study that has started; None if it has not, or if that cannot be known.

    Raises:
        ConfigError: if ``hpo run`` would refuse the file: it makes another study, its output folder is another study's,
            or it learns from a study that the database does not hold.
    """
    from hpo.run.output_folder import check_edited_here, check_output
    from hpo.stages.learned import check_learn_from
    from hpo.stages.replan import foreseen_changes
    from hpo.storage.database import look_into

    try:
        opened = look_into(study.database)
    except StorageError as error:
        say(f"whether the study has started is not known: {error}")
        return None
    if opened is None:
        check_learn_from(None, study)
        check_output(None, study)
        return None
    with closing(opened):
        with opened.transaction() as session:
            check_learn_from(session, study)
        check_output(opened, study)
        changes = foreseen_changes(opened, study, data_digest)
        if changes:
            check_edited_here(study)
        return changes


def _calibrated(study: StudyFile) -> dict[str, tuple[float, float]]:
    from hpo.data.prepare import prepare_data
    from hpo.run.calibrate import measure_speed  # imports TensorFlow

    with following() as update:
        dataset = prepare_data(study.data, update)
    with err.status("calibrating"):
        return {name: measure_speed(study, dataset, name) for name in study.architecture_specs}


def _seconds(stage: StageEstimate, speeds: dict[str, tuple[float, float]]) -> float:
    if stage.minutes is not None:
        return 60 * stage.minutes
    start, each = speeds[stage.architecture]
    return stage.trainings * start + stage.shared_patch_visits * each


def _cells(stage: StageEstimate) -> list[str]:
    return [
        stage.architecture,
        stage.stage,
        *(f"{count:,}" for count in (stage.points, stage.trainings, stage.patch_visits, stage.shared_patch_visits)),
        f"{stage.checkpoint_bytes / 1e6:,.0f} MB",
    ]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
