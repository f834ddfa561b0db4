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
SlideMppOption = Annotated[
    float | None,
    typer.Option("--mpp", help="Micrometres per pixel of all slides; overrides what they say.", min=0.01, max=100),
]
PositiveOption = Annotated[
    str | None,
    typer.Option("--positive", metavar="A,B", help="Names of annotations that are tumour; the usual ones by default."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def names_in(text: str | None) -> tuple[str, ...]:
    """The names that an option lists between commas; none if it is not given."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
