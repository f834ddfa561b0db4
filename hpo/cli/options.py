"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Study file, such as studies/quickstart.yaml.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="URL of the study database; overrides HPO_DATABASE and the study file."
    ),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Host name to answer to, besides localhost and the listening address, such as a proxy's; may be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
