"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="The study file, such as studies/quickstart.yaml.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Of the study database; goes before HPO_DATABASE and the file's."),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Host to answer for, beside localhost and the address to listen on, such as a proxy's; may be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
