"""``hpo copy``: a study under a new name, beside the one that it shares its trainings with."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from hpo.cli.options import StudyArgument
from hpo.errors import HpoError, StorageError
from hpo.terminal import say, tell


def copy(
    study: StudyArgument,
    name: Annotated[str, typer.Argument(metavar="NEW", help="Name of the new study; its file is NEW.yaml.")],
) -> None:
    """Write NEW.yaml: the same study under a new name, with a search space of its own.

    Database and checkpoints are shared, so that what both studies train is trained once. Edit NEW.yaml, then run it.
    """
    from hpo.config.copied import copy_study
    from hpo.config.load import load_study
    from hpo.config.yaml_file import displayed
    from hpo.stages.plan import recorded_settings
    from hpo.storage.database import look_into

    settings, recorded = load_study(study), None
    try:
        opened = look_into(settings.database)
    except StorageError as error:
        say(f"whether {settings.name} has started is not known: {error}")
    else:
        if opened is not None:
            with closing(opened):
                recorded = recorded_settings(opened, settings.name)
                if name != settings.name and recorded_settings(opened, name) is not None:
                    raise HpoError(f"{name}: database {opened.url} holds a study of that name; choose another name")
    own_store = recorded is not None and recorded["valid_patches"] != settings.data.valid_patches
    file, space = copy_study(settings, name, own_store=own_store)
    tell(f"{displayed(file)}, with its search space {displayed(space)}; next: hpo plan {displayed(file)}")
    if own_store:
        tell("its checkpoints are its own: those of the other study were validated on other patches")
    if recorded is not None:
        from hpo.stages.plan import changed_settings

        for change in changed_settings(settings, recorded):
            tell(f"to continue {settings.name} too, set back in its file: {change}")
