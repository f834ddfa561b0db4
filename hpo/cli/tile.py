"""``hpo tile``: slides and their annotations or labels to a data set of patches."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.limits import LARGEST_SEED
from hpo.cli.options import JsonOption, PositiveOption, SlideMppOption, names_in
from hpo.errors import HpoError
from hpo.terminal import following, tell


class Rule(StrEnum):
    """Whether a patch is tumour, as an option."""

    centre = "centre"
    overlap = "overlap"


class Balance(StrEnum):
    """How many patches of either label are kept, as an option."""

    natural = "natural"
    equal = "equal"


def tile(
    slides: Annotated[list[Path], typer.Argument(metavar="SLIDE...", help="Slides, and folders of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the data set.")],
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Table of whole slides: columns slide and label (0, 1, normal, tumor)."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of annotations, SLIDE.xml (ASAP) or SLIDE.geojson (QuPath); by default beside each slide.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    positive: PositiveOption = None,
    patch_size: Annotated[int, typer.Option(help="Side of the patches, pixels.", min=8, max=1024)] = 96,
    stride: Annotated[
        int | None, typer.Option(help="Pixels from patch to patch; the patch's side by default.", min=1)
    ] = None,
    level_mpp: Annotated[float, typer.Option(help="Micrometres per pixel of the patches.", min=0.01, max=100)] = 0.972,
    mpp: SlideMppOption = None,
    rule: Annotated[
        Rule, typer.Option(help="Tumour in the central third (PCam), or over a share of the patch.")
    ] = Rule.centre,
    overlap: Annotated[float, typer.Option(help="Share of tumour for --rule overlap.", min=0.001, max=1)] = 0.5,
    tissue: Annotated[float, typer.Option(help="Share of tissue that a patch must have.", min=0, max=1)] = 0.5,
    balance: Annotated[Balance, typer.Option(help="All patches, or as many of either label.")] = Balance.natural,
    per_slide: Annotated[int | None, typer.Option(help="Patches of a slide, at most.", min=2)] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Shares of training, validation and test by slide, such as 70,15,15; one set otherwise, which the "
            "study file's data.split divides by slide.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of all choices.", min=0, max=LARGEST_SEED)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing data set as a whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Cut slides into a data set of patches in PCam's format; slides are kept, so that splits are by slide."""
    from hpo.slides.batch import slides_named
    from hpo.slides.slide_table import read_slide_table
    from hpo.slides.tiling import TileSettings, tile_slides

    settings = TileSettings(
        size=patch_size,
        stride=stride,
        mpp=level_mpp,
        slide_mpp=mpp,
        least_tissue=tissue,
        rule=rule.value,
        overlap=overlap,
        balance=balance.value,
        per_slide=per_slide,
        shares=None if split is None else _shares(split),
        seed=seed,
        positive=names_in(positive),
    )
    table = None if labels is None else read_slide_table(labels)
    with following() as progress:
        found = tile_slides(
            slides_named(slides),
            output,
            settings,
            table=table,
            annotations=annotations,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps({"folder": str(output), "splits": found.counts, "slides": found.slides}, indent=2))
        return
    for name, (zeros, ones) in found.counts.items():
        tell(f"{output}: {name}: {zeros:,} patches of label 0, {ones:,} of label 1")
    tell(f"{found.slides} slides" + (f"; none of {', '.join(found.empty)}" if found.empty else ""))


def _shares(text: str) -> tuple[float, float, float]:
    """Three shares that add up to 1, from percentages or fractions."""
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    total = sum(parts)
    if len(parts) != 3 or min(parts) <= 0 or not (abs(total - 1) < 1e-6 or abs(total - 100) < 1e-6):
        raise HpoError(
            f"--split {text}: must be three shares above 0, of training, validation and test, that add up to 100, such "
            "as 70,15,15"
        )
    train, valid, test = (part / total for part in parts)
    return train, valid, test
