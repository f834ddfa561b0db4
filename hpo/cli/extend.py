"""``hpo extend``: more trials, patch-visits, minutes or seeds for a study that runs or has finished."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.launch import GpusOption, WorkersOption
from hpo.cli.options import DatabaseOption, StudyArgument
from hpo.errors import ConfigError, HpoError, StopRequestedError
from hpo.terminal import tell

if TYPE_CHECKING:
    from hpo.config.study import StudyFile
    from hpo.config.yaml_file import Location


def extend(
    study: StudyArgument,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials to add to stage 2 of each architecture.")] = None,
    patch_visits: Annotated[
        float | None, typer.Option(min=1, help="Patch-visits to add to stage 2 of each architecture, such as 2e6.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.001, help="Minutes of training to add to stage 2 of each architecture.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds to add to the final comparison.")] = None,
    plan_only: Annotated[
        bool,
        typer.Option("--plan-only", help="Write and record the plan; hpo run, or workers that run already, follow it."),
    ] = False,
    workers: WorkersOption = None,
    gpus: GpusOption = None,
    database: DatabaseOption = None,
) -> None:
    """Continue a study that runs or has finished with more of what it was planned with.

    The numbers are added to those of the study file, which is edited in place, its comments kept. The study then equals
    one that was planned so from the start; nothing is trained twice. A stopped extension continues with hpo run.
    """
    from hpo.config.load import load_study
    from hpo.config.yaml_file import displayed
    from hpo.stages.edits import said

    settings = load_study(study, database)
    asked = {"trials": trials, "patch_visits": patch_visits, "minutes": minutes}
    more = {name: number for name, number in asked.items() if number is not None}
    values = _values(settings, more, seeds)
    _check_started(settings)
    extended = _edited(settings, values, database)
    for location, value in values.items():
        before = getattr(getattr(settings, str(location[0])), str(location[1]))
        tell(f"{displayed(settings.file)}: {'.'.join(map(str, location))}: {said(before)} -> {said(value)}")
    if plan_only:
        _record(extended)
        return
    from hpo.cli.run import run_study_file

    try:
        run_study_file(extended, "test", workers, gpus)
    except StopRequestedError as error:
        raise StopRequestedError(str(error), go_on=f"hpo run {displayed(settings.file)}") from None


def _values(settings: StudyFile, more: dict[str, float], seeds: int | None) -> dict[Location, Any]:
    """What the study file is to say.

    Raises:
        HpoError: if nothing is asked for, or another kind of budget than the study has.
    """
    values: dict[Location, Any] = {}
    for name, number in more.items():
        before = getattr(settings.stage2, name)
        if before is None:
            kinds = ("trials", "patch_visits", "minutes")
            kind = next(kind for kind in kinds if getattr(settings.stage2, kind) is not None)
            option = f"--{kind.replace('_', '-')}"
            raise HpoError(
                f"{settings.file}: stage2.{kind} is the budget of this study, not {name}; extend it with {option}"
            )
        total = before + number
        values["stage2", name] = int(total) if float(total).is_integer() else total
    if seeds is not None:
        values["confirm", "seeds"] = [*settings.confirm.seeds, *_more_seeds(settings, seeds)]
    if not values:
        raise HpoError("extend by what? add --trials, --patch-visits or --minutes, or --seeds")
    return values


def _more_seeds(settings: StudyFile, amount: int) -> range:
    """Seeds for more final trainings: those by which the recheck chooses are not among them, and stay as they are."""
    from hpo.stages.recheck import fresh_seeds

    recheck = settings.stage2.recheck
    choosing = fresh_seeds(settings, recheck.seeds) if recheck is not None and recheck.top else ()
    first = max(*settings.confirm.seeds, *choosing, 0) + 1
    return range(first, first + amount)


def _check_started(settings: StudyFile) -> None:
    """See that there is something to extend, and that the study can be continued by its file.

    Raises:
        ConfigError: if the file is another study's by now.
        HpoError: if the study has not started.
    """
    from hpo.stages.begun import look_into_study
    from hpo.stages.replan import foreseen_changes

    with closing(look_into_study(settings)) as opened:
        if foreseen_changes(opened, settings, None) is None:
            raise HpoError(f"{settings.name}: not started; set its budget in {settings.file}, then: hpo run")


def _edited(settings: StudyFile, values: dict[Location, Any], database: str | None) -> StudyFile:
    """The study by its edited file; one that it would make invalid stays as it is.

    Raises:
        ConfigError: if the file cannot be edited, or would be no study's then.
    """
    from hpo.config.edit_yaml import set_values
    from hpo.config.load import load_study

    before = settings.file.read_bytes()
    set_values(settings.file, values)
    try:
        return load_study(settings.file, database)
    except ConfigError:
        settings.file.write_bytes(before)
        raise


def _record(settings: StudyFile) -> None:
    """Have the study take its file, whether or not the data are here."""
    from hpo.cli.edits import tell_changes
    from hpo.run.output_folder import adopt_plan
    from hpo.stages.plan import recorded_settings
    from hpo.storage.database import open_database

    with closing(open_database(settings.database)) as opened:
        recorded = recorded_settings(opened, settings.name) or {}
        tell_changes(adopt_plan(opened, settings, recorded["data"]))
