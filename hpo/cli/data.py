"""``hpo data``: make, import, fetch and check data sets in PCam's format."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hpo.cli.data_import import import_
from hpo.cli.limits import LARGEST_SEED, MOST_PATCHES, MOST_PROCESSES
from hpo.cli.options import JsonOption
from hpo.terminal import following, out, tell

if TYPE_CHECKING:
    from hpo.data.check import DataReport

app = typer.Typer(help="Make, import, fetch and check data sets.", no_args_is_help=True)


class Split(StrEnum):
    """PCam's splits, as an option."""

    train = "train"
    valid = "valid"
    test = "test"


PROBLEMS = 1
"""Exit code of a check that found problems."""


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder for the data set.", file_okay=False)],
    train: Annotated[int, typer.Option(help="Training patches.", min=2, max=MOST_PATCHES)] = 2000,
    valid: Annotated[int, typer.Option(help="Validation patches.", min=2, max=MOST_PATCHES)] = 500,
    test: Annotated[int, typer.Option(help="Test patches.", min=2, max=MOST_PATCHES)] = 500,
    patch_size: Annotated[int, typer.Option(help="Side of the patches, pixels.", min=32, max=512)] = 96,
    classes: Annotated[
        int, typer.Option(help="Classes: 2 are benign and malignant, the third is fat.", min=2, max=3)
    ] = 2,
    seed: Annotated[int, typer.Option(help="Random seed for the whole data set.", min=0, max=LARGEST_SEED)] = 0,
    processes: Annotated[
        int, typer.Option(help="Number of processes that draw; 0 is one per core.", min=0, max=MOST_PROCESSES)
    ] = 0,
    slides: Annotated[
        int | None,
        typer.Option(metavar="N", help="Draw N whole slides with outlined tumour instead of patches.", min=1, max=1000),
    ] = None,
    slide_size: Annotated[int, typer.Option(help="Side of the slides, pixels.", min=1024, max=65536)] = 4096,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing data set.")] = False,
) -> None:
    """Draw a sample data set that looks and tunes like H&E: lymph-node tissue with and without tumour."""
    from hpo.data.synthetic import CLASSES_OF, make_sample
    from hpo.errors import DataError
    from hpo.machine import available_cores

    if slides is not None:
        _sample_slides(folder, slides, slide_size, seed, processes or available_cores(), overwrite)
        return
    if not overwrite and folder.is_dir() and any(folder.glob("*.h5*")):
        raise DataError(f"{folder}: holds HDF5 files already; --overwrite replaces them")
    with following() as progress:
        make_sample(
            folder,
            train=train,
            valid=valid,
            test=test,
            patch_size=patch_size,
            classes=classes,
            seed=seed,
            processes=processes or available_cores(),
            progress=lambda done, total: progress("drawing patches", done, total),
        )
    tell(f"{folder}: {train} training, {valid} validation and {test} test patches of {patch_size} pixels")
    if classes > 2:
        tell(f"{folder}: {classes} classes: {', '.join(CLASSES_OF[classes])}")


def _sample_slides(folder: Path, count: int, side: int, seed: int, processes: int, overwrite: bool) -> None:
    from hpo.slides.sample import LABELS, make_slides

    with following() as progress:
        paths = make_slides(
            folder,
            count=count,
            side=side,
            seed=seed,
            processes=processes,
            overwrite=overwrite,
            progress=lambda done, total: progress("drawing slides", done, total),
        )
    tell(f"{folder}: {len(paths)} slides, {paths[0].name} to {paths[-1].name}, and {LABELS}")


app.command(name="import")(import_)


@app.command()
def fetch(
    name: Annotated[Literal["pcam"], typer.Argument(help="Which data set.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the data set.", file_okay=False)] = Path("data/pcam"),
    split: Annotated[list[Split] | None, typer.Option(help="Only this split; may be repeated.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Another server that holds the official files.")] = None,
) -> None:
    """Download PatchCamelyon (8 GB, 17 GB on disk once decompressed); a broken transfer is continued."""
    from hpo.data import fetch as source
    from hpo.data.pcam import SPLITS

    with following() as progress:
        before = source.fetch_pcam(
            folder,
            base_url=base_url or source.BASE_URL,
            files=source.PCAM_FILES,
            splits=[name for name in SPLITS if not split or name in split],
            progress=progress,
        )
    unverified = f"; {before} files existed already and were not verified" if before else " and verified"
    tell(f"{folder}: {name} is complete{unverified}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of the data set.", exists=True, file_okay=False)],
    preview: Annotated[Path | None, typer.Option(help="PNG to draw with patches of each class and split.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a whole data set: counts, classes, slides, repeats within and across splits, damaged files."""
    from hpo.data.check import check_folder

    if preview is not None:
        _check_preview(preview)
    with following() as progress:
        report = check_folder(folder, preview=preview, progress=progress)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print_report(report)
        if preview is not None:
            tell(f"preview: {preview}")
    if report.problems:
        raise typer.Exit(PROBLEMS)


def _check_preview(path: Path) -> None:
    """Refuse to overwrite a file that is not a PNG.

    Raises:
        DataError: if something else is there.
    """
    from hpo.errors import DataError

    if path.exists() and not path.is_file():
        raise DataError(f"--preview {path} is no regular file; name a PNG file to draw")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if not file.read(8).startswith(b"\x89PNG"):
                raise DataError(
                    f"--preview {path} already exists and is not a PNG; name another file, or remove it first"
                )


_COLUMNS = 4
"""The most classes that have a column each."""


def _print_report(report: DataReport) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(report.folder))
    classes = list(report.splits[0].classes) if report.splits else []
    shown = classes if len(classes) <= _COLUMNS else []
    several = "both labels" if len(classes) <= 2 else "several labels"
    for heading in ("split", "patches", "pixels", *shown, "slides", "repeats", several):
        table.add_column(Text(heading), justify="left" if heading == "split" else "right")
    for split in report.splits:
        slides = "unknown" if split.slides is None else str(split.slides)
        pixels = f"{split.shape[1]} x {split.shape[2]}" + ("" if split.shape[3] == 3 else f" x {split.shape[3]}")
        counts = (*(split.classes[name] for name in shown), slides, split.repeats, split.contradictions)
        table.add_row(split.name, str(split.patches), pixels, *map(str, counts))
    out.print(table)
    for split in report.splits if len(classes) > _COLUMNS else ():
        tell(f"{split.name}: {', '.join(f'{count} {name}' for name, count in split.classes.items())}")
    for crossing in report.crossings:
        first, second = crossing.splits
        slides = "slides unknown" if crossing.slides is None else f"{crossing.slides} slides"
        tell(f"{first} and {second} share {crossing.repeats} patches, {slides}")
    for problem in report.problems:
        tell(f"problem: {problem}")
    if not report.problems:
        tell("no problems")
