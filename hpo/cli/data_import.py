"""``hpo data import``: images in folders, tars and zips, with or without a table of labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import JsonOption
from hpo.terminal import following, tell

PATIENTS = "Where a slide or patient is: folder:N, regex:(...) or column:NAME."


def import_(
    source: Annotated[
        Path, typer.Argument(help="Folder of class folders or of archives, or one tar or zip.", exists=True)
    ],
    folder: Annotated[Path, typer.Argument(help="Folder for the data set.", file_okay=False)],
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Folders (at any depth) or labels of the classes, label 0 first; others are left out. "
            '"normal=NORM+MUS,tumour=TUM" renames and merges. All class folders in alphabetical order if not given.',
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Table of labels: columns id,label or path,label and perhaps slide,split."),
    ] = None,
    slide_from: Annotated[str | None, typer.Option(metavar="RULE", help=PATIENTS)] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Folder's name: other images are left out; may be repeated."),
    ] = None,
    ignore_splits: Annotated[
        bool, typer.Option("--ignore-splits", help="One labelled set, whatever folders are called train or test.")
    ] = False,
    patch_size: Annotated[
        int | None, typer.Option(help="Side that the images must have, pixels; by default the first image's.", min=1)
    ] = None,
    resize: Annotated[int | None, typer.Option(help="Side to scale images to, pixels.", min=1)] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the centre to take of images, pixels.", min=1)] = None,
    tile: Annotated[int | None, typer.Option(help="Side of the tiles to cut images into, pixels.", min=1)] = None,
    to_rgb: Annotated[
        bool, typer.Option("--to-rgb", help="Convert grey, black-and-white, CMYK and LAB images; refused otherwise.")
    ] = False,
    grey: Annotated[
        bool, typer.Option("--grey", help="Patches of one channel; images in colour are converted.")
    ] = False,
    sixteen_bit: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH", help="Range of 16-bit values, such as 0-4095, scaled to 8 bits; refused otherwise."
        ),
    ] = None,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow links to files and folders.")] = False,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Skip images that cannot be used, and list them.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing data set as a whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Convert images to PCam's HDF5 files: all of them or none, with an account of every file."""
    from hpo.data.images.importing import Options, import_images

    options = Options(
        classes=classes,
        labels=labels,
        slide_from=slide_from,
        only=only or (),
        ignore_splits=ignore_splits,
        patch_size=patch_size,
        resize=resize,
        crop=crop,
        tile=tile,
        to_rgb=to_rgb,
        grey=grey,
        sixteen_bit=sixteen_bit,
        follow_links=follow_links,
        skip_damaged=skip_damaged,
        overwrite=overwrite,
    )
    with following() as progress:
        imported = import_images(source, folder, options, progress=progress)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder)} | imported.to_json(), indent=2))
        return
    for name, counts in imported.counts.items():
        of_first, *of_others = (
            f"{count} {'patches ' if not label else ''}of label {label} ({word})"
            for label, (count, word) in enumerate(zip(counts, imported.classes, strict=True))
        )
        tell(f"{folder}: {name}: {', '.join([of_first, *of_others])}")
    for line in imported.lines():
        tell(line)
